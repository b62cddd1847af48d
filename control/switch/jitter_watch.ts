/** Counts delays on the switch thread: of heartbeats, of own wakes, of refreshes. Allocates nothing between two hand-overs. */
import { Delays } from "../core/histogram.ts";
import { type Jitter, OUTAGE_US } from "../core/jitter.ts";
import type { NodeState } from "../core/node.ts";
import type { Links } from "./links.ts";

const SLOTS = 256;

export class JitterWatch {
  readonly wakes = new Delays();
  readonly #heard = new Delays();
  readonly #leases = new Delays();
  readonly #refreshedUs = new Float64Array(SLOTS).fill(-Infinity);
  /** Age of each slot's lease at its last refresh, granted or refused. */
  readonly #ageUs = new Float64Array(SLOTS);
  #outages = 0;
  /** Between two heartbeats of the peer, by what it had said when the last gap began. */
  beatUs = 0;

  /** A fresh heartbeat has come, and the core does not know yet. @param sameRun of the peer as the one before */
  heard(n: NodeState, nowUs: number, sameRun: boolean): void {
    this.beatUs = peerBeatUs(n);
    if (!sameRun || n.heardUs === -Infinity) return;
    const gap = nowUs - n.heardUs;
    if (gap > OUTAGE_US) this.#outages++;
    else this.#heard.note(gap - this.beatUs);
  }

  taken(slot: number, nowUs: number): void {
    this.#refreshedUs[slot] = nowUs;
  }

  /** A refresh leaves; whether the kernel grants it is not known yet. */
  refreshed(slot: number, nowUs: number, heartbeatUs: number): void {
    const age = nowUs - this.#refreshedUs[slot]!;
    this.#refreshedUs[slot] = nowUs;
    if (!(age < OUTAGE_US)) return;
    this.#ageUs[slot] = age;
    this.#leases.note(age - heartbeatUs);
  }

  leaseAgeUs(slot: number): number {
    return this.#ageUs[slot]!;
  }

  /** What was counted since the last time. */
  take(links: Links): Jitter {
    const outages = this.#outages;
    this.#outages = 0;
    return {
      heard: this.#heard.take(),
      links: Object.fromEntries(links.all.map((link) => [link.title, link.stats.delays.take()])),
      wakes: this.wakes.take(),
      leases: this.#leases.take(),
      outages,
    };
  }
}

/** A peer that is standby in everything beats slower, unless somebody counts on its pace (`beatDone` in the core). */
export function peerBeatUs(n: NodeState): number {
  for (const g of n.groups) {
    if (g.gateway !== null || !g.peerKnown || g.peer.role !== "standby" || g.peer.phase !== "none") {
      return n.limits.heartbeatUs;
    }
  }
  return n.limits.slowBeatUs;
}
