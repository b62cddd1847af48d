/** The receipt of a switch for people: what it was, why, what it cost. Pure. */
import type { PacketCounts, SwitchReceipt } from "../core/vocabulary.ts";
import { durationText } from "./units.ts";

/**
 * ```
 * web: switchover on b done in 3.31 ms, epoch 4 → 5
 * reason   asked for by the operator
 * at       2026-11-23T14:02:11.123Z
 * steps    +     0 µs  begin
 *          +   412 µs  hold
 * packets  passed on 19, held 55 (19 by way of the peer), released 55, dropped 0
 * expected 3.10 ms (clients wait 2.90 ms), took 3.31 ms
 * ```
 * Ends with a line break.
 */
export function receiptText(receipt: SwitchReceipt): string {
  const width = Math.max(0, ...receipt.steps.map(({ atUs }) => Math.round(atUs).toString().length));
  const steps = receipt.steps.map(({ step, atUs }, i) =>
    `${i === 0 ? "steps    " : "         "}+${Math.round(atUs).toString().padStart(width)} µs  ${step}\n`
  );
  return `${receiptTitle(receipt)}\n` +
    `reason   ${receipt.reason}\n` +
    `at       ${receipt.at}\n` +
    steps.join("") +
    `packets  ${packetsText(receipt.packets)}\n` +
    predictedLine(receipt);
}

function predictedLine(receipt: SwitchReceipt): string {
  const text = predictedText(receipt);
  return text === "" ? "" : `expected ${text}\n`;
}

/** What it took beside what a rehearsal had said, "" if there was none: `3.10 ms (clients wait 2.90 ms), took 3.31 ms`. */
export function predictedText(receipt: SwitchReceipt): string {
  const { predictedUs, predictedGapUs, predictionMissed, durationUs } = receipt;
  if (predictedUs === undefined) return "";
  const gap = predictedGapUs === undefined ? "" : ` (clients wait ${durationText(predictedGapUs)})`;
  const because = predictionMissed === undefined ? "" : `, because ${predictionMissed}`;
  return `${durationText(predictedUs)}${gap}, took ${durationText(durationUs)}${because}`;
}

/** One line, without a line break: `web: failover on b done in 6.40 ms, epoch 4 → 5`. */
export function receiptTitle(receipt: SwitchReceipt): string {
  const { group, kind, node, outcome, durationUs, fromEpoch, epoch } = receipt;
  const result = outcome === "done" ? "done in" : "called off after";
  const reign = fromEpoch === epoch ? `epoch ${epoch}` : `epoch ${fromEpoch} → ${epoch}`;
  return `${group}: ${kind} on ${node} ${result} ${durationText(durationUs)}, ${reign}`;
}

/** What is not zero; a loss is always said. */
export function packetsText(packets: PacketCounts): string {
  const parts: string[] = [];
  if (packets.passed > 0) parts.push(`passed on ${packets.passed}`);
  if (packets.held > 0) {
    const byPeer = packets.heldByPeer > 0 ? ` (${packets.heldByPeer} by way of the peer)` : "";
    parts.push(`held ${packets.held}${byPeer}`);
  }
  if (packets.released > 0) parts.push(`released ${packets.released}`);
  if (packets.returned > 0) parts.push(`given back ${packets.returned}`);
  if (packets.replayed !== undefined) {
    const age = packets.replayed === 0 ? "" : ` (the oldest ${durationText(packets.replayedOldestUs ?? 0)} old)`;
    parts.push(`replayed ${packets.replayed} of ${packets.shadowed ?? packets.replayed} in the shadow${age}`);
  }
  parts.push(`dropped ${packets.dropped}`);
  return parts.join(", ");
}
