/**
 * The node as a pure machine: an event goes in, an ordered list of work comes out. No clock, no kernel, no randomness; the
 * daemon and the simulation drive the same functions.
 *
 * State is changed in place: at a thousand events a second an immutable machine would feed the garbage collector of the one
 * thread that must not pause. It is deterministic all the same: same state and event, same state and effects.
 */
import { type ArbiterEvent, createArbiter, losesEntitlement, noteArbiter, tickArbiter } from "./arbiter.ts";
import { judgeConfig } from "./compatible.ts";
import { answerCommand, becomeFenced, keepEpochsAhead } from "./become.ts";
import { switchover } from "./command.ts";
import { addressContested } from "./contest.ts";
import type { Effect } from "./effects.ts";
import { reignKnown } from "./epochs.ts";
import { createFreshness, type Freshness, judge, type Verdict } from "./freshness.ts";
import { createFencing, fenceAnswered, fenceOff } from "./fencing.ts";
import { gatewayHeard, tickGateway, voidGateway } from "./gateway.ts";
import { createGroup, type GroupState, leased, type NodeFacts } from "./group.ts";
import type { GroupBeat, Heartbeat } from "./heartbeat.ts";
import { type HintSource, refuteHint, takeHint } from "./hints.ts";
import type { Limits } from "./limits.ts";
import { deferProbes, probeAnswered, voidProbes } from "./probing.ts";
import { answeredUs, noQuestions, type SentQuestions } from "./questions.ts";
import { followWire, wireJudged } from "./shared_wire.ts";
import {
  heardBehindPackets,
  heardLeaving,
  heardPreparing,
  heardPrimary,
  holdFailed,
  leaseLost,
  letGo,
  served,
  serviceBusy,
  takeRefused,
  tickLeaving,
  tickPreparing,
  tickPrimary,
} from "./step_serving.ts";
import { heardWaiting, tickFenced, tickStandby, tickStarting, tickSuspecting } from "./step_waiting.ts";
import { eligible, managed, reserved } from "./told.ts";

export interface NodeState extends NodeFacts {
  readonly name: string;
  readonly digest: Uint8Array;
  readonly freshness: Freshness;
  readonly groups: readonly GroupState[];
  readonly sent: SentQuestions;
  nextBeatUs: number;
  /** What the peer's program calls itself, "" before it was heard. */
  peerSoftware: string;
  incompatibleSaid: boolean;
}

export type CoreEvent =
  | { readonly kind: "tick" }
  /** An authentic heartbeat. `link`: bit of the service interface that it came by as a frame, 0 for a path. */
  | { readonly kind: "heard"; readonly beat: Heartbeat; readonly link: number }
  /** The last heartbeat again, by another link. It proves no life (anybody can repeat it), only what travelled before it there. */
  | { readonly kind: "copy"; readonly beat: Heartbeat; readonly link: number }
  /**
   * Another node speaks as the address. `lower`: this node's MAC is the lower one of the two; where two cannot agree because they
   * do not hear each other, that one has the first turn. Not who is preferred: two whose configurations differ may both be.
   */
  | { readonly kind: "probeAnswered"; readonly group: number; readonly lower: boolean }
  /** Another node asks the network for the address, as this one does before it takes it. */
  | { readonly kind: "peerAsks"; readonly group: number; readonly lower: boolean }
  /** The group's gateway speaks on its network: an answer, or anything else. */
  | { readonly kind: "gatewayHeard"; readonly group: number }
  /** The kernel refused to refresh, or the rules were away: the lease is gone. */
  | { readonly kind: "leaseLost"; readonly group: number; readonly reason: string }
  /** `late`: for want of a licence, and nothing of it has left. */
  | { readonly kind: "takeRefused"; readonly group: number; readonly reason: string; readonly late: boolean }
  | { readonly kind: "holdFailed"; readonly group: number; readonly reason: string }
  /** The old node of a switchover has neither the lease nor the addresses on its interfaces any more. */
  | { readonly kind: "letGo"; readonly group: number }
  | { readonly kind: "carrier"; readonly group: number; readonly ok: boolean; readonly reason: string }
  | { readonly kind: "rules"; readonly ok: boolean }
  /** The old node of a switchover: a service has requests that it has not read yet. Comes before the tick that would drop the lease. */
  | { readonly kind: "busy"; readonly group: number }
  /** The main thread has to be asked in switches of the group, or not any more. */
  | { readonly kind: "managed"; readonly group: number; readonly on: boolean }
  /** Its answer to an order. */
  | {
    readonly kind: "served";
    readonly group: number;
    readonly order: number;
    readonly ok: boolean;
    readonly reason: string;
  }
  /** The command that makes sure that the peer is off has ended. */
  | { readonly kind: "peerFenced"; readonly order: number; readonly ok: boolean; readonly reason: string }
  | ArbiterEvent
  /**
   * Something besides silence speaks for the peer's death. `sure`: it came by a path that had worked until then, so that it is not a filter that
   * speaks.
   */
  | { readonly kind: "hint"; readonly source: HintSource; readonly reason: string; readonly sure?: boolean }
  /** This thread slept past its time. */
  | { readonly kind: "lateWake"; readonly lateUs: number }
  | { readonly kind: "eligible"; readonly group: number; readonly ok: boolean; readonly reason: string }
  /** This node's copy of the state has been compared with the peer's, or is alone again. `eligible` says what came of it, before. */
  | { readonly kind: "compared"; readonly group: number; readonly on: boolean }
  /** This node's copy of the state has heard of that reign. The peer may have said so by the stream before any heartbeat did. */
  | { readonly kind: "reignKnown"; readonly group: number; readonly epoch: number }
  | { readonly kind: "reserved"; readonly group: number; readonly upTo: number }
  | {
    readonly kind: "switchover";
    readonly group: number;
    readonly command: number;
    readonly toSelf: boolean | null;
    readonly timeoutUs: number;
    readonly force: boolean;
  }
  | { readonly kind: "limits"; readonly limits: Limits }
  /** The primary of a shared wire has compared what both nodes see: why it does not work, "" if it does. */
  | { readonly kind: "wire"; readonly group: number; readonly reason: string }
  | { readonly kind: "maintenance"; readonly on: boolean }
  | { readonly kind: "stop" };

export interface NodeSetup {
  readonly index: number;
  readonly name: string;
  readonly peerName: string;
  readonly session: number;
  readonly digest: Uint8Array;
  readonly limits: Limits;
  /** A takeover without the peer's word waits until the peer has been fenced. */
  readonly fencing?: boolean;
  /** There is an arbiter, whose answer may take so long while a primary that lost its peer goes on. */
  readonly arbiterUs?: number | null;
  readonly groups: readonly Omit<Parameters<typeof createGroup>[0], "index">[];
}

export function createNode(setup: NodeSetup, nowUs: number): NodeState {
  return {
    index: setup.index,
    name: setup.name,
    peerName: setup.peerName,
    digest: setup.digest,
    limits: setup.limits,
    nowUs,
    heardUs: -Infinity,
    answeredUs: -Infinity,
    sent: noQuestions(),
    compatible: false,
    peerStopping: false,
    hint: "",
    hintSource: "port",
    hintUntilUs: -Infinity,
    stopping: false,
    maintenance: false,
    // The nodes' numbers never meet: one is even, the other odd.
    fencing: setup.fencing === true ? createFencing() : null,
    arbiter: createArbiter(setup.arbiterUs ?? null),
    nextSwitchId: ((setup.session % 0x3fff_ffff) * 2 + setup.index) >>> 0,
    out: [],
    freshness: createFreshness(setup.session),
    groups: setup.groups.map((group, index) => createGroup({ ...group, index }, nowUs)),
    nextBeatUs: nowUs,
    peerSoftware: "",
    incompatibleSaid: false,
  };
}

/** Applies one event that happened at `nowUs`. The effects stand in `node.out` until the next call. */
export function stepNode(n: NodeState, nowUs: number, event: CoreEvent): readonly Effect[] {
  n.out.length = 0;
  n.nowUs = nowUs;
  noteArbiter(n, event, n.groups);
  switch (event.kind) {
    case "tick":
      tick(n);
      break;
    case "heard":
      heard(n, event.beat, event.link);
      break;
    case "copy":
      if (n.compatible) { for (const g of n.groups) heardBehindPackets(n, g, event.link & g.links); }
      break;
    case "probeAnswered":
      addressSpoken(n, n.groups[event.group]!, event.lower);
      break;
    case "peerAsks":
      if (!event.lower) deferProbes(n, n.groups[event.group]!);
      break;
    case "gatewayHeard":
      gatewayHeard(n, n.groups[event.group]!);
      break;
    case "leaseLost":
      leaseLost(n, n.groups[event.group]!, event.reason);
      break;
    case "takeRefused":
      takeRefused(n, n.groups[event.group]!, event.reason, event.late);
      break;
    case "holdFailed":
      holdFailed(n, n.groups[event.group]!, event.reason);
      break;
    case "letGo":
      letGo(n, n.groups[event.group]!);
      break;
    case "carrier":
      carrier(n, n.groups[event.group]!, event.ok, event.reason);
      break;
    case "rules":
      for (const g of n.groups) g.rules = event.ok;
      break;
    case "busy":
      serviceBusy(n, n.groups[event.group]!);
      break;
    case "managed":
      managed(n, n.groups[event.group]!, event.on);
      break;
    case "served":
      served(n, n.groups[event.group]!, event.order, event.ok, event.reason);
      break;
    case "peerFenced":
      fenceAnswered(n, event.order, event.ok, event.reason);
      break;
    case "arbiter":
      break;
    case "hint":
      takeHint(n, event.source, event.reason);
      break;
    case "lateWake":
      for (const g of n.groups) {
        voidProbes(n, g);
        voidGateway(g);
      }
      break;
    case "eligible":
      eligible(n.groups[event.group]!, event.ok, event.reason);
      break;
    case "compared":
      n.groups[event.group]!.compared = event.on;
      break;
    case "reignKnown":
      reignKnown(n, n.groups[event.group]!, event.epoch);
      break;
    case "reserved":
      reserved(n.groups[event.group]!, event.upTo);
      break;
    case "switchover":
      switchover(n, n.groups[event.group]!, event);
      break;
    case "limits":
      n.limits = event.limits;
      break;
    case "wire":
      wireJudged(n, n.groups[event.group]!, event.reason);
      break;
    case "maintenance":
      n.maintenance = event.on;
      break;
    case "stop":
      n.stopping = true;
      break;
    default:
      event satisfies never;
  }
  return n.out;
}

function tick(n: NodeState): void {
  tickArbiter(n, n.groups);
  for (const g of n.groups) tickGroup(n, g);
  if (n.nowUs >= n.nextBeatUs) n.out.push({ kind: "beat", group: null, step: null });
}

function tickGroup(n: NodeState, g: GroupState): void {
  tickGateway(n, g);
  if (losesEntitlement(n, g)) return;
  switch (g.role) {
    case "starting":
      return tickStarting(n, g);
    case "standby":
      return tickStandby(n, g);
    case "suspecting":
      return tickSuspecting(n, g);
    case "fenced":
      return tickFenced(n, g);
    case "preparing":
      return tickPreparing(n, g);
    case "primary":
      return tickPrimary(n, g);
    case "leaving":
      return tickLeaving(n, g);
    default:
      g.role satisfies never;
  }
}

/** Judges a heartbeat without any other effect, so that the reactor can tell a greeting or a replay from news. */
export function judgeHeartbeat(n: NodeState, nowUs: number, beat: Heartbeat): Verdict {
  return judge(n.freshness, beat, nowUs, n.limits.aliveUs);
}

function heard(n: NodeState, beat: Heartbeat, link: number): void {
  n.heardUs = n.nowUs;
  fenceOff(n);
  n.answeredUs = answeredUs(n.sent, beat);
  refuteHint(n);
  n.peerSoftware = beat.software;
  n.peerStopping = beat.stopping;
  if (!judgeConfig(n, beat)) return;
  for (const g of n.groups) heardGroup(n, g, beat.groups[g.index]!, link);
}

function heardGroup(n: NodeState, g: GroupState, said: GroupBeat, link: number): void {
  Object.assign(g.peer, said);
  g.peerKnown = true;
  g.unproven = false;
  if (g.role !== "primary" && g.role !== "leaving" && said.epoch > g.epoch) g.epoch = said.epoch;
  keepEpochsAhead(n, g);
  followWire(n, g);
  // Only what travels on the group's own networks says anything about its packets.
  const own = link & g.links;
  switch (g.role) {
    case "primary":
      return heardPrimary(n, g, own);
    case "leaving":
      return heardLeaving(n, g, own);
    case "preparing":
      return heardPreparing(n, g);
    default:
      heardWaiting(n, g);
      return heardBehindPackets(n, g, own);
  }
}

/** Another node speaks as the address: the answer to a probe, or a second owner. */
function addressSpoken(n: NodeState, g: GroupState, lower: boolean): void {
  if (leased(g)) addressContested(n, g, lower);
  else probeAnswered(n, g);
}

function carrier(n: NodeState, g: GroupState, ok: boolean, reason: string): void {
  if (g.carrier === ok) return;
  g.carrier = ok;
  n.out.push({ kind: "alarm", alarm: `carrier ${g.name}`, text: ok ? null : reason });
  // Questions that left before, or without it, were heard by nobody.
  voidProbes(n, g);
  if (ok) return;
  if (leased(g)) {
    n.out.push({ kind: "cancel", group: g.index });
    answerCommand(n, g, false, reason);
    becomeFenced(n, g, reason, true);
  }
  // The peer shall know by any other path, at once.
  n.out.push({ kind: "beat", group: null, step: null });
}
