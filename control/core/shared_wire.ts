/**
 * A shared wire works for as long as the network gives each frame for the virtual MAC to both nodes. Some switches do not, or cease to.
 * Both nodes count what they see, and say it in their heartbeats; the primary compares, and says which wire is in force.
 */
import { type GroupState, leased, type NodeFacts } from "./group.ts";
import { say } from "./become.ts";

/** Nobody has to learn who serves: both nodes hear what comes for the group. */
export function onSharedWire(g: GroupState): boolean {
  return g.shared && !g.fallback;
}

/** What the primary has found out about the network; `reason`: one clause, "" when the shared wire works again. */
export function wireJudged(n: NodeFacts, g: GroupState, reason: string): void {
  if (!g.shared || g.role !== "primary" || g.settling || g.phase !== "none") return;
  setFallback(n, g, reason !== "", reason);
  n.out.push({ kind: "beat", group: null, step: null });
}

/** The peer serves, and has said which wire is in force. In the midst of a switch it stays as it was when that began. */
export function followWire(n: NodeFacts, g: GroupState): void {
  if (!g.shared || g.peer.role !== "primary" || g.role !== "standby" || g.peer.fallback === g.fallback) return;
  setFallback(n, g, g.peer.fallback, `${n.peerName} says so`);
}

function setFallback(n: NodeFacts, g: GroupState, fallback: boolean, reason: string): void {
  if (g.fallback === fallback) return;
  g.fallback = fallback;
  n.out.push({ kind: "wire", group: g.index });
  if (leased(g)) n.out.push({ kind: "announce", group: g.index });
  const text =
    `${g.name}: the shared wire does not work here (${reason}), neighbours are told where the addresses are instead: ` +
    "a crash loses packets until it works again";
  n.out.push({ kind: "alarm", alarm: `wire ${g.name}`, text: fallback ? text : null });
  if (!fallback) say(n, g, "notice", "wire", `${g.name}: back on the shared wire`);
}
