import assert from "node:assert/strict";
import { Untaken } from "./untaken.ts";

Deno.test("of two takes in one step the second is told by the heartbeat of the first", () => {
  const untaken = new Untaken(3);
  untaken.ordered(0);
  untaken.ordered(2);
  assert.deepEqual([0, 1, 2].map((group) => untaken.has(group)), [true, false, true]);
  assert.equal(untaken.take(0), false);
  untaken.told();
  assert.deepEqual([0, 1, 2].map((group) => untaken.has(group)), [false, false, true]);
  assert.equal(untaken.take(2), true);
  assert.equal(untaken.has(2), false);
});

Deno.test("what was told of an earlier take says nothing about the next one", () => {
  const untaken = new Untaken(2);
  untaken.ordered(1);
  untaken.told();
  untaken.take(1);
  untaken.told();
  untaken.ordered(1);
  assert.equal(untaken.take(1), false);
  assert.equal(untaken.take(1), false, "a take that nobody ordered");
});
