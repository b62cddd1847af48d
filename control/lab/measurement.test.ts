import assert from "node:assert/strict";
import { Recorder, SLICE_US } from "./measurement.ts";

/** 100 packets, one every 500 µs from 1 s on, each answered after 80 µs but those that `fate` says otherwise of. */
function played(fate: (seq: number) => "answer" | "lose" | "late" | "twice"): Recorder {
  const recorder = new Recorder(100), answers: { readonly seq: number; readonly atUs: number }[] = [];
  for (let seq = 0; seq < 100; seq++) {
    const atUs = 1_000_000 + seq * 500;
    recorder.sent(atUs);
    const what = fate(seq);
    if (what !== "lose") answers.push({ seq, atUs: atUs + (what === "late" ? 1300 : 80) });
    if (what === "twice") answers.push({ seq, atUs: atUs + 90 });
  }
  for (const { seq, atUs } of answers.toSorted((x, y) => x.atUs - y.atUs)) recorder.answered(seq, atUs);
  return recorder;
}

Deno.test("all answered: nothing lost, the gap is the interval", () => {
  const seen = played(() => "answer").finish();
  const { sent, lost, reordered, duplicates, longestGapMs, rttP50Us, rttMaxUs, startedUs } = seen;
  assert.deepEqual({ sent, lost, reordered, duplicates }, { sent: 100, lost: 0, reordered: 0, duplicates: 0 });
  assert.deepEqual([longestGapMs, rttP50Us, rttMaxUs, startedUs], [0.5, 80, 80, 1_000_000]);
});

Deno.test("a hole: its length, its place, and in which slices", () => {
  const seen = played((seq) => seq >= 40 && seq < 52 ? "lose" : "answer").finish();
  assert.deepEqual([seen.lost, seen.longestGapMs, seen.gapAtMs], [12, 6.5, 19.58]);
  const { sliceMs, lost, maxUs } = seen.timeline;
  assert.equal(sliceMs, SLICE_US / 1000);
  assert.deepEqual(lost.slice(9, 14), [0, 4, 4, 4, 0]);
  assert.deepEqual(maxUs.slice(9, 14), [80, 0, 0, 0, 80]);
});

Deno.test("an answer that others overtook is out of order, one that comes twice is a duplicate", () => {
  const seen = played((seq) => seq === 10 ? "late" : seq === 20 ? "twice" : "answer").finish();
  assert.deepEqual([seen.lost, seen.reordered, seen.duplicates, seen.rttMaxUs], [0, 1, 1, 1300]);
});

Deno.test("silence at the end counts up to the last question", () => {
  const seen = played((seq) => seq >= 90 ? "lose" : "answer").finish();
  assert.equal(seen.longestGapMs, 4.92);
});

Deno.test("numbers that were never sent change nothing", () => {
  const recorder = played(() => "answer");
  for (const seq of [-1, 100, NaN, 2 ** 31]) recorder.answered(seq, 2_000_000);
  assert.equal(recorder.finish().duplicates, 0);
  assert.equal(new Recorder(0).finish().sent, 0);
});

Deno.test("progress tells each slice once, when it is certain", () => {
  const recorder = played((seq) => seq === 3 ? "lose" : "answer");
  assert.deepEqual(recorder.progress(1_010_000).fresh.lost, []);
  const early = recorder.progress(1_070_000), late = recorder.progress(1_500_000);
  assert.deepEqual([early.fresh.lost, early.missing], [[1, 0, 0, 0, 0], 1]);
  assert.deepEqual([early.fresh.lost.length + late.fresh.lost.length, late.missing], [25, 1]);
});
