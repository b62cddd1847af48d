/**
 * A second opinion for a node that hears nothing of its peer: does its own gateway still answer? A node that neither hears its
 * peer nor reaches its gateway is cut off itself. It may not take over, and gives up what it has.
 *
 * The question goes out all the time, so that the answer is known before a takeover needs it. It counts only in isolation: a gateway
 * that is restarted moves nothing while the nodes hear each other.
 */
import { becomeFenced, say } from "./become.ts";
import { able, type GroupState, type NodeFacts } from "./group.ts";
import { voidProbes } from "./probing.ts";

export interface GatewayPace {
  /** Between two questions while nothing is amiss. */
  everyUs: number;
  /** What an answer may take; in isolation the next question leaves then. */
  timeoutUs: number;
  /** Questions without an answer, in a row, that count. */
  fall: number;
}

export interface GatewaySetup extends GatewayPace {
  /** As people know it. */
  readonly address: string;
  readonly interface: string;
}

export interface Gateway extends GatewaySetup {
  /** When it was last heard on its network, -Infinity if never. */
  heardUs: number;
  /** When the last question left, and whether it is open. */
  askedUs: number;
  open: boolean;
  unanswered: number;
  /** The alarm stands. */
  lost: boolean;
  /** A takeover that this node was not allowed has been told. */
  refused: boolean;
}

/** For this many leases an isolation is young: whoever else is left may be about to take over. */
const YOUNG_LEASES = 5;
/** After so many unanswered questions in a row nobody waits for the next answer any more. */
const URGENT_MAX = 50;

export function createGateway(setup: GatewaySetup): Gateway {
  return { ...setup, heardUs: -Infinity, askedUs: -Infinity, open: false, unanswered: 0, lost: false, refused: false };
}

/** Null while the first question has neither an answer nor had its time. */
export function gatewayReachable(gateway: Gateway): boolean | null {
  if (gateway.unanswered >= gateway.fall) return false;
  return gateway.heardUs === -Infinity ? null : true;
}

/**
 * Nothing is heard of the peer, whatever it would say. Where a gateway is asked, both nodes beat at full rate, so silence means the same
 * to each.
 */
export function isolated(n: NodeFacts): boolean {
  return n.nowUs - n.heardUs >= n.limits.suspectUs;
}

function urgent(n: NodeFacts, g: GroupState, gateway: Gateway): boolean {
  if ((!isolated(n) && g.role !== "suspecting") || gateway.unanswered >= URGENT_MAX) return false;
  if (n.nowUs - n.heardUs < YOUNG_LEASES * n.limits.leaseUs || gateway.unanswered > 0) return true;
  return g.role !== "primary" && g.probing.unanswered > 0;
}

function dueUs(n: NodeFacts, g: GroupState, gateway: Gateway): number {
  if (gateway.open) return gateway.askedUs + gateway.timeoutUs;
  return gateway.askedUs + (urgent(n, g, gateway) ? gateway.timeoutUs : gateway.everyUs);
}

/** Counts and sends questions. Before the role's own part of a tick. */
export function tickGateway(n: NodeFacts, g: GroupState): void {
  const { gateway } = g;
  if (gateway === null || !g.carrier) return;
  if (gateway.open && n.nowUs >= dueUs(n, g, gateway)) {
    gateway.open = false;
    gateway.unanswered++;
    if (gateway.unanswered >= gateway.fall) outOfReach(n, g, gateway);
  }
  if (!isolated(n)) {
    gateway.refused = false;
    // The next isolation is urgent again, however long the last one was.
    gateway.unanswered = Math.min(gateway.unanswered, gateway.fall);
  }
  if (gateway.open || n.nowUs < dueUs(n, g, gateway)) return;
  gateway.open = true;
  gateway.askedUs = n.nowUs;
  n.out.push({ kind: "askGateway", group: g.index });
}

/** When `tickGateway` wants to be called again. */
export function gatewayWakeUs(n: NodeFacts, g: GroupState): number {
  const { gateway } = g;
  if (gateway === null || !g.carrier) return Infinity;
  const due = dueUs(n, g, gateway), alone = n.heardUs + n.limits.suspectUs;
  return alone > n.nowUs ? Math.min(due, alone) : due;
}

/** It speaks on its network. */
export function gatewayHeard(n: NodeFacts, g: GroupState): void {
  const { gateway } = g;
  if (gateway === null) return;
  if (gateway.unanswered >= gateway.fall) voidProbes(n, g);
  gateway.heardUs = n.nowUs;
  gateway.open = false;
  gateway.unanswered = 0;
  gateway.refused = false;
  if (!gateway.lost) return;
  gateway.lost = false;
  n.out.push({ kind: "alarm", alarm: `gateway ${g.name}`, text: null });
}

/** After an own sleep an answer may have come and gone: the question is asked again. */
export function voidGateway(g: GroupState): void {
  if (g.gateway === null) return;
  g.gateway.open = false;
  g.gateway.unanswered = 0;
  g.gateway.askedUs = -Infinity;
}

/**
 * Whether this node may decide without its peer's word: it hears the peer, or has heard its gateway since the peer's last word, and
 * a moment ago.
 */
export function gatewayConsents(n: NodeFacts, g: GroupState): boolean {
  const { gateway } = g;
  if (gateway === null || !isolated(n)) return true;
  const freshUs = Math.max(2, gateway.fall) * gateway.timeoutUs;
  return gateway.heardUs > n.heardUs && n.nowUs - gateway.heardUs <= freshUs;
}

/** The primary's part: cut off from both, it is silent before anybody else speaks. True if it has given up. */
export function givesUp(n: NodeFacts, g: GroupState): boolean {
  const { gateway } = g;
  if (gateway === null || !isolated(n) || gateway.unanswered < gateway.fall || gateway.askedUs <= n.heardUs) {
    return false;
  }
  n.out.push({ kind: "cancel", group: g.index });
  becomeFenced(n, g, `cut off: ${silences(n, gateway)}`, true);
  return true;
}

function silences(n: NodeFacts, { address, interface: name, unanswered }: Gateway): string {
  const silent = n.heardUs === -Infinity ? "never heard" : `silent for ${((n.nowUs - n.heardUs) / 1000).toFixed(1)} ms`;
  return `${n.peerName} ${silent}, and the gateway ${address} on ${name} left ${unanswered} questions unanswered`;
}

/**
 * What nobody answered meanwhile proves nothing either: a node that was cut off and reaches its gateway again asks for the address anew,
 * or it would take it from an owner whose answer it has not waited for.
 */
function outOfReach(n: NodeFacts, g: GroupState, gateway: Gateway): void {
  tellLost(n, g, gateway);
  voidProbes(n, g);
  const waits = g.role === "suspecting" || g.role === "fenced";
  if (waits && !gateway.refused && n.nowUs - n.heardUs >= n.limits.deadAfterUs && able(n, g)) {
    tellRefused(n, g, gateway);
  }
}

function tellLost(n: NodeFacts, g: GroupState, gateway: Gateway): void {
  if (gateway.lost) return;
  gateway.lost = true;
  const text = `${g.name}: the gateway ${gateway.address} does not answer on ${gateway.interface}: ` +
    `without hearing ${n.peerName} this node may not serve ${g.name}`;
  n.out.push({ kind: "alarm", alarm: `gateway ${g.name}`, text });
}

function tellRefused(n: NodeFacts, g: GroupState, gateway: Gateway): void {
  gateway.refused = true;
  n.out.push({ kind: "step", group: g.index, text: "gateway silent too: no takeover" });
  say(n, g, "alarm", "isolated", `${g.name}: not taken over, this node is cut off: ${silences(n, gateway)}`);
}
