/**
 * The arbiter: a third voice for nodes whose LAN can split. Its key is free while the nodes hear each other. Who loses the other one claims it, by
 * a transaction that succeeds for one of them only; what that proves, and how long each has to wait for it, stands in `entitled.ts`.
 *
 * The core orders (`claimKey`, `releaseKey`), the main thread asks (`control/arbiter/`), and what it learns comes back with the order's
 * number. Nobody waits for it who hears the peer, or whose peer's kernel says that the daemon there is gone.
 */
import { answerCommand, becomeFenced, say } from "./become.ts";
import { entitled, holdsKey, PORT_VALID_US, takesAfterUs, takesFromStartUs } from "./entitled.ts";
import { isolated } from "./gateway.ts";
import { type GroupState, leased, type NodeFacts } from "./group.ts";
import { JIFFY_US } from "./limits.ts";
import type { CoreEvent } from "./node.ts";

export interface Arbiter {
  /** What its answer may take while a primary that lost its peer goes on. */
  readonly answerUs: number;
  /** Of the first look, when its ports are open; Infinity before. */
  startedUs: number;
  /** When the newest own heartbeat left that the peer is known to have heard. */
  answeredUs: number;
  /** When the peer's kernel said last, and first since the peer's last word, that no daemon listens there; -Infinity: not since. */
  goneUs: number;
  goneSinceUs: number;
  /** What came during an own sleep says nothing about now. */
  wokeUs: number;
  /** Of the order that was given last; the answer to an older one is nothing. */
  order: number;
  /** The key is wanted. */
  wanted: boolean;
  /** Own clock; -Infinity: not ours. */
  heldUntilUs: number;
  /** Why it is not ours, as last told; "" before any answer. */
  reason: string;
  /** The alarm stands. */
  refused: boolean;
}

/** What the main thread has learnt. `untilUs`: of a key that is held, how long its lease lives at least, by this machine's monotonic clock. */
export type ArbiterWord =
  | { readonly word: "held"; readonly untilUs: number }
  /** Somebody else has it, or had it and may still. */
  | { readonly word: "taken"; readonly reason: string }
  /** No answer, or none that can be used. What was held is held for as long as was said. */
  | { readonly word: "failed"; readonly reason: string };

export interface ArbiterEvent {
  readonly kind: "arbiter";
  readonly order: number;
  readonly word: ArbiterWord;
}

/** Of the time that the arbiter has for its answer. */
const HEAD_START_SHARE = 3;

const ALARM = "arbiter-key";

export function createArbiter(answerUs: number | null): Arbiter | null {
  if (answerUs === null) return null;
  return {
    answerUs,
    startedUs: Infinity,
    answeredUs: -Infinity,
    goneUs: -Infinity,
    goneSinceUs: -Infinity,
    wokeUs: -Infinity,
    order: 0,
    wanted: false,
    heldUntilUs: -Infinity,
    reason: "",
    refused: false,
  };
}

/** The peer has not said for a while that it hears this node: its heartbeats, an answer to them, and what either waits for. */
function unanswered(n: NodeFacts): boolean {
  return n.nowUs - n.arbiter!.answeredUs >= n.limits.suspectUs + 2 * n.limits.heartbeatUs;
}

/** Before the groups' part of a tick: asks for the key, or gives it back. */
export function tickArbiter(n: NodeFacts, groups: readonly GroupState[]): void {
  const a = n.arbiter;
  if (a === null) return;
  if (a.startedUs === Infinity) a.startedUs = n.nowUs;
  a.answeredUs = Math.max(a.answeredUs, n.answeredUs);
  if (n.heardUs >= a.goneUs) a.goneUs = a.goneSinceUs = -Infinity;
  // A standby that hears its peer must leave the key to it, though it may not be heard itself.
  const needs = groups.some(leased) ? unanswered(n) : isolated(n);
  if (a.wanted && !needs) release(n);
  else if (!a.wanted && needs && groups.some(leased)) claim(n);
}

function claim(n: NodeFacts): void {
  const a = n.arbiter!;
  a.order++;
  a.wanted = true;
  a.heldUntilUs = -Infinity;
  a.reason = "";
  n.out.push({ kind: "claimKey", order: a.order });
}

function release(n: NodeFacts): void {
  const a = n.arbiter!;
  a.wanted = false;
  a.heldUntilUs = -Infinity;
  a.reason = "";
  n.out.push({ kind: "releaseKey", order: a.order });
  lowerAlarm(n);
}

function stepAll(n: NodeFacts, groups: readonly GroupState[], text: string): void {
  for (const g of groups) n.out.push({ kind: "step", group: g.index, text });
}

function lowerAlarm(n: NodeFacts): void {
  if (!n.arbiter!.refused) return;
  n.arbiter!.refused = false;
  n.out.push({ kind: "alarm", alarm: ALARM, text: null });
}

/** What it learns from an event, whatever else comes of that. */
export function noteArbiter(n: NodeFacts, event: CoreEvent, groups: readonly GroupState[]): void {
  const a = n.arbiter;
  if (a === null) return;
  if (event.kind === "arbiter" && a.wanted && a.order === event.order) answered(n, a, groups, event.word);
  else if (event.kind === "lateWake") a.wokeUs = n.nowUs;
  else if (event.kind === "hint" && event.source === "port" && event.sure === true) daemonGone(n, a);
}

/** The kernel of the peer's machine says that nobody listens, by a path that worked until the peer fell silent. */
function daemonGone(n: NodeFacts, a: Arbiter): void {
  // What came while this node slept says nothing about now.
  if (n.nowUs - a.wokeUs < n.limits.deadAfterUs) return;
  if (n.nowUs - a.goneUs >= PORT_VALID_US) a.goneSinceUs = n.nowUs;
  a.goneUs = n.nowUs;
}

function answered(n: NodeFacts, a: Arbiter, groups: readonly GroupState[], word: ArbiterWord): void {
  if (word.word === "held") {
    const before = holdsKey(n);
    a.heldUntilUs = word.untilUs;
    a.reason = "";
    if (before || !holdsKey(n)) return;
    stepAll(n, groups, "arbiter: the key is ours");
    const text = `the arbiter's key is ours while ${n.peerName} is not heard`;
    n.out.push({ kind: "event", level: "notice", event: "arbiter", group: null, text });
    return lowerAlarm(n);
  }
  if (word.word === "taken") a.heldUntilUs = -Infinity;
  if (a.reason !== word.reason) stepAll(n, groups, `arbiter: ${word.reason}`);
  a.reason = word.reason;
}

/** Whether this node, whose probes are unanswered, may take without its peer's word. Asks for the key, unless that is under way. */
export function arbiterConsents(n: NodeFacts, g: GroupState): boolean {
  const a = n.arbiter;
  if (a === null || !isolated(n)) return true;
  // Who serves has the first word, or a split would move what need not move. It costs nothing: the time has to be waited for in any case.
  if (!a.wanted && n.nowUs - n.heardUs >= n.limits.deadAfterUs + a.answerUs / HEAD_START_SHARE) {
    claim(n);
    n.out.push({ kind: "step", group: g.index, text: "arbiter asked" });
  }
  // The lease of a daemon that is gone ends by itself, and a new one does not begin with any.
  const gone = n.nowUs - a.goneUs < PORT_VALID_US && n.nowUs - a.goneSinceUs >= n.limits.leaseUs + JIFFY_US;
  if (gone) return true;
  const waited = n.nowUs - n.heardUs >= takesAfterUs(n.limits, a.answerUs) &&
    n.nowUs - a.startedUs >= takesFromStartUs(n.limits, a.answerUs);
  if (!waited) return false;
  if (holdsKey(n)) return true;
  tellRefused(n, g);
  return false;
}

function tellRefused(n: NodeFacts, g: GroupState): void {
  const a = n.arbiter!;
  if (a.refused) return;
  a.refused = true;
  const text = `${n.peerName} is not heard, and nothing is served here without the arbiter's key: ${why(n)}`;
  n.out.push({ kind: "alarm", alarm: ALARM, text });
  say(n, g, "alarm", "isolated", `${g.name}: not taken over, ${text}`);
}

function why(n: NodeFacts): string {
  const { reason } = n.arbiter!;
  return reason === "" ? "the arbiter has not answered yet" : reason;
}

/** The primary's part: it is silent before anybody else may speak. True if it has given up. */
export function losesEntitlement(n: NodeFacts, g: GroupState): boolean {
  const a = n.arbiter;
  if (a === null || !leased(g) || entitled(n)) return false;
  const ms = a.answeredUs === -Infinity ? "" : ` for ${((n.nowUs - a.answeredUs) / 1000).toFixed(1)} ms`;
  const reason = `cut off: ${n.peerName} has not answered${ms}, and the arbiter's key is not ours: ${why(n)}`;
  n.out.push({ kind: "cancel", group: g.index });
  answerCommand(n, g, false, reason);
  becomeFenced(n, g, reason, true);
  return true;
}
