import assert from "node:assert/strict";
import { judgeOwnership, noteSpeech, type Reign, reignsSince } from "./ownership.ts";
import type { NodeName } from "./topology.ts";

/** Frames of these nodes, one every 100 µs. */
function heard(nodes: string): Reign[] {
  const reigns: Reign[] = [];
  [...nodes].forEach((node, i) => noteSpeech(reigns, node as NodeName, i * 100));
  return reigns;
}

Deno.test("a move: the silence between two owners, nobody out of turn", () => {
  const reigns: Reign[] = [
    { node: "a", firstUs: 0, lastUs: 1000, frames: 9 },
    { node: "b", firstUs: 7500, lastUs: 9000, frames: 3 },
  ];
  const verdict = judgeOwnership(reigns, ["a", "b"]);
  assert.equal(verdict.twoOwners, false);
  assert.equal(verdict.silenceMs, 6.5);
  assert.equal(verdict.order, "a b");
});

Deno.test("the old owner speaks once more: two owners, and when", () => {
  const verdict = judgeOwnership(heard("aaabbab"), ["a", "b"]);
  assert.equal(verdict.twoOwners, true);
  assert.deepEqual(verdict.intrusions, [{ node: "a", atUs: 500, frames: 1 }]);
});

Deno.test("the other node speaks where nothing should move", () => {
  assert.equal(judgeOwnership(heard("aabaa"), ["a"]).intrusions.length, 1);
  assert.equal(judgeOwnership(heard("aaaa"), ["a"]).twoOwners, false);
});

Deno.test("there and back as ordered is nobody's intrusion; one more is", () => {
  assert.equal(judgeOwnership(heard("abab"), ["a", "b", "a", "b"]).twoOwners, false);
  assert.equal(judgeOwnership(heard("ababa"), ["a", "b", "a", "b"]).twoOwners, true);
});

Deno.test("nobody spoke", () => {
  const verdict = judgeOwnership([], ["a", "b"]);
  assert.deepEqual([verdict.order, verdict.twoOwners, verdict.silenceMs], ["-", false, null]);
});

Deno.test("only what was said since", () => {
  const early = heard("aab"), late = heard("aabba");
  assert.deepEqual(reignsSince(late, early).map((it) => [it.node, it.frames]), [["b", 1], ["a", 1]]);
  assert.deepEqual(reignsSince(early, early), []);
  assert.deepEqual(reignsSince(late, []), late);
});
