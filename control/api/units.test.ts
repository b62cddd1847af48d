import assert from "node:assert/strict";
import { durationText, spanText, tableText } from "./units.ts";

Deno.test("times have three digits and the unit that fits", () => {
  const cases: [number, string][] = [[0, "0 µs"], [850.4, "850 µs"], [2345, "2.35 ms"], [12_345, "12.3 ms"], [
    999_000,
    "999 ms",
  ], [1_234_567, "1.23 s"]];
  for (const [us, text] of cases) assert.equal(durationText(us), text);
});

Deno.test("spans are of two units at most", () => {
  const cases: [number, string][] = [
    [119_000, "119 s"],
    [120_000, "2 min"],
    [3 * 3_600_000 + 12 * 60_000, "3 h 12 min"],
    [50 * 3_600_000, "2 d 2 h"],
  ];
  for (const [ms, text] of cases) assert.equal(spanText(ms), text);
});

Deno.test("columns are aligned, lines end with their last letter", () => {
  assert.equal(tableText([["a", "bbb", "c"], ["aaaa", "b", ""]]), "a     bbb  c\naaaa  b\n");
  assert.equal(tableText([]), "");
});
