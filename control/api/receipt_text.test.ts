import assert from "node:assert/strict";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { entryText } from "./entry_text.ts";
import { entryJson, receiptFromJson, receiptJson } from "./json.ts";
import { receiptText } from "./receipt_text.ts";

const RECEIPT: SwitchReceipt = {
  group: "web",
  node: "b",
  kind: "switchover",
  outcome: "done",
  reason: "asked for by the operator",
  fromEpoch: 4,
  epoch: 5,
  at: "2026-01-02T03:04:05.678Z",
  durationUs: 3314.6,
  steps: [{ step: "begin", atUs: 0 }, { step: "hold", atUs: 412.4 }, { step: "release", atUs: 3314.6 }],
  packets: { passed: 19, held: 55, heldByPeer: 19, released: 55, returned: 0, dropped: 0 },
};

Deno.test("a switch that was done", () =>
  assert.equal(
    receiptText(RECEIPT),
    `\
web: switchover on b done in 3.31 ms, epoch 4 → 5
reason   asked for by the operator
at       2026-01-02T03:04:05.678Z
steps    +   0 µs  begin
         + 412 µs  hold
         +3315 µs  release
packets  passed on 19, held 55 (19 by way of the peer), released 55, dropped 0
`,
  ));

Deno.test("a switch that was called off, and one without steps", () => {
  const packets = { passed: 0, held: 7, heldByPeer: 0, released: 0, returned: 7, dropped: 0 };
  const off = { ...RECEIPT, outcome: "aborted" as const, epoch: 4, steps: [], packets };
  assert.equal(
    receiptText(off),
    `\
web: switchover on b called off after 3.31 ms, epoch 4
reason   asked for by the operator
at       2026-01-02T03:04:05.678Z
packets  held 7, given back 7, dropped 0
`,
  );
});

Deno.test("the JSON of a receipt says the same", () =>
  assert.deepEqual(receiptFromJson(receiptJson(RECEIPT)), RECEIPT));

Deno.test("entries of the journal are one line each, whatever is in them", () => {
  assert.equal(
    entryText(entryJson({ id: 1, type: "switch", receipt: RECEIPT })),
    "2026-01-02T03:04:05.678Z  switch  web: switchover on b done in 3.31 ms, epoch 4 → 5: asked for by the operator " +
      "(passed on 19, held 55 (19 by way of the peer), released 55, dropped 0)\n",
  );
  const event = { at: "2026-01-02T03:04:05.678Z", level: "alarm", kind: "x", text: "a\n\x1b[2Jb" } as const;
  assert.equal(entryText(entryJson({ id: 2, type: "event", event })), "2026-01-02T03:04:05.678Z  alarm   a [2Jb\n");
});
