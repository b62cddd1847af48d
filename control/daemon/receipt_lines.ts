/** A receipt in one line of a log. Pure. */
import type { SwitchReceipt } from "../core/vocabulary.ts";

export function receiptLines(receipt: SwitchReceipt): string {
  const { packets } = receipt;
  const steps = receipt.steps.map((step) => `${step.step} ${step.atUs}`).join(", ");
  const counted = Object.entries(packets).filter(([, count]) => count > 0).map(([name, count]) => `${name} ${count}`)
    .join(", ");
  return `${receipt.group}: ${receipt.kind} ${receipt.outcome} in ${receipt.durationUs} µs, epoch ${receipt.fromEpoch} → ${receipt.epoch}: ` +
    `${receipt.reason} [µs: ${steps}]${counted === "" ? "" : ` [packets: ${counted}]`}`;
}
