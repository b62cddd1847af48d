/**
 * What a switch has to wait for in user space: services, followers of the role, state (ARCHITECTURE.md, "Services in a switch").
 *
 * The core orders, the main thread answers. An order has a number: the answer to an older one is nothing. A group that is not
 * managed has nobody to ask, and is told so at once.
 */
import type { GroupState, NodeFacts } from "./group.ts";
import type { ServingRole } from "./vocabulary.ts";

/**
 * Tells the main thread to bring the group to the role, unless it was told so last. It is told again where it waits for the other node's part of
 * a switchover that has come to nothing: those last words may never come. And for each switchover, whose last words are its own.
 */
export function orderServices(n: NodeFacts, g: GroupState, to: ServingRole, planned: boolean): void {
  const s = g.serving;
  const waitsInVain = s.planned && !planned && !s.done;
  const another = planned && s.switchId !== g.moving.id;
  if (s.to === to && !waitsInVain && !another) return;
  s.to = to;
  s.switchId = planned ? g.moving.id : 0;
  s.order++;
  s.planned = planned;
  s.done = !g.managed;
  s.failed = "";
  if (g.managed) n.out.push({ kind: "serve", group: g.index, order: s.order, to, planned });
}

/** Who joins is told the role that stands, or comes: it was not asked before. In a switchover the other node may wait for its last words. */
export function repeatOrder(n: NodeFacts, g: GroupState): void {
  const { to } = g.serving;
  const planned = to === "standby" ? g.role === "leaving" : g.role === "preparing";
  g.serving.to = to === "primary" ? "standby" : "primary";
  orderServices(n, g, to, planned);
}

/** Whether services, followers and state are where the role wants them. */
export function servicesReady(g: GroupState, to: ServingRole): boolean {
  return !g.managed || (g.serving.to === to && g.serving.done);
}

/** Notes the main thread's answer; false if it answers an order that does not stand any more. */
export function noteServed(g: GroupState, order: number, ok: boolean, reason: string): boolean {
  const s = g.serving;
  if (order !== s.order || s.done) return false;
  s.done = true;
  s.failed = ok ? "" : reason;
  return true;
}
