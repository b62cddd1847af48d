/**
 * Asks the network who has the address, and says when its silence proves that nobody has.
 *
 * A kernel that holds the lease answers within a fraction of the probe interval, whatever has become of its daemon; one
 * that does not is mute. So two questions in a row without an answer, each with its full time, mean that nobody speaks.
 */
import { arbiterConsents } from "./arbiter.ts";
import { fenceOff, peerOff } from "./fencing.ts";
import { gatewayConsents } from "./gateway.ts";
import { able, type GroupState, type NodeFacts } from "./group.ts";
import { hintNow } from "./hints.ts";
import { PROBES_NEEDED, PROBES_NEEDED_FENCED } from "./limits.ts";

/** For this many leases a suspicion is young: the peer's kernel may fall silent any moment, so it is asked at full rate. */
const YOUNG_LEASES = 5;

/** Silence that a takeover needs: less where something besides silence speaks for the peer's death. */
export function neededSilenceUs(n: NodeFacts, g: GroupState): number {
  // A cut that takes a carrier with it shows to both nodes: where a gateway is asked, the one that is cut off gets its time to give up.
  const counts = hintNow(n) !== "" && (g.gateway === null || n.hintSource === "port");
  return counts ? n.limits.suspectUs : n.limits.deadAfterUs;
}

function neededProbes(g: GroupState): number {
  return g.role === "fenced" ? PROBES_NEEDED_FENCED : PROBES_NEEDED;
}

/**
 * Since when nothing is heard that could speak against a takeover. A peer with another configuration says nothing about
 * our groups: a node that served goes by its own loss then.
 */
function silentSinceUs(n: NodeFacts, g: GroupState): number {
  return g.role === "fenced" && !n.compatible ? Math.min(n.heardUs, g.sinceUs) : n.heardUs;
}

/** Counts and sends questions; true when the address may be taken. */
export function probe(n: NodeFacts, g: GroupState): boolean {
  const p = g.probing;
  const due = n.nowUs >= p.nextUs;
  if (due && p.sentUs !== 0) {
    p.unanswered++;
    p.sentUs = 0;
  }
  const proven = p.unanswered >= neededProbes(g) && n.nowUs - silentSinceUs(n, g) >= neededSilenceUs(n, g);
  if (proven && able(n, g) && gatewayConsents(n, g) && arbiterConsents(n, g) && peerOff(n, g)) return true;
  if (!due || !g.carrier) return false;
  p.sentUs = n.nowUs;
  p.nextUs = n.nowUs + n.limits.probeUs;
  n.out.push({ kind: "probe", group: g.index });
  return false;
}

/** When `probe` wants to be called again. */
export function probeWakeUs(n: NodeFacts, g: GroupState): number {
  if (!g.carrier) return Infinity;
  const p = g.probing;
  // The silence may become long enough between two questions.
  const silent = silentSinceUs(n, g) + neededSilenceUs(n, g);
  return p.unanswered >= neededProbes(g) && silent > n.nowUs ? Math.min(p.nextUs, silent) : p.nextUs;
}

export function probeAnswered(n: NodeFacts, g: GroupState): void {
  const young = n.nowUs - g.sinceUs < YOUNG_LEASES * n.limits.leaseUs;
  if (g.probing.sentUs !== 0 && !young) g.probing.nextUs = g.probing.sentUs + n.limits.answeredProbeUs;
  g.probing.unanswered = 0;
  g.probing.sentUs = 0;
  g.probing.answeredUs = n.nowUs;
  fenceOff(n);
}

/**
 * Another node asks for the address and cannot be heard: both would find it silent and both take it, in the same moment. So
 * one of the two starts anew with each question of the other (RFC 5227 2.1.1 calls it a conflict) until that one has taken
 * the address, and answers; or has had its time.
 */
export function deferProbes(n: NodeFacts, g: GroupState): void {
  if (g.role !== "suspecting" && g.role !== "fenced" && g.role !== "preparing") return;
  const p = g.probing;
  if (p.deferredUs === -1) p.deferredUs = n.nowUs;
  if (n.nowUs - p.deferredUs > n.limits.deferMaxUs) return;
  p.unanswered = 0;
  p.sentUs = 0;
  p.nextUs = n.nowUs + n.limits.probeUs;
}

/** After an own sleep: the answers may have come and gone, so the open questions prove nothing. */
export function voidProbes(n: NodeFacts, g: GroupState): void {
  g.probing.unanswered = 0;
  g.probing.sentUs = 0;
  g.probing.nextUs = n.nowUs;
}
