import assert from "node:assert/strict";
import type { Progress } from "./measurement.ts";
import { ClientStrip } from "./strip.ts";

function progress(n: number, change: Partial<Progress> = {}): Progress {
  return {
    atMs: n * 100,
    sent: n * 100,
    received: n * 100,
    missing: 0,
    gapMs: 2.3,
    fresh: { sliceMs: 2, maxUs: [60, 80], lost: [0, 0] },
    ...change,
  };
}

Deno.test("the last second, and what was lost", () => {
  const strip = new ClientStrip();
  assert.equal(strip.text(), `client ${" ".repeat(16)} 0/s, gap 0 µs, 0 lost`);
  for (let n = 1; n <= 60; n++) strip.report(progress(n));
  assert.equal(strip.text(), `client ${"▂".repeat(16)} 1000/s, gap 2.30 ms, 0 lost`);
});

Deno.test("a fault: its longest gap and its losses stay, those before it and of the next client do not count", () => {
  const strip = new ClientStrip();
  strip.report(progress(1, { missing: 4, gapMs: 50 }));
  strip.begin("power off a");
  strip.report(progress(2, { missing: 13, gapMs: 7.9, fresh: { sliceMs: 2, maxUs: [0], lost: [9] } }));
  for (let n = 3; n < 14; n++) strip.report(progress(n, { missing: 15 }));
  strip.renewed();
  for (let n = 1; n < 4; n++) strip.report(progress(n));
  assert.match(strip.text(), /×/);
  assert.ok(strip.text().endsWith("· power off a: gap 7.90 ms, 11 lost"), strip.text());
});
