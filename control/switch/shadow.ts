/**
 * The shadow of a shared wire: what comes for a group while the peer serves it waits in this node's kernel, until the peer has given a
 * sign of life later than it. At a failover the rest is served, in order (ARCHITECTURE.md, "The shared wire").
 */
import { KernelError } from "../../kernel_ffi/errno.ts";
import { ShadowQueue } from "../../kernel_ffi/nfqueue_shadow.ts";
import type { NodeState } from "../core/node.ts";
import { ArrivalLog } from "./arrival_log.ts";
import { PeerClock } from "./peer_clock.ts";
import type { PlannedGroup, SwitchPlan } from "./plan.ts";
import { queuesOf } from "./ruleset_spec.ts";
import type { KernelRules } from "./rules.ts";
import { Speakers } from "./speakers.ts";

/** Packets that the kernel keeps for a group; beyond it would drop the newest, so the oldest go some looks before. */
const QUEUE_LENGTH = 131_072;
const PACKETS_MAX = 98_304;
/** A release that is fed faster than it empties ends here. */
const ROUNDS_MAX = 64;
/** The look before a heartbeat comes a little early, to be in time if the wake is late. */
const EARLY_US = 150;
/** Rules that another program took away are put back by others; until then their absence is asked for so often. */
const RETRY_US = 10_000;

export interface ShadowCounts {
  /** Packets kept since the start; of these wait now, with their bytes, the oldest since then (-1: none). */
  readonly shadowed: number;
  readonly waiting: number;
  readonly bytes: number;
  readonly oldestUs: number;
  /** Served at failovers; dropped as the peer's; dropped for their age or number. */
  readonly replayed: number;
  readonly served: number;
  readonly dropped: number;
}

/** What a failover found in the shadow. */
export interface Replay {
  readonly shadowed: number;
  readonly replayed: number;
  /** Since the peer's last sign of life, for their age or number. */
  readonly dropped: number;
  readonly oldestUs: number;
}

interface Kept {
  readonly group: PlannedGroup;
  readonly queue: KeptQueue;
  readonly log: ArrivalLog;
  /** Virtual MACs of the group. */
  readonly macs: readonly Uint8Array[];
  readonly maxBytes: number;
  active: boolean;
  /** Of what waits was told so far. */
  toldPackets: number;
  toldBytes: number;
  replayed: number;
  served: number;
  dropped: number;
  /** As they were at the peer's last sign of life. */
  droppedBefore: number;
  lastReplay: Replay | null;
}

/** What is used of a `ShadowQueue`. */
export type KeptQueue = Pick<
  ShadowQueue,
  "highest" | "packets" | "bytes" | "lost" | "source" | "sourceLength" | "drain" | "release" | "drop" | "close"
>;

export interface ShadowParts {
  readonly rules: KernelRules;
  readonly node: NodeState;
  /** Told of packets that were dropped because there were too many. */
  readonly onOverflow: (group: string, packets: number) => void;
  /** Not given: the kernel's. */
  readonly open?: (queue: number, length: number) => KeptQueue;
}

export class Shadow {
  /** When `turn` has something to look at. */
  nextUs = Infinity;
  readonly #kept: readonly Kept[];
  readonly #rules: KernelRules;
  readonly #node: NodeState;
  /** Whom this node would have to answer. */
  readonly speakers = new Speakers();
  readonly #clock = new PeerClock();
  /** By service interface: when the last frame of the peer that came by it was sent, by this node's clock. */
  readonly #sentUs: Float64Array;
  #applied = true;
  readonly #onOverflow: (group: string, packets: number) => void;

  constructor(plan: SwitchPlan, parts: ShadowParts) {
    const open = parts.open ?? ((queue, length) => new ShadowQueue(queue, length));
    this.#rules = parts.rules;
    this.#node = parts.node;
    this.#onOverflow = parts.onOverflow;
    this.#sentUs = new Float64Array(plan.interfaces.length).fill(-Infinity);
    this.#kept = plan.groups.filter(isKept).map((group) => ({
      group,
      queue: open(queuesOf(group.index).shadow, QUEUE_LENGTH),
      log: new ArrivalLog(),
      macs: group.slots.map((slot) => slot.virtual!.mac),
      maxBytes: group.config.shared.maxBytes,
      active: false,
      toldPackets: 0,
      toldBytes: 0,
      replayed: 0,
      served: 0,
      dropped: 0,
      droppedBefore: 0,
      lastReplay: null,
    }));
  }

  /** Whether any group of the plan wants one. */
  static wanted(plan: SwitchPlan): boolean {
    return plan.groups.some(isKept);
  }

  /** Once a turn of the loop: groups that became standby, or fenced, get their shadow; what is due is looked at. */
  turn(nowUs: number): void {
    let begun = false;
    for (const kept of this.#kept) {
      const g = this.#node.groups[kept.group.index]!;
      // A take that was to wait for a hold that failed: who serves keeps nothing back.
      if (kept.active && g.role === "primary" && !g.holding) this.finish(kept.group.index, true, nowUs);
      // Who has lost its lease may be the next to serve too: what comes meanwhile is kept for it.
      if (kept.active || (g.role !== "standby" && g.role !== "fenced")) continue;
      kept.active = true;
      kept.droppedBefore = kept.dropped + kept.queue.lost;
      kept.lastReplay = null;
      begun = true;
    }
    if (begun) this.#applied = false;
    if (!this.#applied && (begun || nowUs >= this.nextUs)) this.#apply(nowUs);
    if (nowUs < this.nextUs) return;
    this.nextUs = Infinity;
    for (const kept of this.#kept) {
      if (!kept.active) continue;
      this.#look(kept, nowUs);
      // The next heartbeat says better when; without one, so often.
      this.nextUs = nowUs + this.#node.limits.heartbeatUs;
    }
    if (!this.#applied) this.nextUs = Math.min(this.nextUs, nowUs + RETRY_US);
  }

  /**
   * A heartbeat frame of the peer came by a service interface. Its kernel let it leave marked, so it had the lease then; what had
   * come before is served, or as good as.
   */
  heard(link: number, session: number, peerUs: number, nowUs: number): void {
    this.#sentUs[link] = this.#clock.sentUs(session, peerUs, nowUs);
    const beatUs = this.#node.limits.heartbeatUs;
    for (const kept of this.#kept) {
      if (!kept.active || (kept.group.links & (1 << link)) === 0 || !this.#serves(kept.group.index)) continue;
      const sentUs = this.#sentOnAll(kept.group), lagUs = this.#lagUs(kept);
      this.#dropServed(kept, sentUs - lagUs);
      // A look now, or a little before what the next heartbeat will prove.
      const lookUs = sentUs + beatUs - lagUs - EARLY_US;
      this.nextUs = lookUs > nowUs ? Math.min(this.nextUs, lookUs) : nowUs;
    }
  }

  /**
   * The peer's kernel has answered a question for an address, on a service interface, that was sent then (0: none): it had the lease, if
   * not a daemon.
   */
  answered(group: number, link: number, askedUs: number): void {
    if (askedUs === 0) return;
    this.#sentUs[link] = Math.max(this.#sentUs[link]!, askedUs);
    for (const kept of this.#kept) {
      if (kept.group.index === group) this.#dropServed(kept, this.#sentOnAll(kept.group) - this.#lagUs(kept));
    }
  }

  #dropServed(kept: Kept, us: number): void {
    kept.droppedBefore = kept.dropped + kept.queue.lost;
    kept.log.takeUntil(us);
    if (kept.log.taken === 0) return;
    kept.queue.drop(kept.log.takenUpTo);
    kept.served += kept.log.taken;
  }

  /**
   * What came so shortly before a heartbeat may not have been read by the service yet when the power went: it is kept until the next
   * one. The price is that more is served twice.
   */
  #lagUs(kept: Kept): number {
    return kept.group.config.shared.lagUs ?? this.#node.limits.heartbeatUs / 4;
  }

  #serves(group: number): boolean {
    const { peer } = this.#node.groups[group]!;
    // One that settles still holds what it has.
    return (peer.role === "primary" && peer.phase !== "settling") || peer.role === "leaving";
  }

  /** When the peer's last sign of life was sent, on that of the group's networks where it is the longest ago. */
  #sentOnAll(group: PlannedGroup): number {
    let sentUs = Infinity;
    for (let i = 0; i < this.#sentUs.length; i++) {
      if ((group.links & (1 << i)) !== 0) sentUs = Math.min(sentUs, this.#sentUs[i]!);
    }
    return sentUs;
  }

  /** Notes what has come, and keeps it within its bounds. */
  #look(kept: Kept, nowUs: number): void {
    const { queue, log } = kept;
    queue.drain();
    if (queue.sourceLength > 0) this.speakers.note(queue.source, queue.sourceLength);
    log.note(nowUs, queue.highest, queue.packets - kept.toldPackets, queue.bytes - kept.toldBytes);
    kept.toldPackets = queue.packets;
    kept.toldBytes = queue.bytes;
    // Older ones have been sent again by their senders, or given up, long since. Not once they are this node's to serve, and wait for its services.
    if (this.#node.groups[kept.group.index]!.role !== "primary") {
      log.takeUntil(nowUs - this.#ageMaxUs);
      this.#dropTaken(kept);
    }
    log.takeDownTo(kept.maxBytes, PACKETS_MAX);
    const tooMany = log.taken;
    this.#dropTaken(kept);
    if (tooMany > 0) this.#onOverflow(kept.group.config.name, tooMany);
  }

  #dropTaken(kept: Kept): void {
    if (kept.log.taken === 0) return;
    kept.queue.drop(kept.log.takenUpTo);
    kept.dropped += kept.log.taken;
  }

  /** Twice what a failover takes. */
  get #ageMaxUs(): number {
    const { deadAfterUs, leaseUs, probeUs } = this.#node.limits;
    return 2 * (deadAfterUs + leaseUs + 8 * probeUs);
  }

  /**
   * This node has taken the group's lease: what waits is served, in order, and from then on everything else at once. After a switchover
   * the old node has served it: it goes. False if there is no shadow (any more).
   */
  finish(group: number, replay: boolean, nowUs: number): boolean {
    const kept = this.#kept.find((it) => it.group.index === group);
    if (kept === undefined || !kept.active) return false;
    const replayedBefore = kept.replayed, { oldestUs } = kept.log;
    this.#empty(kept, replay, nowUs);
    kept.active = false;
    this.#apply(nowUs);
    this.#empty(kept, replay, nowUs);
    const replayed = kept.replayed - replayedBefore, dropped = kept.dropped + kept.queue.lost - kept.droppedBefore;
    kept.lastReplay = replay
      ? { shadowed: replayed + dropped, replayed, dropped, oldestUs: oldestUs < 0 ? 0 : nowUs - oldestUs }
      : null;
    return true;
  }

  #empty(kept: Kept, replay: boolean, nowUs: number): void {
    const { log, queue } = kept;
    for (let round = 0; round < ROUNDS_MAX; round++) {
      this.#look(kept, nowUs);
      log.takeAll();
      if (log.taken === 0) return;
      if (replay) {
        queue.release(log.takenUpTo);
        kept.replayed += log.taken;
      } else {
        queue.drop(log.takenUpTo);
        kept.served += log.taken;
      }
    }
  }

  /** Runs the calls of a failover before there is one: fresh code is slow the first time. Before this node has a role. */
  rehearse(nowUs: number): void {
    for (const kept of this.#kept) {
      kept.active = true;
      this.#apply(nowUs);
      this.finish(kept.group.index, false, nowUs);
    }
  }

  /** Another program took the rules away, and with them what was kept. They are put back, and the shadow with them. */
  rulesGone(nowUs: number): void {
    this.#applied = false;
    this.nextUs = nowUs;
    for (const { log } of this.#kept) log.takeAll();
  }

  #apply(nowUs: number): void {
    const macs = this.#kept.flatMap((kept) => kept.active ? kept.macs : []);
    try {
      this.#rules.setShadowed(macs);
      this.#applied = true;
    } catch (error) {
      // The hold's table is put back when this node serves nothing.
      if (!(error instanceof KernelError)) throw error;
      this.#applied = false;
    }
    this.nextUs = Math.min(this.nextUs, nowUs);
  }

  /** Null for a group that has none. */
  counts(group: number): ShadowCounts | null {
    const kept = this.#kept.find((it) => it.group.index === group);
    if (kept === undefined) return null;
    const { queue, log, replayed, served, dropped } = kept;
    const { packets: waiting, bytes, oldestUs } = log;
    return { shadowed: queue.packets, waiting, bytes, oldestUs, replayed, served, dropped: dropped + queue.lost };
  }

  /** What the last failover found and served; null for a group that has no shadow. */
  lastReplay(group: number): Replay | null {
    return this.#kept.find((it) => it.group.index === group)?.lastReplay ?? null;
  }

  close(): void {
    for (const { queue } of this.#kept) queue.close();
  }
}

function isKept(group: PlannedGroup): boolean {
  return group.shared && group.config.shared.replay;
}
