import assert from "node:assert/strict";
import fc from "fast-check";
import { BURST_LINES, KEPT_MAX, KeptLines, LINE_MAX, LineRate, LINES_PER_SECOND, LineSplitter } from "./lines.ts";

function split(...parts: (string | Uint8Array)[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const part of parts) splitter.push(typeof part === "string" ? new TextEncoder().encode(part) : part);
  splitter.end();
  return lines;
}

Deno.test("lines, wherever the bytes are cut; the last one needs no line end", () => {
  assert.deepEqual(split("one\ntw", "o\n\nthree"), ["one", "two", "", "three"]);
  const text = "größer\nals 日本\n";
  const bytes = new TextEncoder().encode(text);
  fc.assert(fc.property(fc.nat(bytes.length), (at) => {
    assert.deepEqual(split(bytes.subarray(0, at), bytes.subarray(at)), ["größer", "als 日本"]);
  }));
});

Deno.test("a long line is cut and says so, what steers a terminal is left out", () => {
  const [line, next] = split("x".repeat(LINE_MAX), "x".repeat(10 * LINE_MAX), "\nshort\n");
  assert.equal(line, "x".repeat(LINE_MAX) + " […]");
  assert.equal(next, "short");
  assert.deepEqual(split("a\x1b[31mred\r\x07\n"), ["a[31mred"]);
  assert.deepEqual(split("x".repeat(LINE_MAX) + "\n"), ["x".repeat(LINE_MAX)]);
});

Deno.test("any bytes become lines of bounded length", () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 }), (parts) => {
    for (const line of split(...parts)) assert.ok(line.length <= LINE_MAX + 4);
  }));
});

Deno.test("a burst passes, then so many a second; the next one says how many were left out", () => {
  const rate = new LineRate(0);
  for (let i = 0; i < BURST_LINES; i++) assert.equal(rate.pass(0), 0);
  assert.equal(rate.pass(0), null);
  assert.equal(rate.pass(0), null);
  assert.equal(rate.pass(1e6), 2);
  let passed = 1;
  while (rate.pass(1e6) !== null) passed++;
  assert.equal(passed, LINES_PER_SECOND);
});

Deno.test("the last lines are kept, no more", () => {
  const kept = new KeptLines();
  for (let i = 0; i < KEPT_MAX + 50; i++) kept.add(String(i));
  assert.equal(kept.all().length, KEPT_MAX);
  assert.equal(kept.all()[0], "50");
});
