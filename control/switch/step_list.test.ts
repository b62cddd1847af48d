import assert from "node:assert/strict";
import type { Effect } from "../core/effects.ts";
import { isMoot } from "./step_list.ts";

Deno.test("behind a refused take nothing is done that was meant for the node with the lease, and a command is told the truth", () => {
  const answers: unknown[] = [];
  const moot = (effect: Effect) => isMoot({ answer: (...answer) => answers.push(answer) }, effect, 1 << 2);
  const event = (group: number | null): Effect => ({
    kind: "event",
    level: "notice",
    event: "failover",
    group,
    text: "",
  });
  assert.deepEqual([event(2), event(1), event(null)].map(moot), [true, false, false]);
  assert.equal(moot({ kind: "releasePeer", group: 2 }), true);
  assert.equal(moot({ kind: "end", group: 2, outcome: "done" }), true);
  // What the core goes on counting with is done all the same.
  assert.equal(moot({ kind: "reserve", group: 2, above: 7 }), false);
  assert.equal(moot({ kind: "serve", group: 2, order: 1, to: "primary", planned: false }), false);
  assert.equal(moot({ kind: "finishHold", group: 2 }), false);
  assert.equal(moot({ kind: "fenceOff" }), false);
  assert.deepEqual(answers, []);
  assert.equal(moot({ kind: "result", id: 9, group: 2, ok: true, error: "" }), true);
  assert.deepEqual(answers, [[9, 2, false, "the kernel refused to grant the lease: see segue events"]]);
  // A failure stays one.
  assert.equal(moot({ kind: "result", id: 9, group: 2, ok: false, error: "no" }), false);
  assert.equal(moot({ kind: "result", id: 9, group: 1, ok: true, error: "" }), false);
});
