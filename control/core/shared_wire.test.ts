/** The shared wire in the machine: no stragglers, and which wire is in force. */
import assert from "node:assert/strict";
import type { CoreEvent } from "./node.ts";
import { type Said, ScriptedNode } from "./scripted.ts";
import { onSharedWire } from "./shared_wire.ts";

const PRIMARY: Said = { role: "primary", epoch: 2 };
const WANT: Said = { role: "preparing", phase: "want", switchId: 9, epoch: 2 };
const judged = (reason: string): CoreEvent => ({ kind: "wire", group: 0, reason });

/** Node a, primary with epoch 2, its standby last heard at 400. */
function primary(shared = true): ScriptedNode {
  const node = new ScriptedNode({ shared }).until(310).hears({}).hearing(400, {});
  node.told();
  return node;
}

/** Node b, standby, last heard the primary at 101. */
function standby(): ScriptedNode {
  const node = new ScriptedNode({ index: 1, shared: true }).until(1).hears(PRIMARY).hearing(101, PRIMARY);
  node.told();
  return node;
}

/** What the old node of a switchover orders when it hears that the new one reigns. */
function handedOver(node: ScriptedNode): string {
  node.hears(WANT).until(400.5).hears(WANT);
  assert.equal(node.state, "leaving released 2 pass");
  node.told();
  node.until(401).hears({ role: "primary", phase: "settling", epoch: 3, switchId: 9 });
  return node.told()[0]!;
}

Deno.test("the old node of a switchover passes nothing on once the new one reigns", () => {
  const node = primary();
  assert.match(handedOver(node), /addressesOff, beat unpass, beat, end done/);
  assert.equal(node.state.split(" ").at(-1), "-", "its heartbeats pass nothing on");
});

Deno.test("on any other wire it passes on what comes late, and so it does while the shared one does not work", () => {
  const announce = primary(false);
  assert.doesNotMatch(handedOver(announce), /unpass/);
  assert.equal(announce.state.split(" ").at(-1), "pass");
  const fallen = primary().on(judged("no frame"));
  assert.doesNotMatch(handedOver(fallen), /unpass/);
  assert.equal(fallen.state.split(" ").at(-1), "pass");
});

Deno.test("the primary falls back, says so at once, and comes back", () => {
  const node = primary();
  node.on(judged("b sees no frame"));
  assert.deepEqual(node.told(), ["400 wire, announce, alarm wire web on, beat"]);
  assert.equal(onSharedWire(node.group), false);
  node.on(judged(""));
  assert.deepEqual(node.told(), ["400 wire, announce, alarm wire web off, event wire, beat"]);
  assert.equal(onSharedWire(node.group), true);
});

Deno.test("a verdict is nothing to a group without a shared wire, and to a node that does not serve", () => {
  for (const node of [primary(false), standby()]) {
    node.on(judged("b sees no frame"));
    assert.deepEqual(node.told(), []);
    assert.equal(node.group.fallback, false);
  }
});

Deno.test("the standby does as the primary says, and takes over as the wire is then", () => {
  const node = standby();
  node.until(102).hears({ ...PRIMARY, fallback: true });
  assert.deepEqual(node.told(), ["102 wire, alarm wire web on"]);
  node.until(104).hears({ ...PRIMARY, fallback: true });
  assert.deepEqual(node.told(), []);
  node.until(130);
  assert.equal(node.group.role, "primary");
  assert.equal(onSharedWire(node.group), false);
});

Deno.test("in the midst of a switch the wire stays as it was", () => {
  const node = standby();
  node.on({ kind: "switchover", group: 0, command: 1, toSelf: null, timeoutUs: 100_000, force: false });
  node.told();
  node.hears({ ...PRIMARY, fallback: true });
  assert.equal(node.group.role, "preparing");
  assert.equal(node.group.fallback, false);
});
