/** Services, followers and state in a switch: what waits for them, on either node, and what becomes of it when they say no. */
import assert from "node:assert/strict";
import type { CoreEvent } from "./node.ts";
import { type Said, ScriptedNode } from "./scripted.ts";

const PRIMARY: Said = { role: "primary", epoch: 2 };
const WANT: Said = { role: "preparing", phase: "want", switchId: 9, epoch: 2 };
const MANAGED: CoreEvent = { kind: "managed", group: 0, on: true };

/** The main thread's answer to the order that stands. */
function served(node: ScriptedNode, ok = true, reason = ""): ScriptedNode {
  return node.on({ kind: "served", group: 0, order: node.group.serving.order, ok, reason }).on({ kind: "tick" });
}

function ask(timeoutUs = 5_000_000): CoreEvent {
  return { kind: "switchover", group: 0, command: 7, toSelf: null, timeoutUs, force: false };
}

/** Node b, standby with services, last heard the primary at 101. */
function standby(): ScriptedNode {
  const node = served(new ScriptedNode({ index: 1 }).on(MANAGED));
  node.until(1).hears(PRIMARY).hearing(101, PRIMARY).told();
  return node;
}

/** Node a, primary with epoch 2 whose services serve, its standby last heard at 400. */
function primary(): ScriptedNode {
  const node = served(new ScriptedNode().on(MANAGED));
  served(node.until(310)).hears({}).hearing(400, {}).told();
  return node;
}

/** Node b at 102, asked to become primary, with the old node's release in its ears. */
function released(): { node: ScriptedNode; old: (said: Said) => Said } {
  const node = standby().on(ask());
  const { switchId } = node.group;
  const old = (said: Said): Said => ({ role: "leaving", epoch: 2, switchId, ...said });
  node.until(101.5).hears(old({ phase: "passing" })).until(102).hears(old({ phase: "released" }));
  return { node, old };
}

Deno.test("who is managed is told its role, and again when it joins a primary", () => {
  assert.deepEqual(new ScriptedNode().on(MANAGED).told(), ["0 serve standby 1"]);
  const node = new ScriptedNode().until(310).hears({});
  node.told();
  node.on(MANAGED).on(MANAGED);
  assert.deepEqual(node.told(), ["310 serve primary 2"]);
});

Deno.test("start and failover: the address at once, its packets held until the services are ready", () => {
  const node = standby().until(112);
  assert.equal(node.told().at(-1), "111 begin failover, serve primary 2, hold, take 3, event failover");
  assert.equal(node.state, "primary none 3 refresh");
  node.until(130).on({ kind: "served", group: 0, order: 1, ok: true, reason: "" }).until(131);
  assert.deepEqual(node.told(), [], "an answer to an older order is nothing");
  served(node);
  assert.deepEqual(node.told(), ["131 finishHold, end done"]);
});

Deno.test("a failover whose services fail serves with what there is; the receipt ends", () => {
  const node = standby().until(112);
  node.told();
  served(node, false, "db does not start");
  assert.deepEqual(node.told(), ["112 finishHold, end done"]);
  assert.equal(node.group.serving.failed, "db does not start");
});

Deno.test("a main thread that never answers does not keep packets for ever", () => {
  const node = standby().until(112).hearing(60_110, {});
  node.told();
  node.hearing(60_112, {});
  assert.deepEqual(node.told(), ["60111 finishHold, end done"]);
});

Deno.test("no room to hold: it is taken all the same", () => {
  const node = standby().until(111.5);
  node.told();
  node.on({ kind: "holdFailed", group: 0, reason: "busy" });
  assert.deepEqual(served(node).told(), ["111.5 event hold", "111.5 end done"]);
});

Deno.test("old node: passes on at once, drains when its services have left, then lets go", () => {
  const node = primary().hears(WANT);
  assert.equal(node.state, "leaving passing 2 refresh");
  assert.deepEqual(node.told(), ["400 begin handover, beat pass, serve standby planned 3"]);
  node.hearing(430, WANT);
  assert.deepEqual(node.told(), []);
  served(node).until(430.5);
  assert.deepEqual(node.told(), ["430.5 beat drop, letGo", "430.5 beat, step released"]);
  node.hears({ role: "primary", epoch: 3 });
  assert.equal(node.state, "standby none 3 pass");
  assert.ok(!node.told().some((line) => line.includes("serve")), "they are standby already");
});

Deno.test("old node: a fenced one lets its services leave before it consents to what is wanted", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).until(401).hears(WANT);
  assert.equal(node.state, "leaving passing 2 pass");
  served(node);
  assert.equal(node.state, "leaving released 2 pass");
});

Deno.test("old node: another switchover while its services are away already has last words of its own", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).until(401).hears(WANT);
  served(node).hears({});
  assert.match(node.state, /^fenced/);
  node.told();
  node.hears({ ...WANT, switchId: 11 });
  assert.match(node.told().join(), /serve standby planned 4/);
  assert.equal(node.state, "leaving passing 2 pass");
  assert.equal(served(node).state, "leaving released 2 pass");
});

Deno.test("old node: a lease that lapses while its services leave is not waited for", () => {
  const node = primary().hears(WANT).on({ kind: "leaseLost", group: 0, reason: "refused" });
  assert.equal(node.state, "leaving passing 2 pass");
  served(node);
  assert.equal(node.state, "leaving released 2 pass");
});

Deno.test("new node: services first, then the address, then what was held", () => {
  const { node, old } = released();
  assert.equal(node.told().at(-1), "102 serve primary planned 2");
  for (let ms = 104; ms <= 900; ms += 2) node.until(ms).hears(old({ phase: "released" }));
  assert.equal(node.state, "preparing want 2 hold", "for as long as the operator said");
  served(node);
  assert.deepEqual(node.told(), ["900 begin switchover, take 3, releasePeer, event switchover"]);
});

Deno.test("new node: a veto gives everything back, and the services are told to leave", () => {
  const { node, old } = released();
  node.told();
  served(node, false, "on_primary of db failed");
  assert.deepEqual(node.told(), [
    "102 serve standby 3, event standby, step called off: on_primary of db failed, beat, addressesOff",
  ]);
  assert.equal(node.state, "standby giveBack 2 -");
  node.until(103).hears(old({ phase: "reclaiming" }));
  assert.match(node.told().at(-1)!, /^103 giveBack, beat, end aborted, result 7 no: on_primary of db failed/);
});

Deno.test("new node: services that take longer than the operator's time-out are a veto", () => {
  const node = standby().on(ask(50_000));
  const { switchId } = node.group;
  for (let ms = 102; ms <= 152; ms += 2) {
    node.until(ms).hears({ role: "leaving", phase: "released", switchId, epoch: 2 });
  }
  assert.equal(node.state, "standby giveBack 2 -");
  assert.equal(node.group.serving.to, "standby");
});

Deno.test("new node: the old one dies while the services start: a failover that waits for them with the packets in hand", () => {
  const { node } = released();
  node.until(120);
  assert.equal(node.told().at(-1), "112 begin failover, serve primary 3, take 3, event failover");
  assert.equal(node.group.holding, true);
  served(node);
  assert.match(node.told().at(-1)!, /finishHold, end done, result 7 ok/);
});

Deno.test("old node again: what it held waits until its services are back", () => {
  const node = primary().hears(WANT);
  served(node).until(401).hears({ phase: "giveBack", switchId: 9 });
  node.told();
  node.until(402).hears({ phase: "gaveBack", switchId: 9 });
  assert.deepEqual(node.told(), ["402 take 4, serve primary 4, event aborted"]);
  served(node);
  assert.deepEqual(node.told(), ["402 finishHold, end aborted"]);
});

Deno.test("a lapse that heals bounces no service; another reign does", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).until(401).hears({});
  node.hears({ phase: "grant", switchId: node.group.switchId });
  assert.equal(node.state, "primary none 4 refresh");
  assert.ok(!node.told().some((line) => line.includes("serve")));
  node.hears({ role: "primary", epoch: 5 });
  assert.match(node.told().join(), /serve standby 3/);
});

Deno.test("who is not managed any more is not waited for", () => {
  const node = primary().hears(WANT).on({ kind: "managed", group: 0, on: false }).until(400.6);
  assert.match(node.told().at(-2)!, /^400.5 beat drop, letGo/);
});

Deno.test("old node: what becomes managed in the middle of a switchover still says its last words", () => {
  const node = new ScriptedNode().until(310).hears({}).hearing(400, {});
  node.hears(WANT).told();
  node.on(MANAGED);
  // Planned: the new node waits for them.
  assert.deepEqual(node.told(), ["400 serve standby planned 3"]);
});

Deno.test("new node: last words that can never come are waited for no longer once the address is taken without them", () => {
  const { node } = released();
  assert.match(node.told().at(-1)!, /serve primary planned 2/);
  node.until(120);
  assert.match(node.told().at(-1)!, /serve primary 3, take 3/);
  node.on({ kind: "served", group: 0, order: 2, ok: true, reason: "" });
  assert.equal(node.group.settling, true, "the answer to the planned order is nothing any more");
});
