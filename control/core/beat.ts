/** What this node's next heartbeat says. */
import { able, type GroupState } from "./group.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { NodeState } from "./node.ts";
import { noteSent } from "./questions.ts";

/**
 * Fills in everything but the round-trip echoes and MACs, which belong to the links.
 * @param out is written over; its sequence is raised by one
 */
export function fillHeartbeat(n: NodeState, nowUs: number, out: Heartbeat): void {
  out.node = n.index;
  out.stopping = n.stopping;
  out.answerNow = n.heardUs === -Infinity;
  out.session = n.freshness.session;
  out.echoSession = n.freshness.echo;
  out.seq++;
  out.sentUs = nowUs;
  noteSent(n.sent, out.seq, nowUs);
  out.digest.set(n.digest);
  out.groupCount = n.groups.length;
  for (const g of n.groups) fillGroup(n, g, out);
}

function fillGroup(n: NodeState, g: GroupState, out: Heartbeat): void {
  const said = out.groups[g.index]!;
  said.role = g.role;
  said.phase = g.phase;
  said.able = able(n, g);
  said.traffic = g.traffic;
  said.epoch = g.epoch;
  said.switchId = g.switchId;
  said.fallback = g.fallback;
  said.seen = g.seen;
  said.links = g.phaseLinks;
}
