/**
 * With an arbiter: until when a node that serves may go on, and from when another one may take. No clock is compared with another's; what is
 * counted is time since a heartbeat that both nodes know of.
 *
 * The nodes may be cut off from each other on every path and on the LAN, both alive. A node that serves at t is entitled by one of three:
 *
 * 1. *Answered*: the peer has said that it heard a heartbeat of ours that left after t - `stopsAfterUs`.
 * 2. *Held*: the arbiter has said that its key is ours, under a lease that lives until t + `guardUs` at least. Counted from before the
 *    request left, and the arbiter counts from when it came.
 * 3. *Gone*: within `PORT_VALID_US` the peer's kernel has said that no daemon listens there.
 *
 * A node that takes without the peer's word has not heard it for `takesAfterUs`, has been there for `takesFromStartUs`, and holds the key; or
 * has the peer's kernel's word that its daemon is gone, and a lease has passed since.
 *
 * Why two never serve. Let B take at t, and A serve. By 1: B had heard a heartbeat that left A less than `stopsAfterUs` before, so its
 * silence is shorter than that, and B does not take. By 2: one key, and what creates it fails while it exists; so B does not hold it. By 3: B's daemon
 * was not there at that time, and a new one waits longer than the word is worth. What A's kernel grants beyond A's last look is
 * `guardUs` at most: a refresh that was decided in time and delayed by a stop passes only while the lease before it lives, and lives one more.
 */
import type { NodeFacts } from "./group.ts";
import { JIFFY_US, type Limits } from "./limits.ts";

/** Of two clocks that go at different rates: one in a hundred is far more than any crystal, or its correction, does. */
export const RATE_MARGIN = 0.01;
/** The kernel of a machine without the daemon says so once a second (icmp_ratelimit); one word may be lost. */
export const PORT_VALID_US = 2_500_000;
/** A new daemon takes nothing without its peer's word for this long: longer than the word about the former one is worth. */
const NEW_RUN_US = 4_000_000;

/** What a decision costs to have its effect in the kernel, at most: a stop just before a refresh, a lease, and the wake for the next look. */
export function guardUs(l: Limits): number {
  return 2 * (l.leaseUs + JIFFY_US) + l.heartbeatUs + l.lateUs;
}

/** So long after its last heartbeat that was answered a primary stops, unless the arbiter's key is its own by then. */
export function stopsAfterUs(l: Limits, answerUs: number): number {
  return l.deadAfterUs + answerUs;
}

/** So long after the peer's last word nobody takes by the arbiter's: the other one has stopped by then. */
export function takesAfterUs(l: Limits, answerUs: number): number {
  return Math.ceil(stopsAfterUs(l, answerUs) * (1 + RATE_MARGIN)) + guardUs(l);
}

export function takesFromStartUs(l: Limits, answerUs: number): number {
  return Math.max(NEW_RUN_US + guardUs(l), takesAfterUs(l, answerUs));
}

/** The arbiter's key is this node's, for as long as a decision needs to have its effect. */
export function holdsKey(n: NodeFacts): boolean {
  return n.arbiter !== null && n.nowUs < n.arbiter.heldUntilUs - guardUs(n.limits);
}

/** A node that has the lease may keep it. */
export function entitled(n: NodeFacts): boolean {
  const a = n.arbiter;
  return a === null || n.nowUs - a.answeredUs < stopsAfterUs(n.limits, a.answerUs) || holdsKey(n) ||
    n.nowUs - a.goneUs < PORT_VALID_US;
}
