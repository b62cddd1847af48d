/** The kernel of one simulated node, for one group: what the real ruleset does with marked frames and with packets. */

const JIFFY_US = 4000;
const HOLD_US = 2_000_000;

export interface Packet {
  readonly seq: number;
  /** Came by way of the other node. */
  readonly fromPeer: boolean;
}

export type Fate = "served" | "held" | "passed" | "dropped";

export class SimKernel {
  leaseUntil = -Infinity;
  #armUntil = -Infinity;
  #holdUntil = -Infinity;
  #passUntil = -Infinity;
  /** The hold set of the inet table: without it the gate's hold lets packets through to nobody. */
  #queueing = false;
  readonly fromPeer: Packet[] = [];
  readonly direct: Packet[] = [];
  readonly #leaseUs: number;
  readonly #armUs: number;

  /** @param armUs how long a question licenses a take */
  constructor(leaseUs: number, armUs: number) {
    this.#leaseUs = leaseUs;
    this.#armUs = armUs;
  }

  #expiry(now: number, timeout: number): number {
    return (Math.floor(now / JIFFY_US) + Math.floor(timeout / JIFFY_US)) * JIFFY_US;
  }

  leaseAlive(now: number): boolean {
    return now < this.leaseUntil;
  }

  /** Runs a marked frame through the egress hook; false: refused, as ENOBUFS. */
  mark(now: number, step: string): boolean {
    switch (step) {
      case "refresh":
        if (!this.leaseAlive(now)) return false;
        this.leaseUntil = this.#expiry(now, this.#leaseUs);
        return true;
      case "take":
        if (now >= this.#armUntil) return false;
        this.#passUntil = -Infinity;
        this.#armUntil = -Infinity;
        this.leaseUntil = this.#expiry(now, this.#leaseUs);
        return true;
      case "hold":
        this.#holdUntil = now + HOLD_US;
        this.#armUntil = this.#expiry(now, this.#armUs);
        return true;
      case "unhold":
        this.#holdUntil = -Infinity;
        return true;
      case "pass":
        this.#passUntil = now + HOLD_US;
        return true;
      case "unpass":
        this.#passUntil = -Infinity;
        return true;
      case "drop":
        this.leaseUntil = -Infinity;
        return true;
      case "arm":
        this.#armUntil = this.#expiry(now, this.#armUs);
        return true;
      default:
        throw new Error(`unknown step ${step}`);
    }
  }

  /** The table is put in anew, as every start does: nothing of an earlier run lives on. */
  reset(): void {
    this.leaseUntil =
      this.#armUntil =
      this.#holdUntil =
      this.#passUntil =
        -Infinity;
    this.#queueing = false;
  }

  queue(on: boolean): void {
    this.#queueing = on;
  }

  receive(now: number, packet: Packet): Fate {
    if (now < this.#holdUntil && this.#queueing) {
      (packet.fromPeer ? this.fromPeer : this.direct).push(packet);
      return "held";
    }
    if (now < this.#passUntil && !packet.fromPeer) return "passed";
    return this.leaseAlive(now) ? "served" : "dropped";
  }
}
