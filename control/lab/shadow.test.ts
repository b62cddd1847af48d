import assert from "node:assert/strict";
import { type Crash, crashLines, problems } from "./shadow.ts";

const timeline = { sliceMs: 2, maxUs: [80, 90, 0, 0, 120, 90], lost: [0, 0, 3, 1, 0, 0] };

function crash(change: { wire?: Crash["wire"]; lost?: number; broken?: number; twoOwners?: boolean } = {}): Crash {
  const { wire = "shared", lost = 0, broken = 0, twoOwners = false } = change;
  return {
    wire,
    udp: {
      sent: 5000,
      received: 5000 - lost,
      lost,
      duplicates: 4,
      reordered: 0,
      longestGapMs: 7.94,
      gapAtMs: 700,
      rttP50Us: 80,
      rttP99Us: 120,
      rttMaxUs: 7900,
      startedUs: 0,
      timeline,
    },
    crowd: {
      connections: 30,
      broken,
      messages: 6000,
      stallP50Ms: 8,
      stallP99Ms: 11.5,
      stallMaxMs: 12,
      startedAt: 0,
      timeline,
    },
    udpFaultMs: 4,
    crowdFaultMs: 4,
    order: "a b",
    twoOwners,
    replayed: 38,
  };
}

Deno.test("a crash is shown with what was lost, what was served twice, and how long TCP waited", () => {
  const text = crashLines(crash()).join("\n");
  assert.match(text, /wire = "shared"/);
  assert.match(text, /0 of 5000 datagrams lost, longest gap 7\.9 ms, 4 served twice, 38 packets served/);
  assert.match(text, /8 ms at the median, 11\.5 ms at p99; 0 of 30 broken; spoke: a b/);
  assert.match(text, /××/, "the lost stand in the picture");
  for (const line of crashLines(crash())) assert.ok(line.length <= 130, line);
});

Deno.test("losses are a broken promise on the shared wire alone; broken connections and two owners on both", () => {
  assert.deepEqual(problems([crash({ wire: "announce", lost: 9 }), crash()]), []);
  assert.deepEqual(problems([crash({ lost: 1 })]), ['wire = "shared": 1 datagrams lost']);
  assert.equal(problems([crash({ wire: "announce", broken: 2 }), crash({ twoOwners: true })]).length, 2);
});
