import assert from "node:assert/strict";
import fc from "fast-check";
import { formatDuration, parseDuration } from "./duration.ts";

Deno.test("a time with a unit is microseconds", () => {
  const table: [string, number][] = [
    ["2ms", 2_000],
    ["500us", 500],
    ["500µs", 500],
    ["1.5s", 1_500_000],
    ["1m", 60_000_000],
    ["0.5ms", 500],
    ["0.001ms", 1],
    ["0ms", 0],
    ["2 ms", 2_000],
    ["007ms", 7_000],
    ["1440m", 86_400_000_000],
    // 0.1 + 0.2 style traps: a product that a double does not hold exactly.
    ["1.1ms", 1_100],
    ["0.29s", 290_000],
    ["4.35s", 4_350_000],
  ];
  for (const [text, us] of table) assert.equal(parseDuration(text), us, text);
});

Deno.test("anything else is a sentence that quotes it", () => {
  const table: [string, RegExp][] = [
    ["10", /has no unit: us, ms, s or m/],
    ["1.5", /has no unit/],
    ["", /is not a time/],
    ["ms", /is not a time/],
    ["-2ms", /is not a time/],
    ["1h", /is not a time/],
    ["1,5s", /is not a time/],
    ["2MS", /is not a time/],
    ["1e3us", /is not a time/],
    ["1s 500ms", /is not a time/],
    ["1.us", /is not a time/],
    ["0.5us", /finer than a microsecond/],
    ["0.0001ms", /finer than a microsecond/],
    ["1441m", /longer than a day/],
    ["9".repeat(400) + "s", /longer than a day/],
  ];
  for (const [text, pattern] of table) {
    const result = parseDuration(text);
    assert.equal(typeof result, "string", text);
    assert.match(String(result), pattern);
    assert.ok(String(result).includes(JSON.stringify(text)));
  }
});

Deno.test("every whole number of microseconds comes back from its text", () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 86_400_000_000 }), (us) => {
    assert.equal(parseDuration(formatDuration(us)), us);
  }));
});
