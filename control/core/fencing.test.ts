/** Fencing by command: when it is ordered, what waits for it, what calls it off. */
import assert from "node:assert/strict";
import { type Said, ScriptedNode } from "./scripted.ts";

const PEER_SERVES: Said = { role: "primary", epoch: 2 };

function standby(): ScriptedNode {
  const node = new ScriptedNode({ index: 1, fencing: true }).until(1).hears(PEER_SERVES).hearing(101, PEER_SERVES);
  node.told();
  return node;
}

const orders = (lines: readonly string[]) => lines.filter((line) => line.includes("fencePeer"));

function answer(node: ScriptedNode, order: number, ok: boolean): ScriptedNode {
  return node.on({ kind: "peerFenced", order, ok, reason: "because" }).on({ kind: "tick" });
}

Deno.test("a takeover waits for the command, and takes at once when it has succeeded", () => {
  const node = standby().until(2000);
  assert.equal(node.group.role, "suspecting");
  const told = node.told();
  assert.deepEqual(orders(told), [orders(told)[0]], "ordered once");
  // Not before silence and probes have proven what they can.
  assert.match(orders(told)[0]!, /^111 step fence ordered, fencePeer 1/);
  answer(node, 1, true);
  assert.equal(node.group.role, "primary");
  assert.match(node.told().join("; "), /event fenced-peer; .*begin failover, take 3, end done/);
});

Deno.test("a failure: an alarm, no takeover, and another try after five seconds; the end of the alarm with its success", () => {
  const node = standby().until(200);
  answer(node, 1, false);
  assert.ok(node.told().some((line) => line.includes("alarm fence on")));
  assert.deepEqual(orders(node.until(5100).told()), []);
  assert.equal(orders(node.until(5300).told()).length, 1);
  assert.equal(node.group.role, "suspecting");
  answer(node, 1, true);
  assert.equal(node.group.role, "suspecting", "the answer to an older order is nothing");
  answer(node, 2, true);
  assert.equal(node.group.role, "primary");
  assert.ok(node.told().some((line) => line.includes("alarm fence off")));
});

Deno.test("a peer that is heard, or whose kernel answers, calls it off", () => {
  for (const life of ["heard", "answered"] as const) {
    const node = standby().until(200);
    node.told();
    if (life === "heard") node.hears(PEER_SERVES);
    else node.on({ kind: "probeAnswered", group: 0, lower: false });
    assert.match(node.told().join(), /fenceOff/);
    answer(node, 1, true);
    assert.notEqual(node.group.role, "primary", life);
  }
});

Deno.test("planned moves and consent order nothing", () => {
  const node = standby();
  node.on({ kind: "switchover", group: 0, command: 7, toSelf: true, timeoutUs: 100_000, force: false });
  const switchId = node.group.switchId;
  node.until(101.5).hears({ role: "leaving", phase: "passing", epoch: 2, switchId });
  node.until(102).hears({ role: "leaving", phase: "released", epoch: 2, switchId });
  assert.equal(node.group.role, "primary");
  assert.deepEqual(orders(node.told()), []);

  const consented = standby().until(102).hears({ role: "fenced", epoch: 2, able: false });
  consented.until(102.5).hears({
    role: "fenced",
    epoch: 2,
    able: false,
    phase: "grant",
    switchId: consented.group.switchId,
  });
  assert.equal(consented.group.role, "primary");
  assert.deepEqual(orders(consented.told()), []);
});

Deno.test("also a start without a peer, and a lease that was lost and is taken again", () => {
  const starting = new ScriptedNode({ fencing: true }).until(400);
  assert.equal(orders(starting.told()).length, 1);
  answer(starting, 1, true);
  assert.equal(starting.group.role, "primary");
  starting.told();
  // The peer's end is counted on for half a minute, not for ever.
  starting.on({ kind: "leaseLost", group: 0, reason: "refused" }).until(500);
  assert.equal(starting.group.role, "primary");
  assert.deepEqual(orders(starting.told()), []);
  starting.until(40_000).on({ kind: "leaseLost", group: 0, reason: "refused" }).until(40_100);
  assert.equal(starting.group.role, "fenced");
  assert.equal(orders(starting.told()).length, 1);
});

Deno.test("a peer with another configuration that is heard is not switched off: the address alone decides, as ever", () => {
  const node = new ScriptedNode({ fencing: true }).until(310);
  answer(node, 1, true);
  node.until(40_000).hears({}, 1, 9).on({ kind: "leaseLost", group: 0, reason: "refused" });
  node.told();
  for (let ms = 40_002; ms < 40_100; ms += 2) node.until(ms).hears({}, 1, 9);
  assert.equal(node.group.role, "primary");
  assert.deepEqual(orders(node.told()), []);
});

Deno.test("a node that could not take over anyway has nobody fenced", () => {
  const node = standby().on({ kind: "eligible", group: 0, ok: false, reason: "track" }).until(500);
  assert.deepEqual(orders(node.told()), []);
});
