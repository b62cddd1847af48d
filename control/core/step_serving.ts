/** The roles that serve or are about to: primary, leaving (old node of a switchover), preparing (new node). */
import {
  answerCommand,
  becomeFenced,
  becomeLeaving,
  becomePreparingAnew,
  becomePrimary,
  becomePrimaryAgain,
  becomeStandby,
  beginDrain,
  newSwitchId,
  resumePrimary,
  say,
  setPhase,
} from "./become.ts";
import { twoPrimaries } from "./contest.ts";
import { raiseEpoch } from "./epochs.ts";
import { givesUp } from "./gateway.ts";
import { able, type GroupState, nextEpoch, type NodeFacts, peerAlive } from "./group.ts";
import { probe } from "./probing.ts";
import { answersNow } from "./questions.ts";
import { onSharedWire } from "./shared_wire.ts";
import { noteServed, orderServices, servicesReady } from "./serving.ts";
import { reclaimHeard, refuse } from "./step_waiting.ts";

// ---- primary

export function tickPrimary(n: NodeFacts, g: GroupState): void {
  raiseEpoch(n, g, g.knownEpoch, "its copy of the state");
  if (givesUp(n, g)) return;
  if (g.settling) return finishSettling(n, g);
  if (g.phase === "offer" && n.nowUs >= g.moving.deadlineUs) {
    setPhase(g, "none", 0);
    answerCommand(n, g, false, `${n.peerName} did not take over in time`);
  }
  const unfit = !g.eligible || n.stopping;
  if (unfit && g.phase === "none" && n.nowUs >= g.nextOfferUs && peerAlive(n) && n.compatible && g.peer.able) {
    offer(n, g, n.limits.offerRetryUs, n.stopping ? "this node stops" : g.eligibleReason);
  }
}

/** Asks the peer to take the group over. */
export function offer(n: NodeFacts, g: GroupState, timeoutUs: number, reason: string): void {
  g.nextOfferUs = n.nowUs + n.limits.offerRetryUs;
  g.moving.deadlineUs = n.nowUs + timeoutUs;
  g.moving.reason = reason;
  setPhase(g, "offer", newSwitchId(n));
  n.out.push({ kind: "beat", group: null, step: null });
}

/** All that the old node had has been passed on, or the wait for its word is over: let go, in order, and lift the hold. */
export function finishSettling(n: NodeFacts, g: GroupState): void {
  // A main thread that gives no answer at all does not keep the packets for ever.
  if (!servicesReady(g, "primary") && n.nowUs - g.sinceUs < n.limits.serveMaxUs) return;
  if (g.moving.awaited !== 0 && n.nowUs < g.moving.barrierEndUs) return;
  if (g.phase === "settling") {
    n.out.push({ kind: "step", group: g.index, text: g.moving.awaited === 0 ? "all passed on" : "barrier timed out" });
  }
  g.settling = false;
  setPhase(g, "none", 0);
  if (g.holding) n.out.push({ kind: "finishHold", group: g.index });
  g.holding = false;
  n.out.push({ kind: "end", group: g.index, outcome: g.moving.aborted ? "aborted" : "done" });
  answerCommand(n, g, true, "");
}

/** The main thread's answer to an order about services, followers and state. */
export function served(n: NodeFacts, g: GroupState, order: number, ok: boolean, reason: string): void {
  if (!noteServed(g, order, ok, reason)) return;
  if (g.role === "primary" && g.settling) {
    // Who took over after a failure serves with what there is: the main thread says what is amiss, and a healthy peer is offered it.
    finishSettling(n, g);
  } else if (g.role === "leaving" && g.phase === "passing" && g.serving.to === "standby") {
    // A service that would not leave has been made to: the switch goes on.
    beginDrain(n, g);
  } else if (g.role === "preparing" && g.serving.to === "primary") {
    if (ok) takeReleased(n, g);
    else callOff(n, g, reason);
  }
}

/** Nothing can be held for the group just now: its packets meet what there is. */
export function holdFailed(n: NodeFacts, g: GroupState, reason: string): void {
  if (g.role === "preparing") return callOff(n, g, reason);
  if (g.role !== "primary" || !g.settling) return;
  g.holding = false;
  say(n, g, "notice", "hold", `${g.name}: packets cannot be held until the services are ready: ${reason}`);
}

/** @param link bit of the service interface on which this was heard, 0 for another path */
export function heardPrimary(n: NodeFacts, g: GroupState, link: number): void {
  const peer = g.peer;
  if (peer.role === "primary" || (peer.role === "leaving" && peer.phase === "passing")) return twoPrimaries(n, g);
  raiseEpoch(n, g, peer.epoch, n.peerName);
  if (g.contestedUs !== 0) {
    g.contestedUs = 0;
    n.out.push({ kind: "announce", group: g.index });
  }
  if (g.settling) return heardBehindPackets(n, g, link);
  if (!n.compatible) return;
  if (peer.role === "preparing" && peer.phase === "want") {
    // What the new node has of a switch that came to nothing, its last words above all, is older than what has been written since.
    return peer.switchId === g.moving.calledOff ? refuse(n, g) : becomeLeaving(n, g, peer.switchId);
  }
  if (g.phase === "refuse") setPhase(g, "none", 0);
  if (g.phase === "offer" && peer.phase === "refuse" && peer.switchId === g.switchId) {
    setPhase(g, "none", 0);
    answerCommand(n, g, false, `${n.peerName} cannot take over now: see segue status there`);
  }
  // It believes that nobody serves; it shall know at once.
  if (peer.phase === "ask" || peer.role === "suspecting") n.out.push({ kind: "beat", group: null, step: null });
}

export function leaseLost(n: NodeFacts, g: GroupState, reason: string): void {
  if (g.role === "primary") {
    n.out.push({ kind: "cancel", group: g.index });
    becomeFenced(n, g, reason, false);
  } else if (g.role === "leaving" && g.phase === "passing") {
    g.moving.leaseGone = true;
    if (servicesReady(g, "standby")) release(n, g);
  } else if (g.role === "leaving") {
    g.moving.leaseGone = true;
  }
}

// ---- leaving

export function tickLeaving(n: NodeFacts, g: GroupState): void {
  if (n.nowUs - n.heardUs >= n.limits.deadAfterUs) return newNodeLost(n, g, `${n.peerName} fell silent`);
  if (g.phase === "passing" && n.nowUs >= g.moving.drainEndUs) return release(n, g);
  if (g.phase === "reclaiming" && n.nowUs >= g.moving.deadlineUs) return reclaim(n, g);
  // The new node has a deadline of its own; this one is for a peer that says the same for ever.
  if (n.nowUs - g.sinceUs > 2 * n.limits.serveMaxUs) newNodeLost(n, g, `${n.peerName} did not finish`);
}

/** Requests that were taken are answered before the address goes, if that does not take too long. */
export function serviceBusy(n: NodeFacts, g: GroupState): void {
  if (g.role !== "leaving" || g.phase !== "passing" || n.nowUs >= g.moving.drainFromUs + n.limits.drainMaxUs) return;
  g.moving.drainEndUs = n.nowUs + n.limits.drainUs / 2;
}

/**
 * No lease any more, and before a word of it no address on an interface either: whoever flushes the rules from here on finds a kernel that
 * answers nobody, and the new node may serve. The lease goes first: without its address a kernel is mute that could still send.
 */
function release(n: NodeFacts, g: GroupState): void {
  g.moving.leaseGone = true;
  g.moving.drainEndUs = Infinity;
  n.out.push({ kind: "beat", group: g.index, step: "drop" }, { kind: "letGo", group: g.index });
}

/** The last words: no lease, the address is the peer's. Repeated in every heartbeat until it reigns. */
export function letGo(n: NodeFacts, g: GroupState): void {
  if (g.role !== "leaving" || g.phase !== "passing" || !g.moving.leaseGone) return;
  setPhase(g, "released", g.moving.id);
  n.out.push({ kind: "beat", group: null, step: null }, { kind: "step", group: g.index, text: "released" });
}

function newNodeLost(n: NodeFacts, g: GroupState, reason: string): void {
  g.moving.calledOff = g.moving.id;
  if (!g.moving.leaseGone) return resumePrimary(n, g, reason);
  n.out.push({ kind: "beat", group: g.index, step: "unpass" }, { kind: "end", group: g.index, outcome: "aborted" });
  answerCommand(n, g, false, reason);
  // It may have taken over with its last breath: consent or unanswered probes decide, as after any lost lease.
  becomeFenced(n, g, `released, but ${reason}`, false);
}

/** @param link bit of the service interface on which this was heard, 0 for another path */
export function heardLeaving(n: NodeFacts, g: GroupState, link: number): void {
  const peer = g.peer;
  if (peer.role === "primary" && peer.epoch >= g.epoch) {
    g.epoch = peer.epoch;
    if (!onSharedWire(g)) g.passUntilUs = n.nowUs + n.limits.passUs;
    // It took over without our release: what is left of our lease must not outlive this step.
    if (!g.moving.leaseGone) n.out.push({ kind: "beat", group: g.index, step: "drop" });
    becomeStandby(n, g, `handed over to ${n.peerName}, epoch ${peer.epoch}`);
    n.out.push({ kind: "addressesOff", group: g.index });
    // On a shared wire the new node hears everything itself.
    if (onSharedWire(g)) n.out.push({ kind: "beat", group: g.index, step: "unpass" });
    heardBehindPackets(n, g, link);
    n.out.push({ kind: "end", group: g.index, outcome: "done" });
    answerCommand(n, g, true, "");
    return;
  }
  if (peer.role === "preparing") return;
  const ours = peer.switchId === g.moving.id;
  if (peer.phase === "giveBack" && ours) {
    if (g.phase !== "reclaiming") beginReclaim(n, g);
  } else if (peer.phase === "gaveBack" && ours) {
    heardBehindPackets(n, g, link);
  } else {
    newNodeLost(n, g, `${n.peerName} called it off`);
  }
}

/**
 * What a heartbeat proves about packets, by having travelled behind them on the same network. A copy will do: it says the
 * same, and has come the same way.
 * @param link bit of the service interface on which it was heard, 0 for another path
 */
export function heardBehindPackets(n: NodeFacts, g: GroupState, link: number): void {
  if (link === 0) return;
  if (g.settling) {
    if (g.peer.phase === "passedOn" && g.peer.switchId === g.switchId) g.moving.awaited &= ~(g.peer.links & link);
    finishSettling(n, g);
  } else if (g.role === "leaving") {
    if (g.phase === "reclaiming" && g.peer.phase === "gaveBack" && g.peer.switchId === g.moving.id) reclaim(n, g);
  } else if (g.phase === "giveBack") {
    reclaimHeard(n, g, link);
  } else {
    passedOn(n, g, link);
  }
}

/** Everything that the old node had received before this heartbeat of the new one left its kernel before the answer. */
function passedOn(n: NodeFacts, g: GroupState, link: number): void {
  if (g.role !== "standby" || g.peer.phase !== "settling") return;
  if (g.phase !== "passedOn" || g.switchId !== g.peer.switchId) setPhase(g, "passedOn", g.peer.switchId);
  if ((g.phaseLinks & link) !== 0) return;
  g.phaseLinks |= link;
  n.out.push({ kind: "beat", group: null, step: null });
}

function beginReclaim(n: NodeFacts, g: GroupState): void {
  setPhase(g, "reclaiming", g.moving.id);
  g.moving.deadlineUs = n.nowUs + n.limits.prepareMaxUs;
  g.holding = true;
  n.out.push({ kind: "hold", group: g.index, ahead: false }, { kind: "beat", group: g.index, step: "unpass" });
}

/** Old node again: what was given back first, then what came meanwhile. */
function reclaim(n: NodeFacts, g: GroupState): void {
  g.moving.calledOff = g.moving.id;
  const reason = `${n.peerName} could not finish in time`;
  if (!g.moving.leaseGone) return resumePrimary(n, g, reason);
  const epoch = nextEpoch(n, g);
  if (epoch === null) return becomeFenced(n, g, reason, false);
  becomePrimaryAgain(n, g, epoch, reason);
}

// ---- preparing

export function tickPreparing(n: NodeFacts, g: GroupState): void {
  if (!g.carrier || !g.rules || !g.eligible) return callOff(n, g, "this node cannot serve any more");
  // It would never take: the old node, which may be stopping too, must not wait for that.
  if (n.stopping) return callOff(n, g, "this node stops");
  if (n.nowUs - n.heardUs >= n.limits.suspectUs) {
    // The old node died on the way: a failover with the packets already in hand.
    if (probe(n, g)) {
      becomePrimary(
        n,
        g,
        "failover",
        `${n.peerName} fell silent during the switchover, the last 2 probes of the address unanswered`,
      );
      return;
    }
  }
  // Also when its kernel still answers probes: it may only be deaf, and packets are not held for ever.
  if (n.nowUs >= g.moving.deadlineUs) {
    callOff(n, g, g.moving.passingSeen ? "it took too long" : `${n.peerName} did not answer`);
  }
  askWhetherReleased(n, g);
}

export function heardPreparing(n: NodeFacts, g: GroupState): void {
  const peer = g.peer, ours = peer.switchId === g.switchId;
  g.probing.unanswered = 0;
  g.probing.sentUs = 0;
  // Its "passing" may not have been heard: who has released has passed on.
  if ((peer.phase === "passing" || peer.phase === "released") && ours) g.moving.passingSeen = true;
  if (peer.phase === "released" && ours) {
    takeReleased(n, g);
  } else if (peer.phase === "refuse" && ours) {
    callOff(n, g, `${n.peerName} refused`);
  } else if (peer.role === "primary" && (g.moving.passingSeen || peer.epoch > g.moving.peerEpoch)) {
    callOff(n, g, `${n.peerName} went on as primary`);
  }
}

/** The old node has let go: services first, where there are any, then the address. */
function takeReleased(n: NodeFacts, g: GroupState): void {
  if (g.peer.phase !== "released" || g.peer.switchId !== g.switchId || !able(n, g)) return;
  orderServices(n, g, "primary", true);
  // What was read waited here, or the services took their time: else it says what was true then.
  if (servicesReady(g, "primary") && answersNow(n, g)) becomePrimary(n, g, "switchover", g.moving.reason);
}

/**
 * The old node's word is too old to act upon: it is asked whether it still stands. Not before all that waits has been read: a node that
 * serves again by now would take the question for a new one.
 */
function askWhetherReleased(n: NodeFacts, g: GroupState): void {
  if (g.role !== "preparing" || g.peer.phase !== "released" || g.peer.switchId !== g.switchId) return;
  if (!servicesReady(g, "primary") || answersNow(n, g) || n.nowUs - g.moving.askedUs < n.limits.askUs) return;
  g.moving.askedUs = n.nowUs;
  n.out.push({ kind: "beat", group: g.index, step: "hold" });
}

/** @param late the licence has run out, and nothing of the take has left this node */
export function takeRefused(n: NodeFacts, g: GroupState, reason: string, late: boolean): void {
  if (g.role !== "primary") return;
  // Of a planned move: the old node is waiting, and can be asked.
  if (late && g.phase === "settling" && g.moving.awaited !== 0 && n.nowUs < g.moving.deadlineUs) {
    return becomePreparingAnew(n, g);
  }
  n.out.push({ kind: "cancel", group: g.index });
  becomeFenced(n, g, reason, true);
  g.reigned = -1;
}

/** Back to standby; what is held goes back to the old node when it is ready for it. */
export function callOff(n: NodeFacts, g: GroupState, reason: string): void {
  const id = g.moving.id;
  becomeStandby(n, g, `switchover called off: ${reason}`);
  g.moving.reason = reason;
  n.out.push({ kind: "step", group: g.index, text: `called off: ${reason}` });
  if (g.moving.passingSeen && g.peer.role === "leaving") {
    setPhase(g, "giveBack", id);
    g.moving.awaited = g.links;
    g.moving.deadlineUs = n.nowUs + n.limits.prepareMaxUs;
    n.out.push({ kind: "beat", group: null, step: null }, { kind: "addressesOff", group: g.index });
    return;
  }
  g.holding = false;
  n.out.push({ kind: "giveBack", group: g.index }, { kind: "beat", group: null, step: null });
  n.out.push({ kind: "end", group: g.index, outcome: "aborted" });
  answerCommand(n, g, false, reason);
  n.out.push({ kind: "addressesOff", group: g.index });
}
