/** Clients that write faster than the standby takes wait here. */
import type { Clock } from "./clock.ts";

/** A write waits while more than this is under way. */
const UNDER_WAY_MAX = 16 * 1024 * 1024;
/** Each write waits this long while more is written than can be copied to a standby that returns. */
const SLOWED_DOWN_US = 20_000;

export interface RoomParts {
  readonly clock: Clock;
  /** Bytes of writes that the standby has not acknowledged. */
  readonly underWay: () => number;
  readonly outrun: () => boolean;
}

export class Room {
  readonly #p: RoomParts;
  #waiting: (() => void)[] = [];

  constructor(parts: RoomParts) {
    this.#p = parts;
  }

  /**
   * Null: a write may be done now. Else when to ask again.
   * @param waited it has been asked before for the same write
   */
  ask(waited: boolean): Promise<void> | null {
    const { clock, outrun, underWay } = this.#p;
    if (!waited && outrun()) return new Promise((resolve) => void clock.after(SLOWED_DOWN_US, resolve));
    if (underWay() < UNDER_WAY_MAX) return null;
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** The standby has taken something, or is gone: each asks again. */
  wake(): void {
    if (this.#p.underWay() >= UNDER_WAY_MAX) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }
}
