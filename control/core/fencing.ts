/**
 * Fencing by command, for pairs with a power switch: before a node takes over without its peer's word, a command has made sure that
 * the peer is off. The core orders, the main thread runs it and answers with the order's number. One command serves all groups.
 */
import { isolated } from "./gateway.ts";
import type { GroupState, NodeFacts } from "./group.ts";

export interface Fencing {
  /** Of the order that was given last; the answer to an older one is nothing. */
  order: number;
  state: "idle" | "running" | "done" | "failed";
  /** Since when. */
  sinceUs: number;
}

/** A peer that was switched off may be switched on again: so long its end is counted on. */
const VALID_US = 30_000_000;
/** After a failure the command runs again. */
export const FENCE_RETRY_US = 5_000_000;

export function createFencing(): Fencing {
  return { order: 0, state: "idle", sinceUs: -Infinity };
}

/** True if the peer is known to be off, or nobody is to make sure of it. Else orders it, unless that is under way. */
export function peerOff(n: NodeFacts, g: GroupState): boolean {
  const f = n.fencing;
  // Who is heard is not switched off: with another configuration it can only not say yes, and the address alone decides.
  if (f === null || !isolated(n)) return true;
  const age = n.nowUs - f.sinceUs;
  switch (f.state) {
    case "running":
      return false;
    case "done":
      if (age <= VALID_US) return true;
      break;
    case "failed":
      if (age < FENCE_RETRY_US) return false;
      break;
    case "idle":
      break;
    default:
      f.state satisfies never;
  }
  f.order++;
  f.state = "running";
  f.sinceUs = n.nowUs;
  n.out.push({ kind: "step", group: g.index, text: "fence ordered" }, {
    kind: "fencePeer",
    group: g.index,
    order: f.order,
  });
  return false;
}

/** The command has ended. */
export function fenceAnswered(n: NodeFacts, order: number, ok: boolean, reason: string): void {
  const f = n.fencing;
  if (f === null || f.state !== "running" || f.order !== order) return;
  f.state = ok ? "done" : "failed";
  f.sinceUs = n.nowUs;
  const text = `${n.peerName} is silent and could not be fenced, so nothing is taken over from it: ${reason}; ` +
    `tried again after ${FENCE_RETRY_US / 1e6} s`;
  n.out.push({ kind: "alarm", alarm: "fence", text: ok ? null : text });
  if (!ok) return;
  const done = `${n.peerName} was fenced: ${reason}`;
  n.out.push({ kind: "event", level: "notice", event: "fenced-peer", group: null, text: done });
}

/** The peer lives: it was heard, or its kernel answers for an address. Whatever was to end it is called off, if that is still possible. */
export function fenceOff(n: NodeFacts): void {
  const f = n.fencing;
  if (f === null || f.state === "idle") return;
  if (f.state === "running") n.out.push({ kind: "fenceOff" });
  if (f.state === "failed") n.out.push({ kind: "alarm", alarm: "fence", text: null });
  f.state = "idle";
}
