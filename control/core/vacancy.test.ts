/** Nobody serves, and both are heard: nobody asks before the copies of the state have been compared, and nobody waits for ever. */
import assert from "node:assert/strict";
import type { CoreEvent } from "./node.ts";
import { ScriptedNode } from "./scripted.ts";

const APART: CoreEvent = { kind: "compared", group: 0, on: false };
const TOGETHER: CoreEvent = { kind: "compared", group: 0, on: true };
const UNFIT = { able: false } as const;

/** A node that has met a peer which cannot serve yet. */
function met(): ScriptedNode {
  return new ScriptedNode().on(APART).until(100).hears(UNFIT);
}

Deno.test("copies that are not compared: no question, until they are", () => {
  const node = met().hearing(130, UNFIT);
  assert.deepEqual([node.told(), node.state], [[], "starting none 0 -"]);
  node.on(TOGETHER).on({ kind: "tick" });
  assert.deepEqual([node.told(), node.state], [["130 beat arm"], "starting ask 0 -"]);
});

Deno.test("what came of it counts at once: an older copy is not eligible when it has been compared", () => {
  const node = met().hearing(120, UNFIT);
  node.on({ kind: "eligible", group: 0, ok: false, reason: "older" }).on(TOGETHER).hearing(200, UNFIT);
  assert.deepEqual([node.told(), node.state], [[], "starting none 0 -"]);
});

Deno.test("where no connection for state comes about somebody serves all the same, and says how it came", () => {
  const node = met().hearing(399, UNFIT);
  assert.deepEqual(node.told(), []);
  node.hearing(401, UNFIT).hears({ ...UNFIT, phase: "grant", switchId: node.group.switchId });
  assert.deepEqual(node.told(), [
    "400 beat arm, beat",
    "401 begin start, take 2, end done, event start",
  ]);
  assert.deepEqual(node.reasons, ["nobody served and b consented: the copies of the state could not be compared"]);
});

Deno.test("the wait begins anew with each vacancy", () => {
  const node = met().hearing(300, UNFIT).hearing(310, { role: "primary", epoch: 3 }).hearing(609, UNFIT);
  assert.deepEqual([node.group.apartUs, node.state], [312_000, "standby none 3 -"]);
  node.hearing(613, UNFIT);
  assert.match(node.state, /^standby ask/);
});

Deno.test("who has just lost a reign that nobody followed needs no comparison", () => {
  const primary = (...first: CoreEvent[]) => {
    const node = new ScriptedNode();
    for (const event of first) node.on(event);
    return node.until(300).until(400).on(APART).on({ kind: "leaseLost", group: 0, reason: "refused" });
  };
  assert.match(primary().hearing(401, { epoch: 2 }).state, /^fenced ask 2/);
  assert.equal(primary().hearing(401, { epoch: 3 }).state, "fenced none 3 -", "another has reigned, or may have");
  const refused = primary().hearing(401, { epoch: 2 }).hears({ epoch: 2, phase: "grant", switchId: 0 });
  refused.hears({ epoch: 2, phase: "grant", switchId: refused.group.switchId });
  assert.equal(refused.state, "primary none 4 refresh");
  refused.on({ kind: "takeRefused", group: 0, reason: "too late", late: true }).hearing(403, { epoch: 2 });
  assert.equal(refused.state, "fenced none 4 -", "it never reigned under that epoch");
});

Deno.test("who has consented suspects a peer that falls silent as early as one that serves", () => {
  const node = new ScriptedNode({ index: 1 }).until(100).hears({ role: "fenced", epoch: 2, phase: "ask", switchId: 7 });
  assert.equal(node.group.phase, "grant");
  assert.equal(node.until(105).group.role, "starting");
  const standby = new ScriptedNode({ index: 1 }).until(100).hears({ role: "primary", epoch: 2 });
  standby.hearing(110, { role: "fenced", epoch: 2, phase: "ask", switchId: 7 });
  assert.equal(standby.state, "standby grant 2 -");
  assert.equal(standby.until(115.9).group.role, "standby");
  assert.equal(standby.until(116.1).group.role, "suspecting");
});
