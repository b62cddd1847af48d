import assert from "node:assert/strict";
import { editDistance, nearestWord } from "./suggestion.ts";

Deno.test("edit distance counts slips: one more, one less, one wrong, two swapped", () => {
  const table: [string, string, number][] = [
    ["lease", "lease", 0],
    ["leas", "lease", 1],
    ["leasse", "lease", 1],
    ["lesse", "lease", 1],
    ["laese", "lease", 1],
    ["", "abc", 3],
    ["heartbeat", "suspect", 7],
  ];
  for (const [a, b, distance] of table) {
    assert.equal(editDistance(a, b), distance, `${a} ${b}`);
    assert.equal(editDistance(b, a), distance, `${b} ${a}`);
  }
});

Deno.test("a near word is suggested, a far one is not", () => {
  const words = ["heartbeat", "lease", "suspect", "dead_after"];
  assert.equal(nearestWord("hartbeat", words), "heartbeat");
  assert.equal(nearestWord("dead-after", words), "dead_after");
  assert.equal(nearestWord("Lease", words), "lease");
  assert.equal(nearestWord("deadafter", words), "dead_after");
  assert.equal(nearestWord("colour", words), null);
  assert.equal(nearestWord("x", []), null);
});
