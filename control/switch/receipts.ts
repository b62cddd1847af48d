/** Writes the receipt of every switch: what happened, in which order, after how many microseconds. */
import type { SwitchEvidence } from "../core/evidence.ts";
import type { PacketCounts, ReceiptStep, SwitchKind, SwitchReceipt } from "../core/vocabulary.ts";

interface Open {
  kind: SwitchKind;
  reason: string;
  readonly fromEpoch: number;
  readonly at: string;
  readonly startUs: number;
  readonly steps: ReceiptStep[];
}

/** A switch with more steps than this is a suspicion that lasts: the first and the newest are kept, and what is no question. */
const STEPS_MAX = 200;

export class ReceiptBook {
  readonly #open = new Map<number, Open>();
  readonly #last = new Map<number, SwitchReceipt>();
  readonly #node: string;

  constructor(node: string) {
    this.#node = node;
  }

  /** A switch begins, or one that has begun turns out to be of another kind: its steps stay. */
  begin(group: number, kind: SwitchKind, reason: string, fromEpoch: number, nowUs: number): void {
    const open = this.#open.get(group);
    if (open !== undefined) {
      open.kind = kind;
      open.reason = reason;
      return;
    }
    this.#open.set(group, { kind, reason, fromEpoch, at: new Date().toISOString(), startUs: nowUs, steps: [] });
  }

  /** Of the switch that is under way; null if none is. */
  kindOf(group: number): SwitchKind | null {
    return this.#open.get(group)?.kind ?? null;
  }

  isOpen(group: number): boolean {
    return this.#open.has(group);
  }

  step(group: number, step: string, nowUs: number): void {
    const open = this.#open.get(group);
    if (open === undefined) return;
    if (open.steps.length >= STEPS_MAX) open.steps.splice(dispensable(open.steps), 1);
    const atUs = Math.round(nowUs - open.startUs);
    // What other threads did is told afterwards: it stands where it happened.
    let place = open.steps.length;
    while (place > 0 && open.steps[place - 1]!.atUs > atUs) place--;
    open.steps.splice(place, 0, { step, atUs });
  }

  cancel(group: number): void {
    this.#open.delete(group);
  }

  /** Closes it; null if none was open. */
  end(
    group: number,
    name: string,
    outcome: "done" | "aborted",
    epoch: number,
    packets: PacketCounts,
    nowUs: number,
    evidence?: SwitchEvidence,
  ): SwitchReceipt | null {
    const open = this.#open.get(group);
    if (open === undefined) return null;
    this.#open.delete(group);
    const receipt: SwitchReceipt = {
      group: name,
      node: this.#node,
      kind: open.kind,
      outcome,
      reason: open.reason,
      fromEpoch: open.fromEpoch,
      epoch,
      at: open.at,
      durationUs: Math.round(nowUs - open.startUs),
      steps: open.steps,
      packets,
      ...(evidence === undefined ? {} : { evidence }),
    };
    this.#last.set(group, receipt);
    return receipt;
  }

  last(group: number): SwitchReceipt | null {
    return this.#last.get(group) ?? null;
  }
}

/** Of too many: a question that is like those beside it, or whatever stands in the middle. */
function dispensable(steps: readonly ReceiptStep[]): number {
  const probe = steps.findIndex(({ step }, i) => i >= STEPS_MAX / 4 && step === "probe");
  return probe < 0 ? STEPS_MAX / 2 : probe;
}
