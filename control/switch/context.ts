/** What the parts of the switch thread share: the node, its links and kernel objects, and the way to the other threads. */
import type { Effect } from "../core/effects.ts";
import type { SwitchReport } from "../core/messages.ts";
import { emptyHeartbeat } from "../core/heartbeat.ts";
import type { NodeState } from "../core/node.ts";
import type { Alarm, EventLevel, NodeEvent, PacketCounts, Role, SwitchReceipt } from "../core/vocabulary.ts";
import type { PairKeys } from "../core/pair_keys.ts";
import { DATAGRAM_MAX } from "../core/wire.ts";
import type { Addresses } from "./addresses.ts";
import type { Gateways } from "./gateways.ts";
import type { Holds } from "./holds.ts";
import { SentTimes } from "./link_stats.ts";
import type { Links } from "./links.ts";
import type { Slot, SwitchPlan } from "./plan.ts";
import { EvidenceBook } from "./evidence_book.ts";
import { JitterWatch } from "./jitter_watch.ts";
import { ReceiptBook } from "./receipts.ts";
import type { Replay, Shadow } from "./shadow.ts";
import type { StragglerCount } from "./straggling.ts";
import type { KernelRules, SlotCounters } from "./rules.ts";

export interface SwitchParts {
  /** Name of the pair. */
  readonly pair: string;
  readonly plan: SwitchPlan;
  readonly node: NodeState;
  readonly links: Links;
  readonly rules: KernelRules;
  readonly holds: Holds;
  readonly addresses: Addresses;
  readonly gateways: Gateways;
  readonly keys: PairKeys;
  readonly software: string;
  readonly post: (report: SwitchReport) => void;
}

export class SwitchContext {
  readonly pair: string;
  readonly plan: SwitchPlan;
  readonly node: NodeState;
  readonly links: Links;
  readonly rules: KernelRules;
  readonly holds: Holds;
  readonly addresses: Addresses;
  readonly gateways: Gateways;
  readonly keys: PairKeys;
  readonly receipts: ReceiptBook;
  readonly evidence: EvidenceBook;
  readonly jitter = new JitterWatch();
  readonly sent = new SentTimes();
  readonly ownBeat = emptyHeartbeat();
  /** The encoded heartbeat. */
  readonly datagram = new Uint8Array(new ArrayBuffer(DATAGRAM_MAX));
  /** Slots of each service interface. */
  readonly slotsOf: readonly (readonly Slot[])[];
  /** Datagrams dropped, by reason. */
  readonly rejected: Record<string, number> = {};
  readonly alarms = new Map<string, Alarm>();
  readonly counters = {
    heartbeats_sent: 0,
    heartbeats_received: 0,
    probes_sent: 0,
    probes_answered: 0,
    suspicions: 0,
    lease_lapses: 0,
    late_wakes: 0,
    late_wake_max_us: 0,
    send_errors: 0,
    rules_repaired: 0,
  };
  /** Counters of the slots as they were when last read at leisure: what a switch adds is counted from here. */
  slotCounters: ReadonlyMap<number, SlotCounters> = new Map();
  /** Null without a group that has one. */
  shadow: Shadow | null = null;
  /** Packets served when the group was taken, -1: not read yet. */
  readonly servedAtTake: number[];
  readonly #told: { role: Role | null; epoch: number }[];
  /** The node that served before spoke of traffic when the group was taken. */
  readonly trafficExpected: boolean[];
  /** Per group: neighbours that still send to this node though it gave the addresses away. */
  readonly stragglers: (readonly StragglerCount[])[];
  readonly #outbox: SwitchReport[] = [];
  /** Receipts of switches that ended in this turn of the loop. */
  readonly #ended = new Map<number, SwitchReceipt>();
  readonly #post: (report: SwitchReport) => void;

  constructor(parts: SwitchParts) {
    this.pair = parts.pair;
    this.plan = parts.plan;
    this.node = parts.node;
    this.links = parts.links;
    this.rules = parts.rules;
    this.holds = parts.holds;
    this.addresses = parts.addresses;
    this.gateways = parts.gateways;
    this.keys = parts.keys;
    this.#post = parts.post;
    this.receipts = new ReceiptBook(parts.plan.name);
    this.evidence = new EvidenceBook(parts.links, parts.plan.peerName, parts.plan.groups.length);
    this.slotsOf = parts.plan.interfaces.map((_, i) => parts.plan.slots.filter((slot) => slot.interface === i));
    this.servedAtTake = parts.plan.groups.map(() => -1);
    this.#told = parts.plan.groups.map(() => ({ role: null, epoch: 0 }));
    this.trafficExpected = parts.plan.groups.map(() => false);
    this.stragglers = parts.plan.groups.map(() => []);
    this.ownBeat.software = parts.software;
    this.ownBeat.linkCount = parts.links.all.length;
    this.ownBeat.macCount = parts.links.frames.length;
    parts.links.frames.forEach((frame, i) => this.ownBeat.macs.set(frame.socket.mac, i * 6));
  }

  /** Goes to the main thread at the end of this turn of the loop, when nothing waits for it any more. */
  report(report: SwitchReport): void {
    this.#outbox.push(report);
  }

  flush(): void {
    this.#reportRoles();
    this.#ended.clear();
    if (this.#outbox.length === 0) return;
    for (const report of this.#outbox) this.#post(report);
    this.#outbox.length = 0;
  }

  /** Once a turn, as roles stand then: what came and went within it is in the receipts. */
  #reportRoles(): void {
    for (const g of this.node.groups) {
      const told = this.#told[g.index]!;
      if (told.role === g.role && told.epoch === g.epoch) continue;
      told.role = g.role;
      told.epoch = g.epoch;
      const alone = g.role === "primary" && this.node.nowUs - this.node.heardUs >= this.node.limits.suspectUs;
      this.report({ kind: "role", group: g.name, role: g.role, epoch: g.epoch, alone });
    }
  }

  event(level: EventLevel, kind: string, text: string, group?: string, detail?: NodeEvent["detail"]): void {
    const about = { ...(group === undefined ? {} : { group }), ...(detail === undefined ? {} : { detail }) };
    this.report({ kind: "event", event: { at: new Date().toISOString(), level, kind, text, ...about } });
  }

  /** What the core has to tell of a group. A lost reign has no receipt: what it was lost by goes along. */
  groupEvent(effect: Extract<Effect, { kind: "event" }>, nowUs: number): void {
    const g = effect.group === null ? undefined : this.node.groups[effect.group]!;
    let detail: NodeEvent["detail"];
    if (g !== undefined && effect.event === "fenced") {
      this.evidence.begin(this.node, g, "yield", nowUs);
      detail = { evidence: this.evidence.read(g.index, nowUs) };
    }
    this.event(effect.level, effect.event, effect.text, g?.name, detail);
  }

  /** Raises a condition that lasts, or ends it. @param detail of the event that its beginning is */
  alarm(kind: string, text: string | null, detail?: NodeEvent["detail"]): void {
    const known = this.alarms.get(kind);
    if (text === null) {
      if (!this.alarms.delete(kind)) return;
      this.event("info", `${kind} over`, `over: ${known!.text}`);
    } else if (known === undefined) {
      this.alarms.set(kind, { kind, since: new Date().toISOString(), text });
      this.event("alarm", kind, text, undefined, detail);
    } else if (known.text !== text) {
      this.alarms.set(kind, { ...known, text });
    }
  }

  /** This node has the group's lease: after a failover what is in the shadow is served, else the old node has served it. */
  finishShadow(group: number, nowUs: number): void {
    const replay = this.#nobodyServed(group);
    if (this.shadow === null || !this.shadow.finish(group, replay, nowUs) || !replay) return;
    this.receipts.step(group, `replayed ${this.shadow.lastReplay(group)?.replayed ?? 0}`, nowUs);
  }

  /** The switch that is under way ends a time in which nobody served the group. */
  #nobodyServed(group: number): boolean {
    const kind = this.receipts.kindOf(group);
    return kind === "failover" || kind === "retake";
  }

  /** Packets of a group were dropped from the shadow because there were too many. */
  shadowOverflow(group: string, packets: number): void {
    this.#overflowed.set(group, (this.#overflowed.get(group) ?? 0) + packets);
  }

  readonly #overflowed = new Map<string, number>();

  /** Said once for all of the time since it was said last. */
  sayOverflows(): void {
    if (this.#overflowed.size === 0) return;
    for (const [group, packets] of this.#overflowed) {
      const text = `${group}: more packets came than the shadow keeps: the ${packets} oldest were dropped`;
      this.event("alarm", "shadow-overflow", text, group, { packets });
    }
    this.#overflowed.clear();
  }

  /** To the main thread, which has the kernel ask for those neighbours. */
  tellSpeakers(nowUs: number): void {
    if (this.shadow === null || !this.shadow.speakers.due(nowUs)) return;
    const addresses = this.shadow.speakers.take(nowUs);
    if (addresses.length > 0) this.report({ kind: "speakers", addresses });
  }

  reject(reason: string): void {
    this.rejected[reason] = (this.rejected[reason] ?? 0) + 1;
  }

  /** Round-trip echoes: what was last heard on each link, and how long ago. */
  fillEchoes(nowUs: number): void {
    for (let i = 0; i < this.links.all.length; i++) {
      const stats = this.links.all[i]!.stats, echo = this.ownBeat.links[i]!;
      echo.seq = stats.seq;
      echo.delayUs = stats.seq === 0 ? 0 : Math.min(nowUs - stats.heardUs, 0xffff_ffff);
    }
  }

  beginReceipt(begin: Extract<Effect, { kind: "begin" }>, nowUs: number): void {
    const { group, switch: kind, reason, fromEpoch } = begin;
    if (kind === "failover" && !this.receipts.isOpen(group)) this.counters.suspicions++;
    const g = this.node.groups[group]!;
    if (this.receipts.isOpen(group)) this.evidence.goOn(this.node, g, nowUs);
    else this.evidence.begin(this.node, g, kind, nowUs);
    this.receipts.begin(group, kind, reason, fromEpoch, nowUs);
  }

  /** The counters are read now and not before: nobody waits for the switch any more. */
  endReceipt(group: number, outcome: "done" | "aborted", nowUs: number): void {
    if (!this.receipts.isOpen(group)) return;
    const planned = this.plan.groups[group]!;
    const before = this.slotCounters, now = this.rules.counters();
    const passed = planned.slots.reduce(
      (sum, { id }) => sum + (now.get(id)?.passed ?? 0) - (before.get(id)?.passed ?? 0),
      0,
    );
    // Other groups may be in the midst of a switch of their own.
    this.slotCounters = this.#mergeCounters(now, (other) => other !== group && this.receipts.isOpen(other));
    const held = this.holds.each[group]!.takeCounts();
    const replay = this.#nobodyServed(group) ? this.shadow?.lastReplay(group) ?? null : null;
    const receipt = this.receipts.end(
      group,
      planned.config.name,
      outcome,
      this.node.groups[group]!.epoch,
      {
        passed,
        ...held,
        dropped: held.dropped + (replay?.dropped ?? 0),
        ...replayCounts(replay),
      },
      nowUs,
      this.evidence.read(group, nowUs),
    );
    if (receipt === null) return;
    this.#ended.set(group, receipt);
    this.report({ kind: "receipt", receipt });
  }

  /** Reads the slots' counters. As noted, those of a group in the midst of a switch stay as they were when it began: its receipt counts from there. */
  readCounters(): ReadonlyMap<number, SlotCounters> {
    const now = this.rules.counters();
    this.slotCounters = this.#mergeCounters(now, (group) => this.receipts.isOpen(group));
    return now;
  }

  #mergeCounters(now: ReadonlyMap<number, SlotCounters>, keeps: (group: number) => boolean) {
    const kept = this.plan.slots.filter(({ id, group }) => keeps(group) && this.slotCounters.has(id));
    if (kept.length === 0) return now;
    return new Map([...now, ...kept.map(({ id }) => [id, this.slotCounters.get(id)!] as const)]);
  }

  /** Answers a command; with the receipt of the switch that ended just now, if one did. */
  answer(id: number, group: number, ok: boolean, error: string): void {
    const receipt = this.#ended.get(group);
    this.report({
      kind: "result",
      id,
      ok,
      ...(error === "" ? {} : { error }),
      ...(receipt === undefined ? {} : { receipt }),
    });
  }
}

function replayCounts(last: Replay | null): Partial<PacketCounts> {
  if (last === null) return {};
  return { shadowed: last.shadowed, replayed: last.replayed, replayedOldestUs: Math.round(last.oldestUs) };
}
