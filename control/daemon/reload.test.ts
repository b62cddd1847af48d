import assert from "node:assert/strict";
import { changedKeys } from "./reload.ts";

Deno.test("what differs is named by its dotted key, in order", () => {
  const old = { timing: { heartbeatUs: 2000, leaseUs: 20_000 }, groups: [{ name: "web", preempt: false }] };
  assert.deepEqual(changedKeys(old, structuredClone(old)), []);
  const next = { timing: { heartbeatUs: 2000, leaseUs: 24_000 }, groups: [{ name: "web", preempt: true }] };
  assert.deepEqual(changedKeys(old, next), ["timing.leaseUs", "groups.0.preempt"]);
});

Deno.test("what came, what went, and what became another kind of value", () => {
  assert.deepEqual(changedKeys({ a: 1 }, { a: 1, b: { c: 1 } }), ["b"]);
  assert.deepEqual(changedKeys({ a: [1, 2] }, { a: [1] }), ["a.1"]);
  assert.deepEqual(changedKeys({ a: { b: 1 } }, { a: null }), ["a"]);
  assert.deepEqual(changedKeys({ a: undefined }, {}), []);
  assert.deepEqual(changedKeys(1, 2), [""]);
});
