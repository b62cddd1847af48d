/** One group on one node: its state, and the facts about the node that decisions are made from. Plain data, no behaviour. */
import type { Arbiter } from "./arbiter.ts";
import type { Effect, FrameStep } from "./effects.ts";
import { entitled } from "./entitled.ts";
import type { Fencing } from "./fencing.ts";
import { createGateway, type Gateway, type GatewaySetup } from "./gateway.ts";
import { emptyGroupBeat, type GroupBeat, type Phase } from "./heartbeat.ts";
import type { HintSource } from "./hints.ts";
import type { Limits } from "./limits.ts";
import type { Role, ServingRole } from "./vocabulary.ts";

/** Questions to the network about the group's address, and what came back. */
export interface Probing {
  /** When the open question left; 0 when none is open. */
  sentUs: number;
  /** Questions in a row without an answer. */
  unanswered: number;
  /** When one was last answered; 0 when never in this suspicion. */
  answeredUs: number;
  nextUs: number;
  /** Since when another node has been given the first turn; -1 while there is none. */
  deferredUs: number;
}

/** The switch that is under way; meaningful while the role or phase says so. */
export interface Moving {
  id: number;
  /** The last one that this node has called off as the old node of it, 0 if none. */
  calledOff: number;
  reason: string;
  /** The operator's command that asked for it, 0 if none. */
  command: number;
  deadlineUs: number;
  /** Old node: since when its service only answers what it has, and until when. */
  drainFromUs: number;
  drainEndUs: number;
  barrierEndUs: number;
  /** Service links (bits) from which the old node's "all passed on", or its "reclaiming", is still awaited. */
  awaited: number;
  /** New node: the old one has begun to pass packets on. */
  passingSeen: boolean;
  /** Reclaiming: the lease was given up and has to be taken again. */
  leaseGone: boolean;
  /** It has been called off; what is left is to serve again. */
  aborted: boolean;
  /** Epoch of the peer when it began. */
  peerEpoch: number;
  /** New node: when it last asked whether the address is still free; -Infinity while that was not needed. */
  askedUs: number;
  /** New node: when the kernel last refused the take; what answers an earlier question is worth nothing any more. -Infinity: never. */
  refusedUs: number;
}

/** What the main thread was told last about services, followers and state, and whether it has done it. */
export interface Serving {
  to: ServingRole;
  /** Number of the order that said so. */
  order: number;
  /** It is part of a switchover: what the old node still has to say is waited for. */
  planned: boolean;
  /** The switchover that it is part of, 0 if it is none. */
  switchId: number;
  done: boolean;
  /** Why it could not be done; "" if it could, or is not known yet. */
  failed: string;
}

export interface GroupState {
  readonly index: number;
  readonly name: string;
  /** Service interfaces of the group, as bits of the pair's list of service interfaces. */
  readonly links: number;
  /** Both nodes hear the group's packets: nobody has to learn who serves, and the old node of a switchover has no stragglers. */
  readonly shared: boolean;
  /** ... but the network does not play along, and neighbours are told as on any other wire. Written by `shared_wire.ts` alone. */
  fallback: boolean;
  /** Frames for the virtual MAC in the last second, plus one; 1: none on one of the interfaces; 0: not counted yet. */
  seen: number;
  preferSelf: boolean;
  preempt: boolean;
  /** Written by `become` alone. */
  role: Role;
  sinceUs: number;
  /** Highest reign known; our own when primary. */
  epoch: number;
  /** No epoch up to this one may be used here: it was, or may have been, used by an earlier run. */
  usedUpTo: number;
  reservedUpTo: number;
  /** Highest epoch that a reservation was asked for, so as not to ask twice. */
  reserveAsked: number;
  /** The journal lost its memory and the peer has not told the epoch yet. */
  unproven: boolean;
  eligible: boolean;
  eligibleReason: string;
  /** Of the last reign of which this node's copy of the state has rows, or may have: whoever reigns next has a higher number. */
  knownEpoch: number;
  /** This node's copy of the state has been compared with the peer's in the present connection. */
  compared: boolean;
  /** Since when a vacancy waits for that, -1 if none does. */
  apartUs: number;
  /** Epoch of the reign that this node has lost last without a successor, -1 if there was none: nobody's copy was newer then. */
  reigned: number;
  carrier: boolean;
  /** Own rules are in the kernel. */
  rules: boolean;
  /** Packets to the addresses have been let in lately; written by who reads the counters, decides nothing. */
  traffic: boolean;
  /** What the peer last said of the group, if `peerKnown`. */
  readonly peer: GroupBeat;
  peerKnown: boolean;
  phase: Phase;
  switchId: number;
  /** Statement of our phase about links, see `GroupBeat.links`. */
  phaseLinks: number;
  readonly probing: Probing;
  /** What is asked in isolation; null: nobody. */
  readonly gateway: Gateway | null;
  readonly moving: Moving;
  /** The main thread has to be asked in a switch. */
  managed: boolean;
  readonly serving: Serving;
  /** Packets are held for the group by this node. */
  holding: boolean;
  /** Waits for the old node's word, or for its own services, before it lifts the hold (primary only). */
  settling: boolean;
  passUntilUs: number;
  /** Since when the peer has been primary in this reign too, 0 if it is not: the neighbours have to be told again who is right. */
  contestedUs: number;
  lastAskUs: number;
  nextOfferUs: number;
  /** Since when a preferred standby has seen nothing but health. */
  calmSinceUs: number;
}

/** What the node as a whole knows; every decision of a group reads it. */
export interface NodeFacts {
  readonly index: number;
  readonly peerName: string;
  nowUs: number;
  limits: Limits;
  /** When the peer was last heard (fresh), -Infinity if never. */
  heardUs: number;
  /** When the newest own heartbeat left that the peer's last word answers (`questions.ts`). */
  answeredUs: number;
  /** The peer speaks of the same pair, in this run of ours. */
  compatible: boolean;
  /** The peer says that its node is stopping. */
  peerStopping: boolean;
  /** A reason to suspect early, and until when it counts (`hints.ts`). */
  hint: string;
  hintSource: HintSource;
  hintUntilUs: number;
  stopping: boolean;
  /** Somebody works on this node by hand: nothing is taken that is not needed. */
  maintenance: boolean;
  nextSwitchId: number;
  /** How far the peer's end has been made sure of; null: nobody is to. */
  fencing: Fencing | null;
  /** The third voice; null: there is none. */
  readonly arbiter: Arbiter | null;
  readonly out: Effect[];
}

export function createGroup(
  setup:
    & Pick<
      GroupState,
      "index" | "name" | "links" | "preferSelf" | "preempt" | "usedUpTo" | "reservedUpTo" | "unproven"
    >
    & { readonly shared?: boolean; readonly gateway?: GatewaySetup },
  nowUs: number,
): GroupState {
  const { gateway, ...own } = setup;
  return {
    ...own,
    shared: setup.shared ?? false,
    fallback: false,
    seen: 0,
    gateway: gateway === undefined ? null : createGateway(gateway),
    role: "starting",
    sinceUs: nowUs,
    epoch: setup.usedUpTo,
    reserveAsked: setup.reservedUpTo,
    eligible: true,
    eligibleReason: "",
    knownEpoch: 0,
    // Who has state to compare says so before the peer is heard.
    compared: true,
    apartUs: -1,
    reigned: -1,
    carrier: true,
    rules: true,
    traffic: false,
    peer: emptyGroupBeat(),
    peerKnown: false,
    phase: "none",
    switchId: 0,
    phaseLinks: 0,
    probing: { sentUs: 0, unanswered: 0, answeredUs: 0, nextUs: 0, deferredUs: -1 },
    moving: {
      id: 0,
      calledOff: 0,
      reason: "",
      command: 0,
      deadlineUs: 0,
      drainFromUs: 0,
      drainEndUs: 0,
      barrierEndUs: 0,
      awaited: 0,
      passingSeen: false,
      leaseGone: false,
      aborted: false,
      peerEpoch: 0,
      askedUs: -Infinity,
      refusedUs: -Infinity,
    },
    managed: false,
    serving: { to: "standby", order: 0, planned: false, switchId: 0, done: true, failed: "" },
    holding: false,
    settling: false,
    passUntilUs: 0,
    contestedUs: 0,
    lastAskUs: -Infinity,
    nextOfferUs: 0,
    calmSinceUs: nowUs,
  };
}

/** Whether the peer has been heard lately enough to count on what it said. */
export function peerAlive(n: NodeFacts): boolean {
  return n.nowUs - n.heardUs < n.limits.aliveUs;
}

/**
 * The next epoch of the group, or null while none can be proven to be new. One node's are even, the other's odd: two that
 * take over without having heard of each other never use the same number.
 */
export function nextEpoch(n: NodeFacts, g: GroupState): number | null {
  const above = Math.max(g.epoch, g.usedUpTo) + 1;
  const epoch = above + (above % 2 === n.index ? 0 : 1);
  return !g.unproven && epoch <= g.reservedUpTo ? epoch : null;
}

/** Whether this node could serve the group now. */
export function able(n: NodeFacts, g: GroupState): boolean {
  return g.eligible && g.carrier && g.rules && !n.stopping && nextEpoch(n, g) !== null;
}

/** How long a switchover of the group may take to be prepared, unless an operator said less. */
export function prepareMaxUs(n: NodeFacts, g: GroupState): number {
  return g.managed ? n.limits.serveMaxUs : n.limits.prepareMaxUs;
}

/** This kernel is meant to hold the group's lease. */
export function leased(g: GroupState): boolean {
  return g.role === "primary" ||
    (g.role === "leaving" && !g.moving.leaseGone && (g.phase === "passing" || g.phase === "reclaiming"));
}

/** The mark under which a regular heartbeat leaves on the group's interfaces; null: none. */
export function beatStep(n: NodeFacts, g: GroupState): FrameStep | null {
  if (leased(g)) return g.carrier && entitled(n) ? "refresh" : null;
  if (g.role === "preparing") return "hold";
  if (g.role === "leaving") return g.phase === "reclaiming" ? "hold" : "pass";
  return n.nowUs < g.passUntilUs ? "pass" : null;
}
