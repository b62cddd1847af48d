import assert from "node:assert/strict";
import { type MachineCounters, MachineRing, parseCpuLine, parsePressure, parseRunDelay } from "./machine.ts";

Deno.test("the kernel's files are read, and what is none of them gives nothing", () => {
  // head -1 /proc/stat, cat /proc/self/schedstat, cat /proc/pressure/cpu; Linux 6.18
  const stat = "cpu  25012 1 10060 137486 375 2 1589 24 0 0\ncpu0 12 0 0 0 0 0 0 0 0 0\n";
  assert.deepEqual(parseCpuLine(stat), { busy: 36_664, steal: 24, iowait: 375, total: 174_549 });
  assert.equal(parseRunDelay("66568 4398084 2\n"), 4_398_084);
  const pressure =
    "some avg10=0.01 avg60=1.93 avg300=4.04 total=63408582\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n";
  assert.equal(parsePressure(pressure), 63_408_582);
  assert.deepEqual([parseCpuLine(""), parseRunDelay("0\n"), parsePressure("full total=1\n")], [null, null, null]);
});

function at(atMs: number, more: Partial<MachineCounters> = {}): MachineCounters {
  return { atMs, busy: 0, steal: 0, iowait: 0, total: atMs / 5, runDelayNs: 0, pressureUs: 0, ...more };
}

Deno.test("a sample is what lies between two readings", () => {
  const ring = new MachineRing();
  ring.note(at(0));
  ring.note(at(1000, { busy: 50, steal: 20, iowait: 10, runDelayNs: 3_000_000, pressureUs: 250_000 }));
  assert.deepEqual(ring.samples(10_000), [
    { agoMs: 0, spanMs: 1000, busy: 0.25, steal: 0.1, iowait: 0.05, runDelayUs: 3000, pressure: 0.25 },
  ]);
});

Deno.test("a reading soon after the last one takes its place, and old ones go", () => {
  const ring = new MachineRing();
  for (let i = 0; i < 50; i++) ring.note(at(i * 1000));
  assert.equal(ring.samples(1e9).length, 13);
  assert.equal(ring.samples(5000).length, 6);
  ring.note(at(49_050));
  ring.note(at(50_000));
  assert.deepEqual(ring.samples(1500).map(({ spanMs }) => spanMs), [1000, 1000], "48 to 49 s, and 49 to 50 s");
});

Deno.test("what the kernel does not count is not made up, and nothing divides by nothing", () => {
  const ring = new MachineRing();
  ring.note(at(0, { runDelayNs: null, pressureUs: null, total: 7 }));
  ring.note(at(500, { runDelayNs: 5, pressureUs: 5, total: 7 }));
  const [sample] = ring.samples(1000);
  assert.deepEqual([sample!.busy, sample!.runDelayUs, sample!.pressure], [0, null, null]);
});
