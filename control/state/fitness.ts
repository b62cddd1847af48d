/**
 * Says of each group whether this node's copy is fit to be served. A node that starts does not know whether the peer's copy is newer: it
 * looks for it for a while, then goes by its own.
 */
import type { Replica } from "../core/state/replica.ts";
import type { Clock } from "./clock.ts";

export class Fitness {
  readonly #tell: (group: string, ok: boolean, reason: string) => void;
  readonly #tellCompared: (group: string, on: boolean) => void;
  readonly #said = new Map<string, string>();
  readonly #beside = new Map<string, boolean>();
  /** Groups whose copy was found fit beside the peer's: the wait has nothing more to tell of them. */
  readonly #compared = new Set<string>();
  /** Groups whose copy an operator wants served though it is not whole. */
  readonly #forced = new Set<string>();
  readonly #waitMs: number;
  readonly #clock: Clock;
  readonly #over: () => void;
  #waiting = true;
  #endWait: () => void = () => {};

  /**
   * @param compared told when a copy has been compared in the present connection, behind what came of it; and when it is alone again, before
   * @param over called when the wait for the peer is over, to judge anew
   */
  constructor(
    clock: Clock,
    waitMs: number,
    tell: (group: string, ok: boolean, reason: string) => void,
    compared: (group: string, on: boolean) => void,
    over: () => void,
  ) {
    this.#clock = clock;
    this.#waitMs = waitMs;
    this.#tell = tell;
    this.#tellCompared = compared;
    this.#over = over;
  }

  /** The wait for the peer begins. */
  start(): void {
    this.#endWait = this.#clock.after(this.#waitMs * 1000, () => {
      this.#waiting = false;
      this.#over();
    });
  }

  /** An operator's word, which stands until the copy is served or whole. */
  force(group: string): void {
    this.#forced.add(group);
  }

  judge(group: string, replica: Pick<Replica, "fit" | "copying" | "serving">, connected: boolean): void {
    if (!replica.copying) this.#forced.delete(group);
    if (connected && replica.fit === true) this.#compared.add(group);
    const compared = connected && replica.fit !== null;
    if (!compared) this.#sayCompared(group, false);
    const reason = this.#forced.has(group) ? "" : this.#reason(group, replica, connected);
    if (this.#said.get(group) !== reason) {
      this.#said.set(group, reason);
      this.#tell(group, reason === "", reason);
    }
    if (compared) this.#sayCompared(group, true);
  }

  #sayCompared(group: string, on: boolean): void {
    if (this.#beside.get(group) === on) return;
    this.#beside.set(group, on);
    this.#tellCompared(group, on);
  }

  #reason(
    group: string,
    { fit, copying, serving }: Pick<Replica, "fit" | "copying" | "serving">,
    connected: boolean,
  ): string {
    if (serving) return "";
    if (copying) return "its state is being copied from the peer and is not whole yet";
    if (connected) return fit === true ? "" : "its state is older than the peer's, or not compared yet";
    return this.#waiting && !this.#compared.has(group) ? "its state has not been compared with the peer's yet" : "";
  }

  close(): void {
    this.#endWait();
  }
}
