/** The roles that wait: starting, standby, suspecting, fenced. */
import {
  answerCommand,
  becomePreparing,
  becomePrimary,
  becomeReleased,
  becomeStandby,
  becomeSuspecting,
  clearProbing,
  keepEpochsAhead,
  newSwitchId,
  setPhase,
} from "./become.ts";
import { able, type GroupState, type NodeFacts, peerAlive, prepareMaxUs } from "./group.ts";
import { hintNow } from "./hints.ts";
import { probe } from "./probing.ts";
import { fillVacancy } from "./vacancy.ts";

/** The peer has, or had a moment ago, the lease: it beats at full rate, and its silence means something. */
function peerServes(g: GroupState): boolean {
  return g.peer.role === "primary" || g.peer.role === "leaving";
}

function ms(us: number): string {
  return `${(us / 1000).toFixed(1)} ms`;
}

export function tickStarting(n: NodeFacts, g: GroupState): void {
  keepEpochsAhead(n, g);
  if (n.heardUs === -Infinity) {
    if (n.nowUs - g.sinceUs >= n.limits.startWaitUs) {
      becomeSuspecting(n, g, `no peer heard in the first ${ms(n.limits.startWaitUs)} of this run`);
      tickSuspecting(n, g);
    }
    return;
  }
  if (!peerAlive(n)) return becomeStandby(n, g, `${n.peerName} was heard and is silent again`);
  if (n.compatible && g.peerKnown && peerServes(g)) {
    return becomeStandby(n, g, `${n.peerName} is primary with epoch ${g.peer.epoch}`);
  }
  fillVacancy(n, g);
}

/** Silence after which a standby suspects: a peer that does not serve beats slower. One that was given consent is about to serve, or does. */
export function suspectAfterUs(n: NodeFacts, g: GroupState): number {
  if (hintNow(n) !== "") return n.limits.heartbeatUs * 1.5;
  return peerServes(g) || g.phase === "grant" ? n.limits.suspectUs : Math.max(n.limits.suspectUs, n.limits.aliveUs);
}

export function tickStandby(n: NodeFacts, g: GroupState): void {
  const silence = n.nowUs - n.heardUs;
  if (g.phase === "giveBack" && silence < suspectAfterUs(n, g)) return tickGiveBack(n, g);
  if (silence >= suspectAfterUs(n, g)) {
    becomeSuspecting(n, g, hintNow(n) !== "" ? hintNow(n) : `${n.peerName} silent for ${ms(silence)}`);
    return tickSuspecting(n, g);
  }
  fillVacancy(n, g);
  preempt(n, g);
}

/** A preferred node takes the group back only if told to, and only from a pair that has been calm for a while. */
function preempt(n: NodeFacts, g: GroupState): void {
  if (n.maintenance || !g.preempt || !g.preferSelf || !peerServes(g) || !able(n, g) || g.role !== "standby") {
    g.calmSinceUs = n.nowUs;
    return;
  }
  if (n.nowUs - g.calmSinceUs < n.limits.preemptAfterUs) return;
  g.calmSinceUs = n.nowUs;
  g.moving.deadlineUs = n.nowUs + prepareMaxUs(n, g);
  becomePreparing(n, g, "this node is preferred and preempt is on", newSwitchId(n));
}

export function tickSuspecting(n: NodeFacts, g: GroupState): void {
  if (!probe(n, g)) {
    heartbeatsLostAlarm(n, g);
    return;
  }
  const silence = n.nowUs - n.heardUs;
  const alone = n.heardUs === -Infinity;
  becomePrimary(
    n,
    g,
    alone ? "start" : "failover",
    alone
      ? `no peer heard since the start, the last 2 probes of the address unanswered`
      : `${n.peerName} silent for ${ms(silence)}${
        hintNow(n) === "" ? "" : ` (${hintNow(n)})`
      }, the last 2 probes of the address unanswered`,
  );
}

/** The address answers and the heartbeats do not come: somebody has to look at the paths. */
function heartbeatsLostAlarm(n: NodeFacts, g: GroupState): void {
  if (g.probing.answeredUs === 0 || n.nowUs - g.sinceUs < Math.max(5 * n.limits.deadAfterUs, 200_000)) return;
  n.out.push({
    kind: "alarm",
    alarm: "heartbeats-lost",
    text:
      `${n.peerName} is not heard on any path, but its address answers probes: look at cables, filters and the peer's daemon`,
  });
}

export function tickFenced(n: NodeFacts, g: GroupState): void {
  const heard = n.compatible && g.peerKnown && peerAlive(n);
  if (heard && peerServes(g)) return becomeStandby(n, g, `${n.peerName} is primary with epoch ${g.peer.epoch}`);
  fillVacancy(n, g);
  if (g.role !== "fenced" || !mayProbeFenced(n)) return;
  // Nobody consents, or nobody can: the same proof as any takeover, and more of it.
  if (probe(n, g)) {
    becomePrimary(
      n,
      g,
      "retake",
      `lease lost, ${n.peerName} gave no answer, the last probes of the address unanswered`,
    );
  }
}

/** A peer that lives answers a request for consent at once; one with another configuration never can. */
export function mayProbeFenced(n: NodeFacts): boolean {
  return !n.compatible || n.nowUs - n.heardUs >= n.limits.deadAfterUs;
}

/** A switchover that came to nothing: the old node gets back what was held for it. */
function tickGiveBack(n: NodeFacts, g: GroupState): void {
  if (n.nowUs < g.moving.deadlineUs) return;
  giveBack(n, g, reclaims(g) ? "gaveBack" : "none");
}

/** The old node waits for what was held for it. */
function reclaims(g: GroupState): boolean {
  return g.peer.phase === "reclaiming" && g.peer.switchId === g.switchId;
}

/**
 * The old node passes nothing on any more. What it had passed on before may still be under way on the service network, unless its word has come
 * by there: behind the packets. It has left by all ways at once, so the wait is short.
 * @param link bit of the service interface on which this was heard
 */
export function reclaimHeard(n: NodeFacts, g: GroupState, link: number): void {
  if (!reclaims(g)) return;
  g.moving.awaited &= ~link;
  if (g.moving.awaited === 0) giveBack(n, g, "gaveBack");
}

function giveBack(n: NodeFacts, g: GroupState, phase: "gaveBack" | "none"): void {
  g.holding = false;
  n.out.push({ kind: "giveBack", group: g.index });
  setPhase(g, phase, phase === "none" ? 0 : g.moving.id);
  n.out.push({ kind: "beat", group: null, step: null }, { kind: "end", group: g.index, outcome: "aborted" });
  answerCommand(n, g, false, g.moving.reason);
}

export function heardWaiting(n: NodeFacts, g: GroupState): void {
  switch (g.role) {
    case "suspecting":
      n.out.push({ kind: "cancel", group: g.index });
      answerCommand(n, g, false, g.moving.reason);
      becomeStandby(n, g, "heard again");
      break;
    case "starting":
      return tickStarting(n, g);
    case "fenced":
      if (n.compatible) clearProbing(g);
      if (g.peer.role === "preparing" && g.peer.phase === "want") return consentToWant(n, g);
      return tickFenced(n, g);
    default:
      break;
  }
  if (g.phase === "giveBack") {
    if (reclaims(g)) g.moving.deadlineUs = Math.min(g.moving.deadlineUs, n.nowUs + n.limits.barrierUs);
    else if (g.peer.role === "primary" && g.peer.phase === "none") giveBack(n, g, "none");
    return;
  }
  answerOffer(n, g);
  forgetAnswer(g);
  fillVacancy(n, g);
}

/** The new node of a switchover meets an old one that has lost its lease: what it wants is there to take. */
function consentToWant(n: NodeFacts, g: GroupState): void {
  becomeReleased(n, g, g.peer.switchId);
}

function answerOffer(n: NodeFacts, g: GroupState): void {
  if (g.peer.phase !== "offer" || g.peer.role !== "primary") return;
  if (able(n, g)) {
    g.moving.deadlineUs = n.nowUs + prepareMaxUs(n, g);
    becomePreparing(n, g, `${n.peerName} handed over`, newSwitchId(n));
  } else refuse(n, g);
}

/** What the peer asks for is not done; said at once, and for as long as it asks. */
export function refuse(n: NodeFacts, g: GroupState): void {
  if (g.phase === "refuse" && g.switchId === g.peer.switchId) return;
  setPhase(g, "refuse", g.peer.switchId);
  n.out.push({ kind: "beat", group: null, step: null });
}

/** An answer stands for as long as the question. */
function forgetAnswer(g: GroupState): void {
  const stale = (g.phase === "grant" && g.peer.phase !== "ask") || (g.phase === "refuse" && g.peer.phase !== "offer") ||
    (g.phase === "gaveBack" && g.peer.phase === "none") || (g.phase === "passedOn" && g.peer.phase !== "settling");
  if (stale) setPhase(g, "none", 0);
}
