/** How long a planned move will take: by the last ones, else by what its parts take. And why one took longer. Pure. */
import type { Timing } from "../../config/model.ts";
import { durationText } from "../api/units.ts";
import type { ReceiptStep, SwitchReceipt } from "../core/vocabulary.ts";

export interface Prediction {
  /** How long clients wait for an answer. */
  readonly predicted_gap_us: number;
  /** From the first step to the last. */
  readonly predicted_us: number;
  /** What the numbers come from. */
  readonly basis: string;
  /** Since the beginning. */
  readonly steps: readonly { readonly step: string; readonly us: number }[];
}

export type PlannedKind = "switchover" | "handover";

/** Moves that are looked back on. */
const LOOK_BACK = 5;
/** For a peer whose round-trip time is not known yet. */
const RTT_GUESS_US = 500;
const PASSED_RELEASED = "released what came by the peer";
const BARRIER_LATE = "barrier timed out";

/** Null where there is no history. @param moves done, of one kind, oldest first */
export function predictByHistory(moves: readonly SwitchReceipt[]): Prediction | null {
  const last = moves.slice(-LOOK_BACK), newest = last.at(-1);
  if (newest === undefined) return null;
  const steps = newest.steps.map((step) => plainStep(step)).filter((step) => step !== BARRIER_LATE);
  return {
    predicted_gap_us: median(last.map(gapUsOf)),
    predicted_us: median(last.map(({ durationUs }) => durationUs)),
    basis: last.length === 1 ? "the last planned move" : `the median of the last ${last.length} planned moves`,
    steps: steps.map((step) => ({ step, us: median(last.flatMap((it) => timeOf(it.steps, step) ?? [])) })),
  };
}

/** @param rttUs of the best path, null if none is known */
export function predictByModel(
  kind: PlannedKind,
  timing: Pick<Timing, "drainUs" | "barrierUs">,
  rttUs: number | null,
  rehearsedUs: number,
): Prediction {
  const rtt = rttUs ?? RTT_GUESS_US;
  // The old node hears the wish half a round trip later, drains, and its release takes another half.
  const released = rtt + timing.drainUs,
    served = released + rehearsedUs,
    told = served + Math.min(rtt, timing.barrierUs);
  const steps = kind === "handover"
    ? [["released", timing.drainUs], ["heard that the new one serves", rtt + timing.drainUs + rehearsedUs]] as const
    : [["hold", 0], ["lease", served], [PASSED_RELEASED, served], ["all passed on", told]] as const;
  const us = steps.at(-1)![1];
  return {
    predicted_gap_us: Math.round(kind === "handover" ? us : served),
    predicted_us: Math.round(us),
    basis: "drain, round trip and what a takeover took in the rehearsal at the start",
    steps: steps.map(([step, us]) => ({ step, us: Math.round(us) })),
  };
}

/** How long packets of clients waited at most, as far as this node's receipt tells. */
export function gapUsOf(receipt: SwitchReceipt): number {
  return timeOf(receipt.steps, PASSED_RELEASED) ?? receipt.durationUs;
}

/** Off by more than this factor, and by more than a millisecond, is another story. */
const FACTOR = 2;
const NOTEWORTHY_US = 1000;

/** Why a move took much more or less than predicted; null if it did not. */
export function missedPrediction(receipt: SwitchReceipt, prediction: Prediction): string | null {
  const tookUs = receipt.durationUs, predictedUs = prediction.predicted_us;
  const isFar = (took: number, predicted: number) =>
    Math.abs(took - predicted) > NOTEWORTHY_US &&
    Math.max(took, predicted) > FACTOR * Math.max(1, Math.min(took, predicted));
  if (receipt.outcome === "aborted") return `it was called off: ${receipt.reason}`;
  if (!isFar(tookUs, predictedUs) && !isFar(gapUsOf(receipt), prediction.predicted_gap_us)) return null;
  if (tookUs < predictedUs) return `the prediction came from ${prediction.basis}, and nothing held this one up`;
  const reasons: string[] = [];
  if (receipt.kind === "failover") reasons.push("the old node died on the way");
  if (receipt.steps.some(({ step }) => step === BARRIER_LATE)) {
    reasons.push("the old node's word that everything had been passed on did not come within the barrier");
  }
  const wakes = receipt.evidence?.wakes;
  if (wakes !== undefined && wakes.late > 0) {
    const times = wakes.late === 1 ? "once" : `${wakes.late} times`;
    reasons.push(
      `this node's switch thread woke late ${times} in the last seconds, by up to ${durationText(wakes.maxUs)}`,
    );
  }
  return [...reasons, slowestStep(receipt, prediction)].join("; ");
}

/** The step that took most of what was not foreseen. */
function slowestStep(receipt: SwitchReceipt, prediction: Prediction): string {
  let worst = { step: "the end", excessUs: -Infinity };
  let before = 0, predictedBefore = 0;
  for (const step of receipt.steps) {
    const name = plainStep(step), predicted = prediction.steps.find((one) => one.step === name)?.us;
    const excessUs = step.atUs - before - ((predicted ?? predictedBefore) - predictedBefore);
    if (excessUs > worst.excessUs) worst = { step: name, excessUs };
    before = step.atUs;
    predictedBefore = predicted ?? predictedBefore;
  }
  if (worst.excessUs === -Infinity) worst = { ...worst, excessUs: receipt.durationUs - prediction.predicted_us };
  const waiting = /^(addresses|released|services)/.test(worst.step)
    ? "the old node let go later than foreseen: its services had unread requests, which extends the drain, or took longer " +
      "to stop, or it was busy"
    : `it waited for "${worst.step}"`;
  return `${waiting} (${durationText(worst.excessUs)} more)`;
}

/** Without the number of the reign or of packets. */
function plainStep({ step }: Pick<ReceiptStep, "step">): string {
  return step.replace(/,? ?(epoch )?[0-9]+.*$/, "");
}

function timeOf(steps: readonly ReceiptStep[], name: string): number | undefined {
  return steps.find((step) => plainStep(step) === name)?.atUs;
}

function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
}
