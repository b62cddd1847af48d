/** The only writer of roles. Each function says what must happen, in order, when a group's role changes on this node. */
import { type GroupState, nextEpoch, type NodeFacts } from "./group.ts";
import type { Phase } from "./heartbeat.ts";
import { EPOCHS_LOW } from "./limits.ts";
import { orderServices, servicesReady } from "./serving.ts";
import type { Role, SwitchKind } from "./vocabulary.ts";

function become(n: NodeFacts, g: GroupState, role: Role): void {
  g.role = role;
  g.sinceUs = n.nowUs;
  g.settling = false;
  g.contestedUs = 0;
  clearProbing(g);
}

export function clearProbing(g: GroupState): void {
  g.probing.sentUs = 0;
  g.probing.unanswered = 0;
  g.probing.answeredUs = 0;
  g.probing.nextUs = 0;
  g.probing.deferredUs = -1;
}

export function setPhase(g: GroupState, phase: Phase, switchId: number): void {
  g.phase = phase;
  g.switchId = switchId;
  g.phaseLinks = 0;
}

/** A number for a switch or a request that neither node has used lately. */
export function newSwitchId(n: NodeFacts): number {
  n.nextSwitchId = (n.nextSwitchId + 2) >>> 0;
  return n.nextSwitchId;
}

/** Asks for more epochs long before the last one is used, and above what the peer has used. */
export function keepEpochsAhead(n: NodeFacts, g: GroupState): void {
  const highest = Math.max(g.epoch, g.usedUpTo);
  if (g.reservedUpTo - highest >= EPOCHS_LOW || g.reserveAsked >= highest + EPOCHS_LOW) return;
  g.reserveAsked = highest + EPOCHS_LOW;
  n.out.push({ kind: "reserve", group: g.index, above: highest });
}

export function say(
  n: NodeFacts,
  g: GroupState,
  level: "info" | "notice" | "alarm",
  event: string,
  text: string,
): void {
  n.out.push({ kind: "event", level, event, group: g.index, text });
}

/** Ends the wait of an operator's command, if one waits. */
export function answerCommand(n: NodeFacts, g: GroupState, ok: boolean, error: string): void {
  if (g.moving.command === 0) return;
  n.out.push({ kind: "result", id: g.moving.command, group: g.index, ok, error });
  g.moving.command = 0;
}

export function becomeStandby(n: NodeFacts, g: GroupState, reason: string): void {
  const from = g.role;
  become(n, g, "standby");
  g.calmSinceUs = n.nowUs;
  setPhase(g, "none", 0);
  if (g.holding && from !== "preparing") {
    g.holding = false;
    n.out.push({ kind: "giveBack", group: g.index });
  }
  // After a switchover they are standby already; a fenced node's were left alone until now.
  orderServices(n, g, "standby", false);
  if (from !== "suspecting") say(n, g, "info", "standby", `${g.name}: standby, ${reason}`);
}

export function becomeSuspecting(n: NodeFacts, g: GroupState, reason: string): void {
  become(n, g, "suspecting");
  setPhase(g, "none", 0);
  n.out.push({ kind: "begin", group: g.index, switch: "failover", reason, fromEpoch: g.epoch });
  n.out.push({ kind: "step", group: g.index, text: "suspect" });
}

/** The old node of a switchover takes back what the new one could not take: its lease was gone, so under a new epoch. */
export function becomePrimaryAgain(n: NodeFacts, g: GroupState, epoch: number, reason: string): void {
  become(n, g, "primary");
  setPhase(g, "none", 0);
  g.epoch = epoch;
  n.out.push({ kind: "take", group: g.index, epoch });
  serveAgain(n, g);
  answerCommand(n, g, false, reason);
  say(n, g, "alarm", "aborted", `${g.name}: switchover called off, primary again with epoch ${epoch}: ${reason}`);
}

/** The switchover came to nothing, but the services may have left: what is held waits until they are back. */
function serveAgain(n: NodeFacts, g: GroupState): void {
  orderServices(n, g, "primary", false);
  if (g.holding && !servicesReady(g, "primary")) {
    g.settling = true;
    g.moving.awaited = 0;
    g.moving.aborted = true;
    return;
  }
  if (g.holding) {
    g.holding = false;
    n.out.push({ kind: "finishHold", group: g.index });
  }
  n.out.push({ kind: "end", group: g.index, outcome: "aborted" });
}

/** A fenced node meets one that wants the group: there is nothing to drop any more, only to say so, once its services have left. */
export function becomeReleased(n: NodeFacts, g: GroupState, switchId: number): void {
  become(n, g, "leaving");
  setPhase(g, "passing", switchId);
  g.moving.id = switchId;
  g.moving.leaseGone = true;
  orderServices(n, g, "standby", true);
  if (servicesReady(g, "standby")) setPhase(g, "released", switchId);
  g.moving.drainEndUs = Infinity;
  n.out.push({ kind: "beat", group: g.index, step: "pass" });
}

/** Speaks as the addresses from here on. The caller has made sure of the peer's consent or of silence and unanswered probes. */
export function becomePrimary(n: NodeFacts, g: GroupState, kind: SwitchKind, reason: string): void {
  const epoch = nextEpoch(n, g);
  if (epoch === null) return;
  const planned = g.holding;
  n.out.push({ kind: "begin", group: g.index, switch: kind, reason, fromEpoch: g.epoch });
  become(n, g, "primary");
  setPhase(g, planned ? "settling" : "none", planned ? g.moving.id : 0);
  g.epoch = epoch;
  g.passUntilUs = 0;
  g.moving.aborted = false;
  orderServices(n, g, "primary", false);
  // The address is taken at once; what comes for it waits in the kernel until somebody can answer.
  if (!planned && !servicesReady(g, "primary")) {
    g.holding = true;
    n.out.push({ kind: "hold", group: g.index, ahead: false });
  }
  n.out.push({ kind: "take", group: g.index, epoch });
  if (g.holding) {
    settle(n, g, kind);
  } else {
    n.out.push({ kind: "end", group: g.index, outcome: "done" });
    answerCommand(n, g, true, "");
  }
  say(n, g, "notice", kind, `${g.name}: primary with epoch ${epoch}, ${reason}`);
  keepEpochsAhead(n, g);
}

/**
 * Serving, with packets held: those that came by the old node first; the rest when it says that nothing is under way any more.
 * None of them before the services are there.
 */
function settle(n: NodeFacts, g: GroupState, kind: SwitchKind): void {
  g.settling = true;
  if (servicesReady(g, "primary")) n.out.push({ kind: "releasePeer", group: g.index });
  // After a failover there is nobody left to pass anything on.
  g.moving.awaited = kind === "switchover" ? g.links : 0;
  g.moving.barrierEndUs = n.nowUs + n.limits.barrierUs;
}

/** The lease is gone, or must go, without a successor. Asks for consent from here on. */
export function becomeFenced(n: NodeFacts, g: GroupState, reason: string, mayStillHaveLease: boolean): void {
  become(n, g, "fenced");
  setPhase(g, "none", 0);
  g.reigned = g.epoch;
  g.lastAskUs = -Infinity;
  if (mayStillHaveLease) n.out.push({ kind: "beat", group: g.index, step: "drop" });
  n.out.push({ kind: "addressesOff", group: g.index });
  answerCommand(n, g, false, reason);
  say(n, g, "alarm", "fenced", `${g.name}: fenced, ${reason}`);
}

/** Finds out that another reigns: silent at once, questions later. */
export function yieldTo(n: NodeFacts, g: GroupState, reason: string): void {
  n.out.push({ kind: "begin", group: g.index, switch: "yield", reason, fromEpoch: g.epoch });
  become(n, g, "standby");
  g.calmSinceUs = n.nowUs;
  setPhase(g, "none", 0);
  n.out.push({ kind: "beat", group: g.index, step: "drop" }, { kind: "addressesOff", group: g.index });
  if (g.holding) {
    g.holding = false;
    n.out.push({ kind: "finishHold", group: g.index });
  }
  n.out.push({ kind: "end", group: g.index, outcome: "done" });
  answerCommand(n, g, false, `the peer became primary meanwhile: ${reason}`);
  orderServices(n, g, "standby", false);
  say(n, g, "alarm", "yield", `${g.name}: gave way, ${reason}`);
}

export function becomePreparing(n: NodeFacts, g: GroupState, reason: string, switchId: number): void {
  become(n, g, "preparing");
  setPhase(g, "want", switchId);
  g.moving.id = switchId;
  g.moving.reason = reason;
  g.moving.peerEpoch = g.peer.epoch;
  g.moving.passingSeen = false;
  g.moving.askedUs = -Infinity;
  g.moving.refusedUs = -Infinity;
  g.holding = true;
  n.out.push({ kind: "begin", group: g.index, switch: "switchover", reason, fromEpoch: g.epoch }, {
    kind: "hold",
    group: g.index,
    // Services may take their time; so long the address stays where no kernel answers for it, whatever becomes of the rules.
    ahead: !g.managed,
  });
}

/**
 * The licence ran out between the old node's word and the take: this process was stopped, or waited for the kernel. Nobody has heard of
 * the take, and what the word is worth by now nobody here can tell: when all that waits has been read, the question is put again.
 */
export function becomePreparingAnew(n: NodeFacts, g: GroupState): void {
  become(n, g, "preparing");
  setPhase(g, "want", g.moving.id);
  g.moving.askedUs = -Infinity;
  g.moving.refusedUs = n.nowUs;
  n.out.push({ kind: "step", group: g.index, text: "too late, to be asked anew" });
}

export function becomeLeaving(n: NodeFacts, g: GroupState, switchId: number): void {
  become(n, g, "leaving");
  setPhase(g, "passing", switchId);
  g.moving.id = switchId;
  g.moving.leaseGone = false;
  const reason = `${n.peerName} asked to take over`;
  n.out.push({ kind: "begin", group: g.index, switch: "handover", reason, fromEpoch: g.epoch });
  n.out.push({ kind: "beat", group: g.index, step: "pass" });
  orderServices(n, g, "standby", true);
  if (servicesReady(g, "standby")) beginDrain(n, g);
  else g.moving.drainEndUs = Infinity;
}

/** The old node's services take nothing more: what they have taken gets its time to be answered. */
export function beginDrain(n: NodeFacts, g: GroupState): void {
  g.moving.drainFromUs = n.nowUs;
  g.moving.drainEndUs = g.moving.leaseGone ? n.nowUs : n.nowUs + n.limits.drainUs;
}

/** The old node again, as if nothing had been: its lease never went. */
export function resumePrimary(n: NodeFacts, g: GroupState, reason: string): void {
  become(n, g, "primary");
  setPhase(g, "none", 0);
  n.out.push({ kind: "beat", group: g.index, step: "unpass" });
  serveAgain(n, g);
  answerCommand(n, g, false, reason);
  say(n, g, "alarm", "aborted", `${g.name}: switchover called off, still primary: ${reason}`);
}
