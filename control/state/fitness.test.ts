import assert from "node:assert/strict";
import { Fitness } from "./fitness.ts";

/** What the switch thread is told, in order. */
function watched() {
  const told: string[] = [];
  const clock = { nowUs: () => 0, wall: () => "", after: () => () => {}, behind: () => {}, soon: () => {} };
  const fitness = new Fitness(
    clock,
    300,
    (_group, ok, reason) => void told.push(ok ? "eligible" : reason),
    (_group, on) => void told.push(on ? "compared" : "alone"),
    () => {},
  );
  const judge = (fit: boolean | null, connected: boolean) => {
    fitness.judge("web", { fit, copying: false, serving: false }, connected);
    return told.splice(0);
  };
  return { judge };
}

Deno.test("that copies have been compared is told behind what came of it, and that one is alone before what that allows", () => {
  const { judge } = watched();
  assert.deepEqual(judge(true, false), ["alone", "its state has not been compared with the peer's yet"]);
  assert.deepEqual(judge(null, true), ["its state is older than the peer's, or not compared yet"]);
  assert.deepEqual(judge(false, true), ["compared"]);
  assert.deepEqual(judge(true, true), ["eligible"]);
  assert.deepEqual(judge(true, false), ["alone"]);
  assert.deepEqual(judge(null, true), ["its state is older than the peer's, or not compared yet"]);
  assert.deepEqual(judge(true, true), ["eligible", "compared"]);
});
