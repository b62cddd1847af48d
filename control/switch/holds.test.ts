import assert from "node:assert/strict";
import { GROUPS_MAX } from "../core/heartbeat.ts";
import { queueLength } from "./holds.ts";
import { isOwnQueue, queuesOf } from "./ruleset_spec.ts";

Deno.test("the room of all queues is bounded, and each group has its part of it", () => {
  assert.deepEqual([1, 2, 3, GROUPS_MAX].map(queueLength), [65_536, 65_536, 43_690, 8_192]);
});

Deno.test("each group has queues of its own, all known as segue's", () => {
  const numbers = Array.from({ length: GROUPS_MAX }, (_, group) => Object.values(queuesOf(group))).flat();
  assert.equal(new Set(numbers).size, 3 * GROUPS_MAX);
  assert.ok(numbers.every(isOwnQueue));
  assert.deepEqual([Math.min(...numbers) - 1, Math.max(...numbers) + 1].map(isOwnQueue), [false, false]);
});
