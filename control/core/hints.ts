/**
 * What speaks for the peer's death besides silence: a port that nobody listens on, a carrier that went. While a hint counts, suspicion
 * starts at once and less silence is enough; the address is asked all the same.
 */
import type { NodeFacts } from "./group.ts";

/** `port`: the peer's kernel says that its daemon is not there. `carrier`: a cable of this node is dead. */
export type HintSource = "port" | "carrier";

/** The reason to suspect early that counts now; "" if none. */
export function hintNow(n: NodeFacts): string {
  return n.nowUs < n.hintUntilUs ? n.hint : "";
}

/** A hint counts for a while: what took a cable down may take the rest down a moment later. */
export function takeHint(n: NodeFacts, source: HintSource, reason: string): void {
  // The carrier's stands whatever is heard; one that can be refuted must not take its place.
  if (source === "port" && n.hintSource === "carrier" && hintNow(n) !== "") return;
  n.hint = reason;
  n.hintSource = source;
  n.hintUntilUs = n.nowUs + 2 * n.limits.deadAfterUs;
}

/**
 * A fresh heartbeat refutes that the daemon is gone: the port was unreachable while the peer started, and a stall of its just after
 * that must not count double. It says nothing about a cable.
 */
export function refuteHint(n: NodeFacts): void {
  if (n.hintSource === "port") n.hintUntilUs = -Infinity;
}
