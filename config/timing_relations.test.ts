import assert from "node:assert/strict";
import fc from "fast-check";
import { type CoreTiming, planLimits } from "../control/core/limits.ts";
import { formatDuration } from "./duration.ts";
import { loadConfig } from "./load.ts";
import { PROFILES } from "./profiles.ts";
import { probeIntervalUs } from "./timing_relations.ts";

const REST = `
[pair]
name = "edge"
[[node]]
name = "a"
paths = ["10.78.0.1:4790"]
[[node]]
name = "b"
paths = ["10.78.0.2:4790"]
[[group]]
name = "web"
prefer = "a"
addresses = [{ address = "10.77.0.100/32", interface = "veth0" }]
`;

function problemsOf(...lines: string[]): string[] {
  const result = loadConfig(["[timing]", ...lines].join("\n") + REST);
  const problems = "problems" in result ? result.problems : result.warnings;
  return problems.map(({ line, key, reason, severity }) => `${line} ${severity} ${key}: ${reason}`);
}

Deno.test("the arithmetic stands in the message", () => {
  const table: [string[], string[]][] = [
    [['lease = "33ms"'], [
      "2 error timing.lease: a lease of 33ms is shorter than 3 heartbeats and a jiffy of the kernel: 3 × 10ms + 4ms = 34ms",
    ]],
    [['lease = "34ms"'], []],
    [['profile = "fast"', 'heartbeat = "6ms"'], [
      "3 error timing.heartbeat: a lease of 20ms is shorter than 3 heartbeats and a jiffy of the kernel: 3 × 6ms + 4ms = 22ms",
      "3 error timing.heartbeat: suspicion after 6ms is earlier than two missed heartbeats: 2 × 6ms = 12ms",
    ]],
    [['profile = "fast"', 'lease = "12ms"'], [
      "3 warning timing.lease: a lease of 12ms is 3 jiffies of 4ms and lives 8ms to 12ms",
    ]],
    [['suspect = "19ms"'], [
      "2 error timing.suspect: suspicion after 19ms is earlier than two missed heartbeats: 2 × 10ms = 20ms",
    ]],
    [['dead_after = "30ms"'], [
      "2 error timing.dead_after: dead_after 30ms is not longer than suspect 30ms: " +
      "the peer would be taken for dead before anybody asks",
    ]],
    [['dead_after = "44ms"'], [
      "2 error timing.dead_after: dead_after 44ms leaves no time for two probes: suspect 30ms + 2 × 7.5ms = 45ms " +
      "(a probe goes out every quarter of suspect, at least 1ms apart)",
    ]],
    [['dead_after = "45ms"'], []],
    [['heartbeat = "1ms"', 'suspect = "2ms"', 'dead_after = "3999us"'], [
      "4 error timing.dead_after: dead_after 3.999ms leaves no time for two probes: suspect 2ms + 2 × 1ms = 4ms " +
      "(a probe goes out every quarter of suspect, at least 1ms apart)",
    ]],
    [['drain = "600ms"', 'barrier = "401ms"'], [
      "2 error timing.drain: packets would be held too long in a switchover: drain 600ms + barrier 401ms = 1.001s, more than 1s",
    ]],
    [['drain = "600ms"', 'barrier = "400ms"'], []],
    [['drain = "0ms"', 'barrier = "0us"'], []],
    [['heartbeat = "999us"'], ["2 error timing.heartbeat: a heartbeat every 999us is more often than every 1ms"]],
    [['start_wait = "49ms"'], [
      "2 error timing.start_wait: start_wait 49ms is shorter than dead_after 50ms: " +
      "a node that starts would take over before it can know that its peer is silent",
    ]],
    [['start_wait = "11m"'], ["2 error timing.start_wait: 11m is longer than 10m"]],
    [['profile = "slow"'], ['2 error timing.profile: "slow" is not a choice']],
  ];
  for (const [lines, expected] of table) assert.deepEqual(problemsOf(...lines), expected, lines.join(" "));
});

Deno.test("a time that cannot be read is no part of a relation; the others still are", () => {
  assert.deepEqual(problemsOf('heartbeat = "2"', 'lease = "1ms"', 'suspect = "9ms"', 'dead_after = "9ms"'), [
    '2 error timing.heartbeat: "2" has no unit: us, ms, s or m',
    "5 error timing.dead_after: dead_after 9ms is not longer than suspect 9ms: " +
    "the peer would be taken for dead before anybody asks",
  ]);
  assert.deepEqual(problemsOf('profile = "x"', 'lease = "1ms"', 'heartbeat = "5ms"'), [
    '2 error timing.profile: "x" is not a choice',
    "3 error timing.lease: a lease of 1ms is shorter than 3 heartbeats and a jiffy of the kernel: 3 × 5ms + 4ms = 19ms",
  ]);
});

Deno.test("dead_after may be below the lease: probes decide", () => {
  assert.ok(PROFILES.fast.deadAfterUs < PROFILES.fast.leaseUs);
  assert.deepEqual(problemsOf('profile = "fast"'), []);
});

Deno.test("what the file check lets through, the core accepts; and the probe interval is the same", () => {
  const us = fc.integer({ min: 0, max: 200_000 });
  const timing = fc.record({
    heartbeat: us,
    lease: us,
    suspect: us,
    dead_after: us,
    drain: us,
    barrier: us,
    start_wait: us,
  }, { requiredKeys: [] });
  let accepted = 0;
  fc.assert(
    fc.property(timing, (keys) => {
      const lines = Object.entries(keys).map(([key, value]) => `${key} = "${formatDuration(value ?? 0)}"`);
      const result = loadConfig(["[timing]", ...lines].join("\n") + REST);
      if ("problems" in result) return;
      accepted++;
      const { profile: _, ...core } = result.config.timing;
      const limits = planLimits(core satisfies CoreTiming);
      assert.equal(limits.probeUs, probeIntervalUs(core.suspectUs));
    }),
    { numRuns: 300 },
  );
  assert.ok(accepted > 0);
});
