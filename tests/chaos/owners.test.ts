import assert from "node:assert/strict";
import { Owners } from "./owners.ts";
import { type ChaosReport, countBy, gapHistogram, summary } from "./report.ts";

Deno.test("who claimed last owns the address; the other one's word is an intrusion", () => {
  const owners = new Owners();
  assert.equal(owners.spoke("a", "ip", 5), null);
  assert.deepEqual(owners.heard("a", 2, 10), { node: "a", epoch: 2, atUs: 10 });
  assert.equal(owners.spoke("a", "ip", 20), null);
  assert.deepEqual(owners.spoke("b", "arp", 30), {
    node: "b",
    kind: "arp",
    atUs: 30,
    owner: "a",
    epoch: 2,
    afterUs: 20,
  });
  assert.deepEqual(owners.heard("b", 3, 40), { node: "b", epoch: 3, atUs: 40 });
  assert.equal(owners.spoke("b", "nd", 41), null);
  assert.equal(owners.spoke("a", "ip", 45)?.owner, "b");
  assert.deepEqual([owners.spoken, owners.unclaimed], [5, 1]);
});

Deno.test("late words of an older reign claim nothing; the same epoch of two nodes is told", () => {
  const owners = new Owners();
  owners.heard("a", 4, 1);
  owners.heard("b", 5, 2);
  assert.equal(owners.heard("a", 4, 3), null);
  assert.equal(owners.spoke("b", "ip", 4), null);
  assert.equal(owners.heard("b", 5, 5), null);
  assert.match(String(owners.heard("a", 5, 6)), /b and a both reign with epoch 5/);
});

const ROUND = {
  number: 1,
  atMs: 0,
  faults: ["kill"],
  said: [{ atMs: 1234, what: "kill -9 a, primary" }],
  gapMs: 66,
  lost: 12,
  duplicates: 0,
  tcpMs: 90,
  settledMs: 0,
};

Deno.test("gaps are counted in the class that they fall in", () => {
  const counted = gapHistogram([66, 5, 5.01, 9999].map((gapMs) => ({ gapMs })));
  assert.deepEqual(counted.filter(({ rounds }) => rounds > 0), [
    { upToMs: 5, rounds: 1 },
    { upToMs: 10, rounds: 1 },
    { upToMs: 100, rounds: 1 },
    { upToMs: Infinity, rounds: 1 },
  ]);
  assert.deepEqual(countBy(["x", "y", "x"]), { x: 2, y: 1 });
});

Deno.test("a broken rule comes with the timeline and the command that plays it again; without one there is neither", () => {
  const report: ChaosReport = {
    seed: 7,
    profile: "lan",
    minutes: 0.5,
    rounds: [ROUND],
    faults: { kill: 1 },
    switches: { "failover done": 1 },
    alarms: {},
    gaps: gapHistogram([ROUND]),
    owners: { claims: [], intrusions: [], framesSpoken: 9, framesMissed: 0, excused: 0 },
    writes: { acknowledged: 5, degraded: 0, refused: 1 },
    daemons: [],
    samples: [],
    violations: [],
  };
  const good = summary(report, "deno task chaos --seed 7");
  assert.match(good, /no rule was broken$/);
  assert.doesNotMatch(good, /again|1\.234/);
  const bad = summary({ ...report, violations: ["two owners"] }, "deno task chaos --seed 7");
  assert.match(
    bad,
    /BROKEN: 1\n {2}two owners\ntimeline:\n {2}1\.234 s {2}kill -9 a, primary\nagain: deno task chaos --seed 7$/,
  );
});
