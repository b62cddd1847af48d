/**
 * Who owns the address, from what is heard on the switch alone: a primary's heartbeats claim an epoch, and only who made the highest claim may
 * speak as the address. Pure. Microseconds of one clock.
 */
import type { Speech } from "../../control/lab/watcher.ts";
import type { NodeName } from "../../control/lab/topology.ts";

/** The first heartbeat of a reign. */
export interface Claim {
  readonly node: NodeName;
  readonly epoch: number;
  readonly atUs: number;
}

/** Somebody spoke as the address who does not own it. */
export interface Intrusion {
  readonly node: NodeName;
  readonly kind: Speech;
  readonly atUs: number;
  /** The claim that stood by then, and for how long. */
  readonly owner: NodeName;
  readonly epoch: number;
  readonly afterUs: number;
}

export class Owners {
  #owner: Claim | null = null;
  /** Frames spoken as the address, and those before anybody claimed it. */
  spoken = 0;
  unclaimed = 0;

  /**
   * A heartbeat in which a node says that it is primary.
   * @returns the claim if it is a new reign; a sentence if no two nodes may say this
   */
  heard(node: NodeName, epoch: number, atUs: number): Claim | string | null {
    const owner = this.#owner;
    if (owner !== null && epoch === owner.epoch && node !== owner.node) {
      return `${owner.node} and ${node} both reign with epoch ${epoch}`;
    }
    // An older reign's last words may be late; they own nothing.
    if (owner !== null && epoch <= owner.epoch) return null;
    return this.#owner = { node, epoch, atUs };
  }

  spoke(node: NodeName, kind: Speech, atUs: number): Intrusion | null {
    this.spoken++;
    const owner = this.#owner;
    if (owner === null) this.unclaimed++;
    if (owner === null || owner.node === node) return null;
    return { node, kind, atUs, owner: owner.node, epoch: owner.epoch, afterUs: atUs - owner.atUs };
  }
}
