/** Alarms about heartbeats that are heard on one side only. */
import { leased } from "../core/group.ts";
import type { SwitchContext } from "./context.ts";

/** Raises and ends them, by what is known now. */
export function judgeHearing(c: SwitchContext, nowUs: number): void {
  const heard = nowUs - c.node.heardUs < c.node.limits.aliveUs;
  if (heard && c.alarms.has("heartbeats-lost")) c.alarm("heartbeats-lost", null);
  const deaf = heard && c.node.groups.some((g) => leased(g) && g.peerKnown && g.peer.role === "suspecting");
  const text =
    `${c.plan.peerName} does not hear this node's heartbeats, though this node hears its: look for a filter or a one-way cable`;
  c.alarm("peer-deaf", deaf ? text : null);
}
