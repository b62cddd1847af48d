/** Two that speak as the address: one of them has to give way, and both find the same one. */
import { becomeFenced, yieldTo } from "./become.ts";
import type { GroupState, NodeFacts } from "./group.ts";

/** Two that meet: the lower epoch gives way; of equal ones the node that is not preferred. */
export function twoPrimaries(n: NodeFacts, g: GroupState): void {
  const higher = g.peer.epoch > g.epoch || (g.peer.epoch === g.epoch && !g.preferSelf);
  if (!higher) {
    if (g.contestedUs === 0) g.contestedUs = n.nowUs;
    // It hears nothing of a higher epoch: only who hears the other one can give way.
    if (n.nowUs - g.contestedUs >= n.limits.leaseUs) {
      return yieldTo(n, g, `${n.peerName} goes on as primary with epoch ${g.peer.epoch} and does not hear this node`);
    }
    n.out.push({ kind: "beat", group: null, step: null });
    return;
  }
  const own = g.epoch;
  g.epoch = g.peer.epoch;
  yieldTo(n, g, `${n.peerName} is primary with epoch ${g.peer.epoch}, ours was ${own}`);
}

/**
 * The peer speaks as the address while this node does, and cannot be heard to say why: both took over at once. One has to
 * give way without a word; the one with the lower MAC stays, and tells the neighbours.
 */
export function addressContested(n: NodeFacts, g: GroupState, lower: boolean): void {
  // Who takes the address over says so at once by every way: it would have been heard.
  if (n.nowUs - n.heardUs < n.limits.deadAfterUs) return;
  if (lower) {
    n.out.push({ kind: "announce", group: g.index });
    return;
  }
  n.out.push({ kind: "cancel", group: g.index });
  becomeFenced(n, g, `${n.peerName} speaks as the address too, and is not heard on any path`, true);
}
