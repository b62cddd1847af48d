import assert from "node:assert/strict";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { gapUsOf, missedPrediction, predictByHistory, predictByModel } from "./prediction.ts";
import { SAMPLE_EVIDENCE, SampleJournal } from "./sample_entries.ts";

/** A planned move as the new node writes it down: its steps stretched by a factor. */
function move(factor = 1, over: Partial<SwitchReceipt> = {}): SwitchReceipt {
  const steps = [
    ["hold", 300],
    ["addresses", 1000],
    ["lease, epoch 12", 1200],
    ["announced", 1300],
    ["released what came by the peer", 1500],
    ["all passed on", 1900],
    ["released all", 2000],
  ] as const;
  const [entry] = new SampleJournal().switch({
    kind: "switchover",
    steps: steps.map(([step, us]) => ({ step, atUs: us * factor })),
    durationUs: 2000 * factor,
    ...over,
  }).entries;
  if (entry?.type !== "switch") throw new Error("no receipt");
  return entry.receipt;
}

Deno.test("by history: the median of the last five, step by step, without the number of the reign", () => {
  const prediction = predictByHistory([move(50), move(1), move(2), move(3), move(2), move(9)])!;
  assert.deepEqual([prediction.predicted_us, prediction.predicted_gap_us], [4000, 3000]);
  assert.equal(prediction.basis, "the median of the last 5 planned moves");
  assert.deepEqual(prediction.steps.map(({ step, us }) => `${step} ${us}`), [
    "hold 600",
    "addresses 2000",
    "lease 2400",
    "announced 2600",
    "released what came by the peer 3000",
    "all passed on 3800",
    "released all 4000",
  ]);
  assert.equal(predictByHistory([]), null);
});

Deno.test("by its parts: a round trip, the drain, a takeover, and the barrier at most", () => {
  const timing = { drainUs: 500, barrierUs: 1000 };
  const taking = predictByModel("switchover", timing, 100, 700);
  assert.deepEqual([taking.predicted_us, taking.predicted_gap_us], [1400, 1300]);
  const far = predictByModel("switchover", timing, 30_000, 700);
  assert.deepEqual([far.predicted_us, far.predicted_gap_us], [32_200, 31_200], "nobody waits longer than the barrier");
  assert.equal(predictByModel("handover", timing, 100, 700).predicted_us, 1300);
  assert.ok(predictByModel("handover", timing, null, 700).predicted_us > 1200, "an unknown round trip is not nothing");
});

Deno.test("clients wait until what came by the peer is let go; at the old node as long as it lasts", () => {
  assert.equal(gapUsOf(move()), 1500);
  assert.equal(gapUsOf(move(1, { kind: "handover", steps: [] })), 2000);
});

Deno.test("what comes near is not missed, nor is what differs by less than a millisecond", () => {
  const prediction = predictByHistory([move()])!;
  for (const factor of [0.6, 1, 1.4, 1.9]) assert.equal(missedPrediction(move(factor), prediction), null);
});

Deno.test("a miss is given its reasons", () => {
  const prediction = predictByHistory([move()])!;
  const why = (over: Partial<SwitchReceipt>, factor = 1) => missedPrediction(move(factor, over), prediction)!;
  const late = move().steps.map(({ step, atUs }) => ({ step, atUs: step === "hold" ? atUs : atUs + 20_000 }));
  assert.match(why({ steps: late, durationUs: 22_000 }), /^the old node let go later.*unread requests.*20.0 ms more/);
  const barrier = move().steps.map((it) => it.step === "all passed on" ? { ...it, step: "barrier timed out" } : it);
  assert.match(why({ steps: barrier, durationUs: 9000 }), /did not come within the barrier/);
  const wakes = { withinUs: 1e7, late: 2, maxUs: 9000 };
  assert.match(
    why({ evidence: { ...SAMPLE_EVIDENCE, wakes } }, 5),
    /woke late 2 times in the last seconds, by up to 9.00 ms/,
  );
  assert.match(why({ kind: "failover" }, 5), /the old node died on the way/);
  assert.match(why({ outcome: "aborted", reason: "it took too long" }), /^it was called off: it took too long/);
  const slow = predictByHistory([move(10)])!;
  assert.match(missedPrediction(move(), slow)!, /nothing held this one up/);
});
