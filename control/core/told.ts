/** What the rest of the node says about a group: facts, which decide with the next event. */
import type { GroupState, NodeFacts } from "./group.ts";
import { repeatOrder } from "./serving.ts";
import { served } from "./step_serving.ts";

export function eligible(g: GroupState, ok: boolean, reason: string): void {
  g.eligible = ok;
  g.eligibleReason = reason;
}

/** Who joins is told the role that stands, or comes; who is not asked any more is waited for no longer. */
export function managed(n: NodeFacts, g: GroupState, on: boolean): void {
  if (g.managed === on) return;
  g.managed = on;
  if (on) {
    repeatOrder(n, g);
  } else if (!g.serving.done) {
    served(n, g, g.serving.order, true, "");
  }
}

export function reserved(g: GroupState, upTo: number): void {
  g.reservedUpTo = Math.max(g.reservedUpTo, upTo);
  g.reserveAsked = g.reservedUpTo;
}
