import assert from "node:assert/strict";
import { chart, sparkline } from "./chart.ts";
import type { Timeline } from "./measurement.ts";

const calm: Timeline = { sliceMs: 2, maxUs: Array(20).fill(60), lost: Array(20).fill(0) };
const broken: Timeline = {
  sliceMs: 2,
  maxUs: calm.maxUs.map((us, i) => i >= 8 && i < 11 ? 0 : i === 11 ? 3000 : us),
  lost: calm.lost.map((_, i) => i >= 8 && i < 11 ? 4 : 0),
};
const whole = { fromMs: 0, columns: 20, msPerColumn: 2, markMs: 16 };

Deno.test("a calm line needs two rows, and every column is filled", () => {
  assert.deepEqual(chart(calm, whole), [
    " 0.1 ms │                    ",
    "  10 µs │▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇",
    "        └────────┴───────────",
  ]);
});

Deno.test("the lost are crosses, a late answer towers above them", () => {
  assert.deepEqual(chart(broken, whole), [
    "   1 ms │           ▄        ",
    " 0.1 ms │           █        ",
    "  10 µs │▇▇▇▇▇▇▇▇×××█▇▇▇▇▇▇▇▇",
    "        └────────┴───────────",
  ]);
});

Deno.test("time before the first packet and after the last is empty", () => {
  const rows = chart(calm, { ...whole, fromMs: -4, columns: 24 });
  assert.equal(rows[1], "  10 µs │  ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇  ");
});

Deno.test("a column of several slices shows the worst of them", () => {
  assert.equal(sparkline(broken, 10, 4), "▂▂▂▂××▂▂▂▂");
  assert.equal(sparkline(calm, 12, 4), "▂▂▂▂▂▂▂▂▂▂  ");
});
