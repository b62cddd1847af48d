/** What a node learns about epochs: those that it may use, and those that others have used. */
import { keepEpochsAhead, say } from "./become.ts";
import { type GroupState, nextEpoch, type NodeFacts } from "./group.ts";

/** Somebody knows of a reign that this node never heard of: ours shall have the higher number, as it came later. */
export function raiseEpoch(n: NodeFacts, g: GroupState, known: number, who: string): void {
  if (known <= g.epoch) return;
  const own = g.epoch;
  g.epoch = known;
  const next = nextEpoch(n, g);
  g.epoch = next ?? own;
  keepEpochsAhead(n, g);
  if (next !== null) {
    // Whoever reigned meanwhile has told the neighbours; a node that slept with its clock does not even know that it did.
    n.out.push({ kind: "announce", group: g.index });
    say(n, g, "notice", "epoch", `${g.name}: epoch ${next} instead of ${own}, ${who} knew of ${known}`);
  }
}

/** A primary takes a higher number with its next tick. */
export function reignKnown(n: NodeFacts, g: GroupState, epoch: number): void {
  g.knownEpoch = Math.max(g.knownEpoch, epoch);
  const own = g.epoch;
  g.epoch = Math.max(own, epoch);
  keepEpochsAhead(n, g);
  if (g.role === "primary" || g.role === "leaving") g.epoch = own;
}
