import assert from "node:assert/strict";
import type { Effect } from "../core/effects.ts";
import type { SwitchContext } from "./context.ts";
import { beforeFirst, isMoot } from "./step_list.ts";
import { Untaken } from "./untaken.ts";

/** What is done before the first heartbeat, in its order. Group 1 has slots 2 and 3 on two interfaces. */
function doneBefore(list: readonly Effect[], untaken = new Untaken(2)): string[] {
  const done: string[] = [];
  const note = (text: string) => void done.push(text);
  const parts = {
    plan: {
      groups: [{ slots: [{ id: 1, interface: 0 }] }, { slots: [{ id: 2, interface: 0 }, { id: 3, interface: 1 }] }],
    },
    node: { groups: [{ shared: false }, { shared: false }] },
    holds: { each: [0, 1].map((i) => ({ begin: () => note(`hold ${i}`) })) },
    addresses: { onAhead: ({ id }: { id: number }) => note(`address ${id}`) },
    links: { frames: [0, 1].map((i) => ({ again: (mark: number) => note(`${i}: ${mark.toString(16)}`) })) },
  };
  beforeFirst(parts as unknown as SwitchContext, list, untaken);
  return done;
}

const drop = (group: number): Effect => ({ kind: "beat", group, step: "drop" });

Deno.test("before a step's first heartbeat all that is to be held is held", () => {
  const hold = (group: number, ahead: boolean): Effect => ({ kind: "hold", group, ahead });
  assert.deepEqual(doneBefore([{ kind: "beat", group: null, step: null }, hold(0, false), hold(1, true)]), [
    "hold 0",
    "address 2",
    "address 3",
    "hold 1",
  ]);
});

Deno.test("of several slots that give up their leases none is spoken of before all have", () => {
  assert.deepEqual(doneBefore([drop(1)]), ["0: 5e9e5002", "1: 5e9e5003"]);
  assert.deepEqual(doneBefore([drop(0), { kind: "letGo", group: 0 }, drop(1)]), [
    "0: 5e9e5001",
    "0: 5e9e5002",
    "1: 5e9e5003",
  ]);
  assert.deepEqual(doneBefore([drop(0)]), [], "the frame that says so is the one that drops it");
});

Deno.test("takes that are ordered are known before the first of them is done", () => {
  const untaken = new Untaken(2);
  doneBefore([{ kind: "take", group: 0, epoch: 2 }, { kind: "take", group: 1, epoch: 2 }], untaken);
  assert.deepEqual([untaken.has(0), untaken.has(1)], [true, true]);
});

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
