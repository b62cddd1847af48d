/**
 * How old the peer's word may be on which this node takes an address that was released to it, or whose taking it consented to.
 *
 * Every heartbeat of this node that says "I want it" is a question, and what the peer says echoes the last one that it had heard. So
 * its word is at most as old as that question: whoever slept, and reads in its sockets what was true a while ago, sees that it is an
 * answer to an old question and asks anew.
 *
 * Why the bound is enough. The question left at q, the decision falls at d ≤ q + `answerMaxUs`, and the kernel grants the lease until
 * d + `licenceUs` at the latest, since no later question licenses it (ARCHITECTURE.md, "A take is licensed by a question"). The old
 * node has heard this one at q or later; without its word it takes the address back after `deadAfterUs` of silence and
 * `PROBES_NEEDED_FENCED` unanswered probes, hence later than q + `deadAfterUs` + `PROBES_NEEDED_FENCED` × `probeUs`.
 * `limits.ts` asserts that the one ends before the other begins. Who has consented needs two probes, not eight; what makes up for it is that the
 * question was asked again at each beat until d, and a peer that heard one of these counts its silence from there. Only a node that is
 * stopped twice within one question, whose later questions are lost, could come too late.
 */
import type { GroupState, NodeFacts } from "./group.ts";
import type { Heartbeat } from "./heartbeat.ts";

/** A power of two. What was sent before the last so many heartbeats is old in any case. */
const REMEMBERED = 64;
const U32 = 0x1_0000_0000;

/** When the last heartbeats left, by the low 32 bits of their numbers, which is what echoes have. */
export interface SentQuestions {
  readonly seq: Float64Array;
  readonly us: Float64Array;
}

export function noQuestions(): SentQuestions {
  return { seq: new Float64Array(REMEMBERED).fill(-1), us: new Float64Array(REMEMBERED) };
}

export function noteSent(sent: SentQuestions, seq: number, nowUs: number): void {
  const low = seq % U32;
  sent.seq[low % REMEMBERED] = low;
  sent.us[low % REMEMBERED] = nowUs;
}

/** When the newest heartbeat of this node left that the sender of `beat` had heard; -Infinity where that is too long ago to be known. */
export function answeredUs(sent: SentQuestions, beat: Heartbeat): number {
  let newest = -Infinity;
  for (let i = 0; i < beat.linkCount; i++) {
    const { seq } = beat.links[i]!, place = seq % REMEMBERED;
    // 0 stands for "nothing heard".
    if (seq !== 0 && sent.seq[place] === seq) newest = Math.max(newest, sent.us[place]!);
  }
  return newest;
}

/** Whether what the peer said last of the group is young enough to be acted upon. */
export function answersNow(n: NodeFacts, g: GroupState): boolean {
  return n.answeredUs >= g.moving.refusedUs && n.nowUs - n.answeredUs <= n.limits.answerMaxUs;
}
