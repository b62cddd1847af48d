/**
 * Nobody serves and both nodes hear each other: exactly one of them asks, and the other consents.
 * Consent is what makes it safe without silence: who consents has just heard the asker, and so cannot take over within `dead_after`;
 * the asker's licence in its own kernel does not live longer.
 */
import { becomePrimary, newSwitchId, setPhase } from "./become.ts";
import { able, type GroupState, type NodeFacts, peerAlive } from "./group.ts";
import { answersNow } from "./questions.ts";
import type { Role, SwitchKind } from "./vocabulary.ts";

const NOT_SERVING: readonly Role[] = ["starting", "standby", "suspecting", "fenced"];

export function vacant(n: NodeFacts, g: GroupState): boolean {
  return n.compatible && g.peerKnown && peerAlive(n) && NOT_SERVING.includes(g.role) &&
    NOT_SERVING.includes(g.peer.role);
}

/** Who should take a vacant group: who can; then who served last; then who is preferred. Never a tie. */
function rank(canServe: boolean, role: Role, preferred: boolean): number {
  return (canServe ? 4 : 0) + (role === "fenced" ? 2 : 0) + (preferred ? 1 : 0);
}

/** Asks, consents, or takes, whichever is this node's part now. */
export function fillVacancy(n: NodeFacts, g: GroupState): void {
  if (g.phase === "giveBack") return;
  if (!vacant(n, g)) {
    g.apartUs = -1;
    if (g.phase === "ask") setPhase(g, "none", 0);
    return;
  }
  const mine = able(n, g);
  const better = rank(mine, g.role, g.preferSelf) > rank(g.peer.able, g.peer.role, !g.preferSelf);
  if (mine && better && !awaitsComparison(n, g)) return askOrTake(n, g);
  if (g.phase === "ask") setPhase(g, "none", 0);
  if (g.peer.phase === "ask" && !better) consent(n, g);
}

/**
 * Two that have just met do not know yet whose copy of the state is newer: heartbeats meet before the main threads do, and a node whose wait
 * for the peer at its start is over goes by its own copy. So nobody asks before the copies have been compared, or for `startWaitUs`: where
 * no connection for state comes about, somebody has to serve all the same. Who was the last to reign, as far as either knows, has the newest.
 */
export function awaitsComparison(n: NodeFacts, g: GroupState): boolean {
  const reignedLast = g.role === "fenced" && g.reigned === g.epoch;
  if (g.compared || reignedLast) {
    g.apartUs = -1;
    return false;
  }
  if (g.apartUs === -1) g.apartUs = n.nowUs;
  return n.nowUs - g.apartUs < n.limits.startWaitUs;
}

function askOrTake(n: NodeFacts, g: GroupState): void {
  // A consent that has waited in the sockets while this node slept, and which has perhaps run out since, is asked for again.
  if (g.phase === "ask" && g.peer.phase === "grant" && g.peer.switchId === g.switchId && answersNow(n, g)) {
    const blindly = g.apartUs === -1 ? "" : ": the copies of the state could not be compared";
    return becomePrimary(n, g, takeKind(g), `nobody served and ${n.peerName} consented${blindly}`);
  }
  if (g.phase !== "ask") setPhase(g, "ask", newSwitchId(n));
  if (n.nowUs - g.lastAskUs < n.limits.askUs) return;
  g.lastAskUs = n.nowUs;
  n.out.push({ kind: "beat", group: g.index, step: "arm" });
}

function takeKind(g: GroupState): SwitchKind {
  if (g.role === "fenced") return "retake";
  return g.role === "starting" ? "start" : "failover";
}

function consent(n: NodeFacts, g: GroupState): void {
  if (g.phase === "grant" && g.switchId === g.peer.switchId) return;
  setPhase(g, "grant", g.peer.switchId);
  n.out.push({ kind: "beat", group: null, step: null });
}
