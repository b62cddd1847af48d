import assert from "node:assert/strict";
import type { Outcome } from "./conduct.ts";
import { judgeOwnership, noteSpeech, type Reign } from "./ownership.ts";
import { brokenPromises } from "./promises.ts";
import { SCENARIOS } from "./scenarios.ts";
import { MEASURED_EARLIER, outcomeTable } from "./table.ts";
import type { NodeName } from "./topology.ts";
import { outcomeLines } from "./view.ts";

const SEEN = {
  sent: 4000,
  received: 4000,
  lost: 0,
  duplicates: 0,
  reordered: 0,
  longestGapMs: 2.6,
  gapAtMs: 700,
  rttP50Us: 60,
  rttP99Us: 300,
  rttMaxUs: 900,
  startedUs: 0,
  timeline: { sliceMs: 2, maxUs: [], lost: [] },
};

/** A run of a scenario; `heard` are frames as the address, by node. */
function outcome(name: string, heard: string, change: Partial<Outcome> = {}): Outcome {
  const scenario = SCENARIOS.find((it) => it.name === name)!;
  const reigns: Reign[] = [];
  [...heard].forEach((node, i) => noteSpeech(reigns, node as NodeName, i * 1000));
  return {
    scenario,
    cast: { primary: "a", standby: "b" },
    udp: SEEN,
    udp6: SEEN,
    tcp: { messages: 90, connects: scenario.moves ? 2 : 1, longestMs: 6.4 },
    faultMs: 700,
    ownership: judgeOwnership(reigns, scenario.moves ? ["a", "b"] : ["a"]),
    owners: scenario.moves ? ["a", "b"] : ["a"],
    receipt: null,
    problems: [],
    ...change,
  };
}

Deno.test("a planned move may lose nothing, a crash may; neither may take long", () => {
  const lossy = { udp: { ...SEEN, lost: 3 } };
  assert.deepEqual(brokenPromises(outcome("planned", "aabb")), []);
  assert.deepEqual(brokenPromises(outcome("planned", "aabb", lossy)), ["3 of 4000 IPv4 packets lost"]);
  assert.deepEqual(brokenPromises(outcome("power-off", "aabb", lossy)), []);
  const slow = { udp6: { ...SEEN, longestGapMs: 900 } };
  assert.deepEqual(brokenPromises(outcome("power-off", "aabb", slow)), ["no IPv6 answer for 900 ms"]);
});

Deno.test("order and number of answers are promised always", () => {
  const odd = { udp: { ...SEEN, reordered: 1, duplicates: 2 } };
  assert.deepEqual(brokenPromises(outcome("hang", "aabb", odd)), [
    "1 IPv4 packets out of order",
    "2 IPv4 packets answered twice",
  ]);
});

Deno.test("one word of the old owner after the new one is a broken promise", () => {
  const problems = brokenPromises(outcome("hang", "aabba"));
  assert.equal(problems.length, 1);
  assert.match(problems[0]!, /^a spoke as the address although it was not its own \(1 frames; a b a\)/);
});

Deno.test("a standby that never takes over, and one that does though nothing should move", () => {
  assert.deepEqual(brokenPromises(outcome("kill", "aaa")), ["b never spoke as the address"]);
  assert.match(brokenPromises(outcome("cable", "aab")).join(), /^b spoke as the address/);
});

Deno.test("a move back that nobody asked for is one, even with one owner at every moment", () => {
  const back = outcome("kill", "aabba", { owners: ["a", "b", "a"] });
  const ownership = judgeOwnership(back.ownership.reigns, back.owners);
  assert.equal(ownership.twoOwners, false);
  assert.deepEqual(brokenPromises({ ...back, ownership }), ["the address moved without need: a → b → a"]);
});

Deno.test("where nothing moves, TCP connections stay; where the watcher was blind, nothing is proven", () => {
  const tcp = { messages: 90, connects: 2, longestMs: 6 };
  assert.match(brokenPromises(outcome("cable", "aa", { tcp })).join(), /TCP connection broke/);
  const ownership = { ...outcome("cable", "aa").ownership, missed: 7 };
  assert.match(brokenPromises(outcome("cable", "aa", { ownership })).join(), /missed 7 frames/);
});

Deno.test("the table: one row a scenario, keepalived's beside it where there are any", () => {
  const outcomes = [outcome("planned", "ab"), outcome("cable", "a")];
  const [title, head, planned, cable] = outcomeTable(outcomes, MEASURED_EARLIER);
  assert.match(title!, /^segue +│ keepalived 2\.2\.7, measured earlier$/);
  assert.match(head!, /gap +lost +reordered +TCP longest +who spoke +│ +gap +lost +owners$/);
  assert.match(planned!, /^planned +2\.6 ms +0 +0 +6 ms \+1 +a, b +│ +7\.6 ms +13 +one$/);
  assert.match(cable!, /^cable +2\.6 ms +0 +0 +6 ms +a +│$/);
});

Deno.test("what people read of one scenario", () => {
  const lines = outcomeLines(outcome("planned", "aabb"));
  assert.match(lines[0]!, /^client +0 of 4000 lost, longest gap 2\.6 ms, 0 out of order, 0 doubled; answers 60 µs/);
  assert.match(lines[2]!, /^switch +a spoke as the address, then b, never both, 1\.0 ms of silence/);
  const far = outcomeLines(outcome("cable", "aa", { udp: { ...SEEN, longestGapMs: 9, gapAtMs: 1500 } }));
  assert.match(far[0]!, /longest gap 9\.0 ms \(800 ms after the fault\)/);
  assert.match(far[2]!, /only a ever spoke/);
});
