import assert from "node:assert/strict";
import { addSample, HISTORY_MS, type PathHistory, slices } from "./history.ts";
import { barRows, sparkline } from "./pictures.ts";
import { rowText } from "./row.ts";

function historyOf(samples: readonly (readonly [ageS: number, rttUs: number | null, loss?: number])[]): PathHistory {
  return samples.map(([ageS, rttUs, loss = 0]) => ({ atMs: -ageS * 1000, rttUs, loss, up: loss < 1 }));
}

function text(history: PathHistory, columns: number): string {
  return sparkline(slices(history, 0, columns)).map((span) => span.text).join("");
}

Deno.test("an even path is a low line, its worse moments stand out, losses are crosses", () => {
  const calm = Array.from({ length: 12 }, (_, i) => [i * 5 + 1, 100] as const);
  assert.equal(text(historyOf(calm), 12), "▁▁▁▁▁▁▁▁▁▁▁▁");
  const rough = calm.map(([age, rtt], i) => [age, i === 2 ? 420 : i === 3 ? 5000 : rtt, i === 6 ? 1 : 0] as const);
  assert.equal(text(historyOf(rough), 12), "▁▁▁▁▁×▁▁█▄▁▁");
});

Deno.test("the last minute, the newest at the right; what was before it is blank", () => {
  assert.equal(text(historyOf([[14, 100], [1, 100]]), 6), "    ▁▁");
  assert.equal(text([], 4), "    ");
  const old = historyOf([[59, 100]]);
  assert.equal(slices(old, HISTORY_MS, 6).every((slice) => slice === null), true);
});

Deno.test("between two polls what was said last holds; where a daemon was away the picture is blank", () => {
  const polled = Array.from({ length: 60 }, (_, i) => [59 - i, 100] as const);
  assert.equal(text(historyOf(polled), 150).trim(), "▁".repeat(148));
  const away = polled.filter(([age]) => age < 20 || age >= 40);
  assert.equal(text(historyOf(away), 60), `${"▁".repeat(23)}${" ".repeat(17)}${"▁".repeat(20)}`);
});

Deno.test("a column of several samples shows the worst of them", () => {
  const [slice] = slices(historyOf([[1, 100], [2, 300], [3, null, 0.2]]), 0, 1);
  assert.deepEqual(slice, { rttUs: 300, loss: 0.2, up: true });
});

Deno.test("a history keeps a minute and no more", () => {
  let history: PathHistory = [];
  const path = { local: "x", remote: "y", kind: "udp", state: "up", rtt_us: 1, loss: 0, last_heard_ms: 1 } as const;
  for (let atMs = 0; atMs < 200_000; atMs += 100) history = addSample(history, path, atMs);
  assert.ok(history.length <= 300);
  assert.equal(history.at(-1)!.atMs, 199_900);
  assert.ok(history[0]!.atMs > 199_900 - HISTORY_MS);
});

Deno.test("steps of a switch: each a bar from the end of the one before, the longest told apart", () => {
  const steps = [{ step: "hold", atUs: 0 }, { step: "pass", atUs: 412 }, { step: "drain", atUs: 1903 }, {
    step: "take",
    atUs: 1904,
  }];
  assert.deepEqual(
    barRows(steps, 44).map(rowText),
    [
      "    +0 µs                              hold ",
      "  +412 µs  █████▋                      pass ",
      "+1 903 µs       ████████████████████▍  drain",
      "+1 904 µs                           ▏  take ",
    ].map((line) => line),
  );
  assert.deepEqual(barRows(steps, 44).map(({ spans }) => spans[2]!.tone), ["good", "good", "warn", "good"]);
  assert.equal(barRows(steps, 44, 2).length, 2);
  assert.deepEqual(barRows([], 44), []);
});
