import assert from "node:assert/strict";
import type { PacketCounts } from "../core/vocabulary.ts";
import { ReceiptBook } from "./receipts.ts";

const NONE: PacketCounts = { passed: 0, held: 0, heldByPeer: 0, released: 0, returned: 0, dropped: 0 };

Deno.test("a switch is written down from its beginning to its end", () => {
  const book = new ReceiptBook("b");
  book.begin(0, "failover", "silence", 4, 1000);
  book.step(0, "suspect", 1000.4);
  book.step(0, "take", 6000.6);
  const packets = { ...NONE, held: 3 };
  const receipt = book.end(0, "web", "done", 5, packets, 7000.2)!;
  const { at, ...rest } = receipt;
  assert.deepEqual(rest, {
    group: "web",
    node: "b",
    kind: "failover",
    outcome: "done",
    reason: "silence",
    fromEpoch: 4,
    epoch: 5,
    durationUs: 6000,
    steps: [{ step: "suspect", atUs: 0 }, { step: "take", atUs: 5001 }],
    packets,
  });
  assert.equal(new Date(at).toISOString(), at);
  assert.deepEqual([book.last(0), book.isOpen(0)], [receipt, false]);
});

Deno.test("a switch that turns out to be of another kind keeps its beginning and its steps", () => {
  const book = new ReceiptBook("b");
  book.begin(0, "switchover", "asked", 4, 1000);
  book.step(0, "hold", 1100);
  book.begin(0, "failover", "the old node died", 9, 5000);
  const receipt = book.end(0, "web", "done", 5, NONE, 6000)!;
  assert.deepEqual(
    [receipt.kind, receipt.reason, receipt.fromEpoch, receipt.durationUs, receipt.steps.length],
    ["failover", "the old node died", 4, 5000, 1],
  );
});

Deno.test("what was cancelled or never begun leaves nothing", () => {
  const book = new ReceiptBook("b");
  book.step(0, "suspect", 1);
  assert.equal(book.end(0, "web", "done", 5, NONE, 2), null);
  book.begin(0, "failover", "silence", 4, 1000);
  book.cancel(0);
  assert.equal(book.end(0, "web", "done", 5, NONE, 2), null);
  assert.equal(book.last(0), null);
});

Deno.test("groups do not mix", () => {
  const book = new ReceiptBook("b");
  book.begin(0, "failover", "silence", 4, 0);
  book.begin(1, "switchover", "asked", 8, 0);
  book.step(1, "hold", 1);
  assert.equal(book.end(0, "web", "done", 5, NONE, 2)!.steps.length, 0);
  assert.ok(book.isOpen(1));
});

Deno.test("a suspicion that lasts keeps its first steps and its newest ones", () => {
  const book = new ReceiptBook("b");
  book.begin(0, "failover", "silence", 4, 0);
  for (let i = 0; i < 1000; i++) book.step(0, `probe ${i}`, i);
  const { steps } = book.end(0, "web", "done", 5, NONE, 1000)!;
  assert.equal(steps.length, 200);
  assert.deepEqual([steps[0]!.step, steps[99]!.step, steps.at(-1)!.step], ["probe 0", "probe 99", "probe 999"]);
});

Deno.test("what is no question survives a suspicion that lasts", () => {
  const book = new ReceiptBook("b");
  book.begin(0, "failover", "silence", 4, 0);
  for (let i = 0; i < 1000; i++) book.step(0, i % 100 === 50 ? `arbiter ${i}` : "probe", i);
  const { steps } = book.end(0, "web", "done", 5, NONE, 1000)!;
  assert.equal(steps.length, 200);
  assert.equal(steps.filter(({ step }) => step !== "probe").length, 10);
});
