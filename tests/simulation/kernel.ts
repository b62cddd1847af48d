/**
 * The kernel of one simulated node, for one group: what the real ruleset does with marked frames and with packets
 * (ARCHITECTURE.md, "Where the lease lives"). Times are the node's own monotonic clock, microseconds.
 */
import type { FrameStep } from "../../control/core/effects.ts";
import { JIFFY_US } from "../../control/core/limits.ts";

const HOLD_US = 2_000_000;

export interface Packet {
  readonly seq: number;
  /** Came by way of the other node. */
  readonly fromPeer: boolean;
}

export type Fate = "served" | "held" | "passed" | "dropped";

export class SimKernel {
  leaseUntil = -Infinity;
  armUntil = -Infinity;
  #holdUntil = -Infinity;
  #passUntil = -Infinity;
  /** The hold set of the inet table: without it the gate's hold lets packets through to nobody. */
  #queueing = false;
  /** Somebody's `nft flush ruleset`: until they are back there is no gate, and every marked frame leaves without effect. */
  flushed = false;
  /** The address stands on the service interface, not only on `lo`. */
  addressOn = false;
  readonly fromPeer: Packet[] = [];
  readonly direct: Packet[] = [];
  readonly #leaseUs: number;
  readonly #armUs: number;

  /** @param armUs how long a question licenses a take */
  constructor(leaseUs: number, armUs: number) {
    this.#leaseUs = leaseUs;
    this.#armUs = armUs;
  }

  /** A set's time-out has the grain of a jiffy: it ends one jiffy early at most. */
  expiry(now: number, timeout: number): number {
    return (Math.floor(now / JIFFY_US) + Math.floor(timeout / JIFFY_US)) * JIFFY_US;
  }

  leaseAlive(now: number): boolean {
    return now < this.leaseUntil;
  }

  /** It answers as the address and lets packets from it out. */
  speaks(now: number): boolean {
    return this.flushed ? this.addressOn : now < this.leaseUntil;
  }

  /** Runs a marked frame through the egress hook; false: refused, as ENOBUFS. */
  mark(now: number, step: FrameStep): boolean {
    if (this.flushed) return true;
    switch (step) {
      case "refresh":
        if (!this.leaseAlive(now)) return false;
        this.leaseUntil = this.expiry(now, this.#leaseUs);
        return true;
      case "take":
        if (now >= this.armUntil) return false;
        this.#passUntil = -Infinity;
        this.armUntil = -Infinity;
        this.leaseUntil = this.expiry(now, this.#leaseUs);
        return true;
      case "hold":
        this.#holdUntil = now + HOLD_US;
        this.armUntil = this.expiry(now, this.#armUs);
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
        this.armUntil = this.expiry(now, this.#armUs);
        return true;
      default:
        return step satisfies never;
    }
  }

  /** The gate is put in anew, as every start and every repair does: nothing of what was in it lives on. */
  installGate(): void {
    this.leaseUntil =
      this.armUntil =
      this.#holdUntil =
      this.#passUntil =
        -Infinity;
    this.flushed = false;
  }

  /** Starts to queue, or ends it. */
  queue(on: boolean): void {
    this.#queueing = on;
  }

  /** What is held is gone: the queues belong to the sockets of a process. Returns it. */
  loseHeld(): Packet[] {
    this.#queueing = false;
    return [...this.fromPeer.splice(0), ...this.direct.splice(0)];
  }

  #queue(packet: Packet): Fate {
    // Nobody listens to the queue of a process that is gone.
    if (!this.#queueing) return "dropped";
    (packet.fromPeer ? this.fromPeer : this.direct).push(packet);
    return "held";
  }

  receive(now: number, packet: Packet): Fate {
    if (this.flushed) return this.addressOn ? "served" : "dropped";
    if (now < this.#holdUntil) return this.#queue(packet);
    if (now < this.#passUntil && !packet.fromPeer) return "passed";
    if (!this.leaseAlive(now)) return "dropped";
    return this.#queueing ? this.#queue(packet) : "served";
  }
}
