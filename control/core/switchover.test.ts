/** A planned move, on the new and on the old node: what is ordered, in which order, and what becomes of it when it cannot end. */
import assert from "node:assert/strict";
import { emptyHeartbeat } from "./heartbeat.ts";
import type { CoreEvent } from "./node.ts";
import { type Said, ScriptedNode, type ScriptSetup } from "./scripted.ts";

const PRIMARY: Said = { role: "primary", epoch: 2 };
const WANT: Said = { role: "preparing", phase: "want", switchId: 9, epoch: 2 };

function ask(toSelf: boolean | null = null, timeoutUs = 500_000): CoreEvent {
  return { kind: "switchover", group: 0, command: 7, toSelf, timeoutUs, force: false };
}

/** Node b, standby of a primary that was last heard at 101. */
function standby(setup: ScriptSetup = {}): ScriptedNode {
  const node = new ScriptedNode({ index: 1, ...setup }).until(1).hears(PRIMARY).hearing(101, PRIMARY);
  node.told();
  return node;
}

/** Node a, primary with epoch 2, its standby last heard at 400. */
function primary(): ScriptedNode {
  const node = new ScriptedNode().until(310).hears({}).hearing(400, {});
  node.told();
  return node;
}

/** Node b, asked at 101 to become primary; the old node's words about it are made by `old`. */
function preparing(setup: ScriptSetup = {}): { node: ScriptedNode; old: (phase: Said["phase"]) => Said } {
  const node = standby(setup).on(ask());
  node.told();
  const switchId = node.group.switchId;
  return { node, old: (phase) => ({ role: "leaving", phase: phase!, epoch: 2, switchId }) };
}

/** Node a, which passes on since 400 and would drop its lease at 400.5. */
function leaving(): ScriptedNode {
  const node = primary().hears(WANT);
  node.told();
  return node;
}

Deno.test("new node: hold, wait, take, release the peer's, and lift the hold when all has been passed on", () => {
  const node = standby().on(ask());
  const switchId = node.group.switchId;
  assert.equal(node.state, "preparing want 2 hold");
  node.until(101.1).hears({ role: "leaving", phase: "passing", epoch: 2, switchId });
  node.until(101.7).hears({ role: "leaving", phase: "released", epoch: 2, switchId });
  assert.equal(node.state, "primary settling 3 refresh");
  node.until(102).hears({ phase: "passedOn", epoch: 3, switchId, links: 1 });
  assert.deepEqual(node.told(), [
    "101 begin switchover, hold",
    "101.7 begin switchover, take 3, releasePeer, event switchover",
    "102 step all passed on, finishHold, end done, result 7 ok",
  ]);
  assert.equal(node.state, "primary none 3 refresh");
});

Deno.test("new node: the word of the old one about another switch counts for nothing", () => {
  const { node } = preparing();
  node.until(102).hears({ role: "leaving", phase: "released", epoch: 2, switchId: 1 });
  assert.equal(node.state, "preparing want 2 hold");
});

Deno.test("new node: settling waits for the word on every link, heard on that link", () => {
  const { node, old } = preparing({ links: 3 });
  node.until(101.7).hears(old("released"));
  node.told();
  const said: Said = { phase: "passedOn", epoch: 3, switchId: node.group.switchId };
  node.until(101.8).hears({ ...said, links: 3 }, 0).hears({ ...said, links: 2 }, 1).hears({ ...said, links: 1 }, 1);
  assert.deepEqual([node.told(), node.group.settling], [[], true]);
  node.until(101.9).hears({ ...said, links: 1 }, 2);
  assert.equal(node.group.settling, true, "link 2 has said nothing of itself");
  node.until(102).hears({ ...said, links: 3 }, 2);
  assert.deepEqual(node.told(), ["102 step all passed on, finishHold, end done, result 7 ok"]);
});

Deno.test("new node: without the old one's word the wait ends with the barrier", () => {
  const { node, old } = preparing();
  node.until(101.7).hears(old("released")).until(110);
  assert.deepEqual(node.told(), [
    "101.7 begin switchover, take 3, releasePeer, event switchover",
    "102.7 step barrier timed out, finishHold, end done, result 7 ok",
  ]);
});

Deno.test("old node: pass before drop, drop after the drain, standby when the new one reigns, last word by link", () => {
  const node = primary().hears(WANT);
  assert.equal(node.state, "leaving passing 2 refresh");
  node.until(401).hears(WANT);
  assert.equal(node.state, "leaving released 2 pass");
  node.until(401.2).hears({ role: "primary", phase: "settling", epoch: 3, switchId: 9 }, 0);
  node.until(401.3).hears({ role: "primary", phase: "settling", epoch: 3, switchId: 9 }, 1);
  assert.deepEqual(node.told(), [
    "400 begin handover, beat pass",
    "400.5 beat drop, letGo",
    "400.5 beat, step released",
    "401.2 event standby, addressesOff, end done",
    "401.3 beat",
  ]);
  assert.deepEqual([node.state, node.group.phaseLinks], ["standby passedOn 3 pass", 1]);
  node.until(402).hears({ role: "primary", epoch: 3 });
  assert.equal(node.state, "standby none 3 pass");
  node.hearing(10_500, { role: "primary", epoch: 3 });
  assert.equal(node.state, "standby none 3 -", "stragglers are passed on for ten seconds");
});

Deno.test("old node: a copy by the other link proves what travelled before it there", () => {
  const node = leaving().until(401).hears({ role: "primary", phase: "settling", epoch: 3, switchId: 9 }, 0);
  assert.equal(node.group.phaseLinks, 0);
  node.on({ kind: "copy", beat: emptyHeartbeat(), link: 1 });
  assert.equal(node.group.phaseLinks, 1);
});

Deno.test("an operator on the old node: offered, taken, answered", () => {
  const node = primary().on(ask(false));
  assert.equal(node.state, "primary offer 2 refresh");
  node.until(400.3).hears(WANT).until(401.2).hears({ role: "primary", phase: "settling", epoch: 3, switchId: 9 });
  assert.deepEqual(node.told(), [
    "400 beat",
    "400.3 begin handover, beat pass",
    "400.8 beat drop, letGo",
    "400.8 beat, step released",
    "401.2 event standby, addressesOff, beat, end done, result 7 ok",
  ]);
});

Deno.test("an offer is taken by a standby that can, and refused by one that cannot", () => {
  const offer: Said = { ...PRIMARY, phase: "offer", switchId: 30 };
  const able = standby().until(102).hears(offer);
  assert.deepEqual([able.state, able.told()], ["preparing want 2 hold", ["102 begin switchover, hold"]]);
  const unfit = standby().on({ kind: "eligible", group: 0, ok: false, reason: "track" }).until(102).hears(offer);
  unfit.until(103).hears(offer);
  assert.deepEqual([unfit.state, unfit.told()], ["standby refuse 2 -", ["102 beat"]]);
  unfit.until(104).hears(PRIMARY);
  assert.equal(unfit.state, "standby none 2 -", "an answer stands for as long as the question");
});

Deno.test("an offer that is refused or not answered ends, with a word to the operator", () => {
  const refused = primary().on(ask(false));
  refused.until(401).hears({ phase: "refuse", switchId: refused.group.switchId });
  assert.match(refused.told().at(-1)!, /^401 result 7 no: b cannot take over now/);
  assert.equal(refused.state, "primary none 2 refresh");
  const late = primary().on(ask(false, 100_000)).hearing(600, {});
  assert.match(late.told().join("\n"), /^500 result 7 no: b did not take over in time/m);
});

Deno.test("a command that cannot begin is refused at once, with the reason", () => {
  const refusal = (node: ScriptedNode, toSelf: boolean | null = null): string => {
    node.told();
    return node.on(ask(toSelf)).told()[0]!.replace(/^\S+ result 7 /, "");
  };
  assert.equal(refusal(primary(), true), "ok");
  assert.equal(refusal(standby(), false), "ok");
  assert.match(refusal(primary().until(470)), /^no: b is not heard; there is nobody/);
  assert.match(refusal(new ScriptedNode()), /^no: b is not heard; as a standby/);
  assert.match(refusal(primary().hears({ able: false })), /^no: b cannot serve web now/);
  assert.match(refusal(primary().hears({}, 1, 9)), /another configuration/);
  assert.match(refusal(primary().on(ask())), /^no: another switch/);
  assert.match(refusal(leaving()), /^no: another switch/);
  assert.match(refusal(standby().until(108)), /this node is suspecting/);
  assert.match(
    refusal(standby().on({ kind: "eligible", group: 0, ok: false, reason: "track" })),
    /may not serve: track/,
  );
  assert.match(refusal(standby({ reservedUpTo: 2 })), /no epoch/);
  assert.match(refusal(standby().on({ kind: "carrier", group: 0, ok: false, reason: "x" })), /no carrier/);
});

Deno.test("called off: the old node never answered; nothing was passed, so what is held goes back at once", () => {
  const { node } = preparing();
  node.hearing(360, PRIMARY);
  assert.deepEqual(node.told(), [
    "351 event standby, step called off: a did not answer, giveBack, beat, end aborted, result 7 no: a did not answer, addressesOff",
  ]);
  assert.equal(node.state, "standby none 2 -");
});

Deno.test("called off while the old node passes: it is asked to reclaim, then gets everything back", () => {
  const { node, old } = preparing();
  node.until(102).hears(old("passing")).hearing(360, old("passing"));
  assert.equal(node.state, "standby giveBack 2 -");
  node.until(361).hears(old("reclaiming"));
  assert.equal(node.state, "standby gaveBack 2 -");
  node.until(362).hears(PRIMARY);
  assert.equal(node.state, "standby none 2 -");
  assert.deepEqual(node.told(), [
    "351 event standby, step called off: it took too long, beat, addressesOff",
    "361 giveBack, beat, end aborted, result 7 no: it took too long",
  ]);
});

Deno.test("called off, and the old node says no more about it: given back after the wait, the operator answered", () => {
  const { node, old } = preparing();
  node.until(102).hears(old("passing")).hearing(700, old("passing"));
  assert.match(node.told().at(-1)!, /^601 giveBack, beat, end aborted, result 7 no: it took too long/);
});

Deno.test("called off, then a false suspicion: the packets go back and the operator is answered", () => {
  const { node, old } = preparing();
  node.until(102).hears(old("passing")).hearing(352, old("passing"));
  node.until(359).hears(PRIMARY);
  assert.match(node.told().at(-1)!, /^359 cancel, result 7 no: it took too long, giveBack$/);
  assert.equal(node.group.holding, false);
  assert.deepEqual(node.on(ask()).told(), ["359 begin switchover, hold"], "and it can be asked again");
});

Deno.test("called off by what goes wrong on the new node, at any time before its take", () => {
  const cases: readonly [CoreEvent, string][] = [
    [{ kind: "holdFailed", group: 0, reason: "no queue" }, "no queue"],
    [{ kind: "carrier", group: 0, ok: false, reason: "x" }, "this node cannot serve any more"],
    [{ kind: "rules", ok: false }, "this node cannot serve any more"],
    [{ kind: "eligible", group: 0, ok: false, reason: "track" }, "this node cannot serve any more"],
    [{ kind: "stop" }, "this node stops"],
  ];
  for (const [event, reason] of cases) {
    const { node } = preparing();
    node.on(event).on({ kind: "tick" });
    const last = `giveBack, beat, end aborted, result 7 no: ${reason}`;
    assert.ok(node.told().some((line) => line.includes(last)), reason);
    assert.equal(node.group.holding, false);
  }
});

Deno.test("both nodes of a switchover are stopped in the middle of it: the new one gives back at once, whatever it waited for", () => {
  const { node, old } = preparing();
  node.until(102).hears(old("passing")).on({ kind: "stop" }).until(103).hears(old("released"));
  assert.equal(node.state, "standby giveBack 2 -");
  node.until(104).hears(old("reclaiming"), 1);
  assert.equal(node.state, "standby gaveBack 2 -");
});

Deno.test("called off by the old node: it refuses, goes on as primary, or reigns anew", () => {
  const { node } = preparing();
  node.hears({ ...PRIMARY, phase: "refuse", switchId: node.group.switchId });
  assert.match(node.told().at(-1)!, /end aborted, result 7 no: a refused, addressesOff$/);
  const second = preparing();
  second.node.until(102).hears(second.old("passing")).until(103).hears(PRIMARY);
  assert.match(
    second.node.told().at(-1)!,
    /giveBack, beat, end aborted, result 7 no: a went on as primary, addressesOff$/,
  );
  const third = preparing();
  third.node.until(102).hears({ role: "primary", epoch: 4 });
  assert.match(third.node.told().at(-1)!, /a went on as primary, addressesOff$/);
});

Deno.test("the old node dies, before or while it passes: a failover with the packets in hand", () => {
  const wanting = preparing().node.until(130);
  assert.deepEqual(wanting.told().slice(-2), [
    "111 begin failover, take 3, releasePeer, event failover",
    "111 step all passed on, finishHold, end done, result 7 ok",
  ]);
  const { node, old } = preparing();
  node.until(102).hears(old("passing")).until(130);
  assert.match(node.told().at(-1)!, /^112 step all passed on, finishHold, end done, result 7 ok/);
});

Deno.test("the old node lives but is deaf: packets are not held for ever, and nothing spins", () => {
  const { node } = preparing();
  for (let ms = 101.3; ms < 420; ms += 0.7) node.until(ms).on({ kind: "probeAnswered", group: 0, lower: true });
  assert.equal(node.state, "suspecting none 2 -");
  assert.equal(node.group.holding, false);
  assert.ok(node.told().some((line) => line.startsWith("351 ") && line.includes("giveBack")));
});

Deno.test("the old node lost its lease on its own: it consents to what is wanted, and passes on", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).until(401).hears(WANT);
  assert.equal(node.state, "leaving released 2 pass");
  assert.match(node.told().at(-1)!, /^401 beat pass/);
});

Deno.test("the lease lapses while the old node passes: that is as good as dropped", () => {
  const node = leaving().on({ kind: "leaseLost", group: 0, reason: "refused" });
  assert.deepEqual(node.told(), ["400 beat drop, letGo", "400 beat, step released"]);
  assert.equal(node.state, "leaving released 2 pass");
});

Deno.test("the new node dies after the old one's release: fenced, and back after unanswered probes", () => {
  const node = leaving().until(480);
  const told = node.told();
  assert.deepEqual(told.slice(0, 3), [
    "400.5 beat drop, letGo",
    "400.5 beat, step released",
    "410 beat unpass, end aborted, addressesOff, event fenced",
  ]);
  assert.equal(told.filter((line) => /\bprobe\b/.test(line)).length, 8);
  assert.match(told.at(-1)!, /^422 begin retake, take 4, end done, event retake/);
});

Deno.test("the new node calls off while the old one still has its lease: as if nothing had been", () => {
  const node = leaving().until(400.2).hears({});
  assert.deepEqual(node.told(), ["400.2 beat unpass, end aborted, event aborted"]);
  assert.equal(node.state, "primary none 2 refresh");
});

Deno.test("the new node gives back before the release: hold, stop passing, and go on once all is back by the same link", () => {
  const node = leaving().until(400.2).hears({ phase: "giveBack", switchId: 9 });
  assert.equal(node.state, "leaving reclaiming 2 refresh");
  node.until(401).hears({ phase: "gaveBack", switchId: 9 }, 0);
  assert.equal(node.state, "leaving reclaiming 2 refresh");
  node.until(401.1).hears({ phase: "gaveBack", switchId: 9 }, 1);
  assert.deepEqual(node.told(), [
    "400.2 hold, beat unpass",
    "401.1 beat unpass, finishHold, end aborted, event aborted",
  ]);
  assert.equal(node.state, "primary none 2 refresh");
});

Deno.test("the new node gives back after the release: the old one takes again, with a new epoch, before it lets go", () => {
  const node = leaving().hearing(402, WANT).hears({ phase: "giveBack", switchId: 9 });
  assert.equal(node.state, "leaving reclaiming 2 hold");
  node.until(403).hears({ phase: "gaveBack", switchId: 9 });
  assert.deepEqual(node.told(), [
    "400.5 beat drop, letGo",
    "400.5 beat, step released",
    "402 hold, beat unpass",
    "403 take 4, finishHold, end aborted, event aborted",
  ]);
  assert.equal(node.state, "primary none 4 refresh");
});

Deno.test("the lease lapses while it reclaims: it is taken, not refreshed", () => {
  const node = leaving().until(400.2).hears({ phase: "giveBack", switchId: 9 });
  node.on({ kind: "leaseLost", group: 0, reason: "refused" }).until(401).hears({ phase: "gaveBack", switchId: 9 });
  assert.match(node.told().at(-1)!, /^401 take 4, finishHold/);
});

Deno.test("the new node promises to give back and never does: on after the wait", () => {
  const node = leaving().hearing(402, WANT).hearing(700, { phase: "giveBack", switchId: 9 });
  assert.match(node.told().at(-1)!, /^654 take 4, finishHold, end aborted, event aborted/);
});

Deno.test("the new node prepares for ever: the old one waits twice the longest switch, then asks like any fenced one", () => {
  const node = leaving().hearing(120_400, WANT);
  assert.equal(node.state, "leaving released 2 pass");
  node.until(120_401);
  assert.match(node.told().at(-1)!, /beat unpass, end aborted, addressesOff, event fenced/);
});

Deno.test("a switch that ends in a lost lease answers its operator", () => {
  const offering = primary().on(ask(false)).on({ kind: "leaseLost", group: 0, reason: "refused" });
  assert.equal(offering.told().at(-1), "400 cancel, addressesOff, result 7 no: refused, event fenced");
  const { node, old } = preparing();
  node.until(101.7).hears(old("released")).on({ kind: "takeRefused", group: 0, reason: "no such device", late: false });
  assert.match(node.told().at(-1)!, /addressesOff, result 7 no: no such device, event fenced$/);
});

Deno.test("a primary that may not serve any more offers the group, once a second, to a peer that can", () => {
  const node = primary().on({ kind: "eligible", group: 0, ok: false, reason: "track" }).hearing(401, { able: false });
  assert.equal(node.state, "primary none 2 refresh");
  node.hearing(403, {});
  assert.equal(node.state, "primary offer 2 refresh");
  const first = node.group.switchId;
  node.until(404).hears({ phase: "refuse", switchId: first });
  assert.equal(node.state, "primary none 2 refresh");
  node.hearing(1380, {});
  assert.equal(node.state, "primary none 2 refresh");
  node.hearing(1420, {});
  assert.equal(node.state, "primary offer 2 refresh");
});

Deno.test("preempt: only when told to, only the preferred node, only after five calm seconds", () => {
  const peer: Said = { role: "primary", epoch: 3 };
  const back = new ScriptedNode({ preempt: true }).until(1).hears(peer).hearing(4999, peer);
  assert.equal(back.state, "standby none 3 -");
  back.hearing(5003, peer);
  assert.equal(back.state, "preparing want 3 hold");
  assert.equal(new ScriptedNode().until(1).hears(peer).hearing(5400, peer).state, "standby none 3 -");
  assert.equal(standby({ preempt: true }).hearing(5600, PRIMARY).state, "standby none 2 -");
  const maintained = new ScriptedNode({ preempt: true }).until(1).hears(peer).on({ kind: "maintenance", on: true });
  assert.equal(maintained.hearing(6000, peer).state, "standby none 3 -");
  maintained.on({ kind: "maintenance", on: false }).hearing(10_900, peer);
  assert.equal(maintained.state, "standby none 3 -");
  assert.equal(maintained.hearing(11_010, peer).state, "preparing want 3 hold");
  const uneasy = new ScriptedNode({ preempt: true }).until(1).hears(peer).hearing(3000, peer);
  uneasy.on({ kind: "eligible", group: 0, ok: false, reason: "track" }).hearing(3010, peer);
  uneasy.on({ kind: "eligible", group: 0, ok: true, reason: "" }).hearing(7900, peer);
  assert.equal(uneasy.state, "standby none 3 -");
});

Deno.test("old node: requests that are not read yet are waited for, but not for ever", () => {
  const node = leaving().until(400.4).on({ kind: "busy", group: 0 }).until(400.6);
  assert.equal(node.state, "leaving passing 2 refresh");
  node.until(400.7);
  assert.equal(node.state, "leaving released 2 pass");
  const stuck = leaving();
  const busyUntil = (end: number) => {
    for (let ms = stuck.nowUs / 1000 + 0.2; ms < end; ms += 0.2) {
      stuck.until(ms).hears(WANT).on({ kind: "busy", group: 0 });
    }
  };
  busyUntil(499);
  assert.equal(stuck.state, "leaving passing 2 refresh");
  busyUntil(501);
  assert.equal(stuck.state, "leaving released 2 pass");
});

Deno.test("what is held is given back behind what was passed on: its word by another way waits for the one by the same link, but not for long", () => {
  const calledOff = () => {
    const { node, old } = preparing();
    node.until(102).hears(old("passing")).hearing(360, old("passing")).told();
    return { node, old };
  };
  const early = calledOff();
  early.node.until(361).hears(early.old("reclaiming"), 0);
  assert.equal(early.node.state, "standby giveBack 2 -");
  early.node.until(361.3).hears(early.old("reclaiming"), 1);
  assert.equal(early.node.state, "standby gaveBack 2 -");
  const lost = calledOff();
  lost.node.until(361).hears(lost.old("reclaiming"), 0).until(361.9);
  assert.equal(lost.node.state, "standby giveBack 2 -");
  lost.node.until(362);
  assert.equal(lost.node.state, "standby gaveBack 2 -");
});

/** Node b, which has taken at 101.7, at 108 to be told by its kernel that the question was too long ago. */
function refused(): { node: ScriptedNode; old: (phase: Said["phase"]) => Said; before: number } {
  const { node, old } = preparing();
  node.until(101.1).hears(old("passing"));
  const before = node.seq;
  node.until(101.7).hears(old("released"));
  node.nowUs = 112_000;
  node.told();
  node.on({ kind: "takeRefused", group: 0, reason: "too long ago", late: true });
  return { node, old, before };
}

Deno.test("a take that comes too late asks anew, and only the answer to that counts", () => {
  const { node, old, before } = refused();
  assert.deepEqual(node.told(), ["112 step too late, to be asked anew"]);
  assert.equal(node.state, "preparing want 3 hold");
  // What waits in the sockets was said before: to an old question, or to none that is remembered.
  node.hears(old("released"), 1, 0, before).hears(old("released"), 1, 0, 0).hears(old("released"), 1, 0, 10_000);
  // Only then is the question put, and once.
  assert.deepEqual(node.told().flatMap((line) => line.match(/beat hold/g) ?? []), ["beat hold"]);
  assert.equal(node.state, "preparing want 3 hold");
  node.until(112.3).hears(old("released"));
  assert.deepEqual(node.told(), ["112.3 begin switchover, take 5, releasePeer, event switchover"]);
  node.until(112.6).hears({ phase: "passedOn", epoch: 5, switchId: node.group.switchId, links: 1 });
  assert.match(node.told().at(-1)!, /finishHold, end done, result 7 ok$/);
});

Deno.test("a take that comes too late: the old node has fenced itself meanwhile, and is asked like any fenced one", () => {
  const { node, old } = refused();
  node.told();
  node.until(112.2).hears({ role: "fenced", epoch: 2 });
  assert.equal(node.state, "preparing want 3 hold");
  node.until(112.4).hears(old("released"));
  assert.equal(node.state, "primary settling 5 refresh");
});

Deno.test("a take that comes too late: the old node serves again, or is silent: called off, or proven", () => {
  const again = refused().node.until(112.2).hears({ role: "primary", epoch: 4 });
  assert.match(again.told().at(-1)!, /called off: a went on as primary, giveBack, .*, addressesOff$/);
  assert.equal(again.group.role, "standby");
  // Nobody answers: the address is asked, as in any failover.
  const silent = refused().node;
  silent.told();
  const lines = silent.until(140).told().join("\n");
  assert.match(lines, /probe\n[^]*begin failover, take/);
});

Deno.test("services took their time: the word of before is asked for again before the address is taken", () => {
  const node = standby().on({ kind: "managed", group: 0, on: true }).on(ask());
  const switchId = node.group.switchId;
  const old = (phase: Said["phase"]): Said => ({ role: "leaving", phase: phase!, epoch: 2, switchId });
  node.until(101.7).hears(old("released"));
  node.told();
  // The old node is heard until 103; the services are there at 114, of which this process has slept the last part.
  node.hearing(103, old("released"));
  const { order } = node.group.serving;
  node.nowUs = 114_000;
  node.told();
  node.on({ kind: "served", group: 0, order, ok: true, reason: "" });
  assert.deepEqual(node.told(), []);
  node.on({ kind: "tick" });
  assert.match(node.told().join(), /^114 .*beat hold/);
  node.until(114.2).hears(old("released"));
  assert.match(node.told().join(), /114\.2 begin switchover, take 3/);
});

Deno.test("a switch that the old node has called off is not taken up again: what the new node has of it is older than what was written since", () => {
  const again = leaving().until(400.2).hears({});
  again.told();
  again.hears(WANT);
  assert.deepEqual([again.state, again.told()], ["primary refuse 2 refresh", ["400.2 beat"]]);
  again.hears(WANT).hears({});
  assert.equal(again.state, "primary none 2 refresh");
  assert.equal(again.hears({ ...WANT, switchId: 11 }).state, "leaving passing 2 refresh");
  // The new node was silent, and this one has reigned again since.
  assert.equal(leaving().until(480).hears(WANT).state, "primary refuse 4 refresh");
});
