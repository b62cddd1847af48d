import assert from "node:assert/strict";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { receiptLines } from "./receipt_lines.ts";

const RECEIPT: SwitchReceipt = {
  group: "web",
  node: "b",
  kind: "switchover",
  outcome: "done",
  reason: "an operator asked",
  fromEpoch: 4,
  epoch: 5,
  at: "2026-01-01T00:00:00.000Z",
  durationUs: 1200,
  steps: [{ step: "hold", atUs: 0 }, { step: "take", atUs: 700 }],
  packets: { passed: 0, held: 12, heldByPeer: 5, released: 12, returned: 0, dropped: 0 },
};

Deno.test("a receipt is one line, with the packets that were counted", () => {
  assert.equal(
    receiptLines(RECEIPT),
    "web: switchover done in 1200 µs, epoch 4 → 5: an operator asked [µs: hold 0, take 700] " +
      "[packets: held 12, heldByPeer 5, released 12]",
  );
});

Deno.test("without packets nothing is said of them", () => {
  const packets = { passed: 0, held: 0, heldByPeer: 0, released: 0, returned: 0, dropped: 0 };
  const line = receiptLines({ ...RECEIPT, outcome: "aborted", steps: [], packets });
  assert.equal(line, "web: switchover aborted in 1200 µs, epoch 4 → 5: an operator asked [µs: ]");
});
