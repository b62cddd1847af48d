/** Who serves, and why: starts, suspicions, lost leases, nodes that meet. One script each; times in milliseconds. */
import assert from "node:assert/strict";
import type { HintSource } from "./hints.ts";
import { type Said, ScriptedNode, type ScriptSetup } from "./scripted.ts";
import { nextWakeUs } from "./wake.ts";

const PRIMARY: Said = { role: "primary", epoch: 2 };

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

Deno.test("start: alone, after the wait and two unanswered probes; one node's epochs are even, the other's odd", () => {
  for (const [index, epoch] of [[0, 2], [1, 1]] as const) {
    const node = new ScriptedNode({ index }).until(310);
    assert.deepEqual(node.told(), [
      "300 begin failover, step suspect, probe, beat",
      "301.5 probe",
      `303 begin start, take ${epoch}, end done, event start`,
    ]);
    assert.equal(node.state, `primary none ${epoch} refresh`);
  }
});

Deno.test("start: an answered probe keeps it from serving for as long as it is answered", () => {
  const node = new ScriptedNode().until(300);
  for (let ms = 300.5; ms < 400; ms += 0.5) node.until(ms).on({ kind: "probeAnswered", group: 0, lower: true });
  assert.equal(node.state, "suspecting none 0 -");
});

Deno.test("start: of two that ask at once and do not hear each other, the one with the lower MAC has the first turn", () => {
  const asks = (lower: boolean) => ({ kind: "peerAsks", group: 0, lower }) as const;
  const first = new ScriptedNode().until(300.5).on(asks(true)).until(302).on(asks(true)).until(303);
  assert.equal(first.state, "primary none 2 refresh");
  const second = new ScriptedNode({ index: 1 }).until(300.5).on(asks(false)).until(302).on(asks(false)).until(303);
  assert.equal(second.state, "suspecting none 0 -");
  second.until(303.2).on({ kind: "probeAnswered", group: 0, lower: false }).until(304);
  assert.equal(second.state, "suspecting none 0 -");
  // Who asks for ever and takes nothing cannot keep it from serving.
  for (let ms = 304.5; ms < 400; ms++) second.until(ms).on(asks(false));
  assert.equal(second.state, "primary none 1 refresh");
});

Deno.test("start: of two that meet, the preferred one asks and takes with the other's consent", () => {
  const a = new ScriptedNode().until(1).hears({ role: "starting" });
  assert.equal(a.state, "starting ask 0 -");
  a.hearing(3, { role: "starting", phase: "grant", switchId: a.group.switchId + 2 });
  assert.equal(a.state, "starting ask 0 -", "a consent to another question is none");
  a.until(3.5).hears({ role: "starting", phase: "grant", switchId: a.group.switchId });
  assert.deepEqual(a.told(), [
    "1 beat arm",
    "3 beat arm, beat",
    "3.5 begin start, take 2, end done, event start",
  ]);

  const b = new ScriptedNode({ index: 1 }).until(1).hears({ role: "starting" });
  assert.equal(b.state, "starting none 0 -");
  b.until(2).hears({ role: "starting", phase: "ask", switchId: 12 });
  assert.equal(`${b.state} ${b.group.switchId}`, "starting grant 0 - 12");
  b.until(3).hears(PRIMARY);
  assert.deepEqual(b.told(), ["2 beat", "3 event standby"]);
  assert.equal(b.state, "standby none 2 -");
});

Deno.test("start: the one that is not preferred takes if the other cannot serve", () => {
  const b = new ScriptedNode({ index: 1 }).until(1).hears({ role: "starting", able: false });
  b.until(2).hears({ role: "starting", able: false, phase: "grant", switchId: b.group.switchId });
  assert.deepEqual(b.told(), ["1 beat arm", "2 begin start, take 1, end done, event start"]);
});

Deno.test("start: a peer that was heard and fell silent leads to an ordinary suspicion", () => {
  const node = new ScriptedNode({ index: 1 }).until(1).hears({ role: "starting" }).until(80);
  assert.deepEqual(node.told(), [
    "65 event standby",
    "65 begin failover, step suspect, probe",
    "66.5 probe",
    "68 begin failover, take 1, end done, event failover, beat",
  ]);
});

Deno.test("failover: silence → suspicion at 6 ms → probes; both dead_after and two unanswered probes are needed", () => {
  const node = standby().until(110.9);
  assert.deepEqual(node.told(), ["107 begin failover, step suspect, probe", "108.5 probe", "110 probe"]);
  assert.equal(node.state, "suspecting none 2 -");
  assert.deepEqual(node.until(112).told(), ["111 begin failover, take 3, end done, event failover"]);
  assert.equal(node.state, "primary none 3 refresh");
});

Deno.test("failover: an answered probe voids those before it, and two more are needed", () => {
  const node = standby().until(109).on({ kind: "probeAnswered", group: 0, lower: true }).until(120);
  assert.deepEqual(node.told(), [
    "107 begin failover, step suspect, probe",
    "108.5 probe",
    "110 probe",
    "111.5 probe",
    "113 begin failover, take 3, end done, event failover",
  ]);
});

Deno.test("failover: an own late wake voids the probes, whenever it comes", () => {
  const node = standby().until(110.9).on({ kind: "lateWake", lateUs: 5000 }).until(120);
  assert.deepEqual(node.told(), [
    "107 begin failover, step suspect, probe",
    "108.5 probe",
    "110 probe",
    "110.9 probe",
    "112.4 probe",
    "113.9 begin failover, take 3, end done, event failover",
  ]);
});

Deno.test("failover: with a hint suspicion starts at 3 ms and 6 ms of silence are enough, probes as ever", () => {
  for (const source of ["port", "carrier"] as const) {
    const node = standby().until(101.5).on({ kind: "hint", source, reason: "no carrier" }).until(120);
    assert.deepEqual(node.told(), EARLY);
  }
});

/** A failover whose last heartbeat came at 101 ms. */
const EARLY = [
  "104 begin failover, step suspect, probe",
  "105.5 probe",
  "107 begin failover, take 3, end done, event failover",
];

Deno.test("failover: who is heard again was not gone: its unreachable port speeds nothing up, a dead cable still does", () => {
  const late = EARLY.map((line) => line.replace(/^[\d.]+/, (at) => String(parseFloat(at) + 0.6)));
  const hinted = (source: HintSource) =>
    standby().until(101.5).on({ kind: "hint", source, reason: source }).until(101.6).hears(PRIMARY);
  assert.deepEqual(hinted("carrier").until(120).told(), late);
  const port = hinted("port").until(120).told();
  assert.equal(port[0], "107.6 begin failover, step suspect, probe");
  assert.match(port.at(-1)!, /^11[1-4]\.?\d* begin failover, take 3/);
  // Refusals that come behind the carrier's word neither replace nor end it.
  const both = hinted("carrier").until(101.7).on({ kind: "hint", source: "port", reason: "port" }).until(101.8)
    .hears(PRIMARY).until(120);
  assert.match(both.told()[0]!, /^104\.8 begin failover, step suspect/);
});

Deno.test("failover: a suspicion that was false leaves nothing behind", () => {
  const node = standby().until(109).hears(PRIMARY);
  assert.deepEqual(node.told().at(-1), "109 cancel");
  assert.equal(node.state, "standby none 2 -");
  assert.deepEqual(node.hearing(130, PRIMARY).told(), []);
});

Deno.test("failover: answered for long, somebody is told to look at the paths", () => {
  const node = standby().until(107);
  for (let ms = 107.2; ms < 320; ms += 0.7) node.until(ms).on({ kind: "probeAnswered", group: 0, lower: true });
  const lines = node.told();
  assert.ok(lines.some((line) => line.endsWith("alarm heartbeats-lost on")));
  // After five leases the peer is asked at a quarter of the rate.
  const probes = lines.filter((line) => line.includes("probe")).map((line) => parseFloat(line));
  assert.ok(probes.filter((ms) => ms > 220 && ms < 280).length <= 11);
  assert.equal(node.state, "suspecting none 2 -");
});

Deno.test("failover: without carrier, rules or fitness nobody is asked to be replaced", () => {
  const unfit = standby().on({ kind: "eligible", group: 0, ok: false, reason: "track" }).until(300);
  assert.equal(unfit.state, "suspecting none 2 -");
  const noRules = standby().on({ kind: "rules", ok: false }).until(300);
  assert.equal(noRules.state, "suspecting none 2 -");
  noRules.on({ kind: "rules", ok: true }).until(310);
  assert.equal(noRules.state, "primary none 3 refresh");
  const cut = standby().on({ kind: "carrier", group: 0, ok: false, reason: "no carrier" }).until(300);
  assert.deepEqual(cut.told(), ["101 alarm carrier web on, beat", "107 begin failover, step suspect"]);
});

Deno.test("own carrier lost: the lease is dropped at once and the other path tells it", () => {
  const node = primary().on({ kind: "carrier", group: 0, ok: false, reason: "no carrier" });
  assert.deepEqual(node.told(), [
    "400 alarm carrier web on, cancel, beat drop, addressesOff, event fenced, beat",
  ]);
  assert.equal(node.state, "fenced none 2 -");
  assert.deepEqual(node.on({ kind: "carrier", group: 0, ok: false, reason: "again" }).told(), []);
});

Deno.test("own carrier lost: the peer takes by consent, with no silence and no probe", () => {
  const fenced: Said = { role: "fenced", epoch: 2, able: false };
  const b = standby().until(102).hears(fenced);
  b.until(102.5).hears({ ...fenced, phase: "grant", switchId: b.group.switchId });
  assert.deepEqual(b.told(), ["102 beat arm", "102.5 begin failover, take 3, end done, event failover"]);

  const a = primary().on({ kind: "carrier", group: 0, ok: false, reason: "no carrier" });
  a.told();
  a.until(400.5).hears({ phase: "ask", switchId: 31 });
  assert.deepEqual(a.told(), ["400.5 beat"]);
  assert.equal(a.state, "fenced grant 2 -");
  a.until(401).hears({ role: "primary", epoch: 3 });
  assert.equal(a.state, "standby none 3 -");
});

Deno.test("lease lost: fenced, asks, takes again with a higher epoch once the peer consents", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" });
  node.hearing(404, {}).until(405).hears({ phase: "grant", switchId: node.group.switchId });
  assert.deepEqual(node.told(), [
    "400 cancel, addressesOff, event fenced",
    "402 beat arm, beat",
    "404 beat arm, beat",
    "405 begin retake, take 4, end done, event retake",
  ]);
});

Deno.test("lease lost with a silent peer: asks while it may live, then eight probes: the other one has the first turn", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).until(480);
  const told = node.told();
  assert.equal(told.filter((line) => /\bprobe\b/.test(line)).length, 8);
  assert.match(told.at(-1)!, /^422 .*begin retake, take 4, end done, event retake/);
});

Deno.test("lease lost: a consent that waited while this node slept takes nothing, and is asked for again", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "stopped" });
  node.hearing(404, {});
  const asked = node.seq, { switchId } = node.group;
  // Asleep for longer than a consent lives; what it reads then answers the question of before.
  node.nowUs += 1_000_000;
  node.on({ kind: "lateWake", lateUs: 990_000 });
  node.hears({ phase: "grant", switchId }, 1, 0, asked);
  assert.equal(node.group.role, "fenced");
  node.until(1405).hears({ phase: "grant", switchId: node.group.switchId });
  assert.equal(node.group.role, "primary");
});

Deno.test("lease lost: the peer that consents does not rank higher, and one that does is served", () => {
  // The last owner goes before the preferred one.
  const b = standby();
  b.hears({ role: "fenced", epoch: 2, phase: "ask", switchId: 30 });
  assert.equal(`${b.state} ${b.group.switchId}`, "standby grant 2 - 30");
  b.until(102).hears({ role: "primary", epoch: 4 });
  assert.equal(b.state, "standby none 4 -");
});

Deno.test("lease lost, and the peer serves already: standby", () => {
  const node = primary().on({ kind: "leaseLost", group: 0, reason: "refused" }).hears({ role: "primary", epoch: 3 });
  assert.deepEqual(node.told(), ["400 cancel, addressesOff, event fenced", "400 event standby"]);
});

Deno.test("a question is dropped when somebody serves", () => {
  const node = standby().hears({ role: "fenced", epoch: 2, able: false });
  assert.equal(node.state, "standby ask 2 -");
  node.until(102).hears({ role: "primary", epoch: 4 }).hearing(120, { role: "primary", epoch: 4 });
  assert.equal(node.state, "standby none 4 -");
});

Deno.test("a refused take: the addresses come off, the lease is dropped, and a later try has another epoch", () => {
  const node = standby().until(112).on({ kind: "takeRefused", group: 0, reason: "not armed", late: true });
  assert.equal(node.told().at(-1), "112 cancel, beat drop, addressesOff, event fenced");
  node.until(130);
  assert.match(node.state, /^primary none 5 /);
});

Deno.test("two primaries: the lower epoch yields in the same step, the higher one speaks up", () => {
  const lower = primary().hears({ role: "primary", epoch: 5 });
  assert.deepEqual(lower.told(), ["400 begin yield, beat drop, addressesOff, end done, event yield"]);
  assert.equal(lower.state, "standby none 5 -");
  const higher = primary().hears({ role: "primary", epoch: 1 });
  assert.deepEqual(higher.told(), ["400 beat"]);
  assert.equal(higher.state, "primary none 2 refresh");
});

Deno.test("two primaries of one epoch: the preferred one stays", () => {
  assert.equal(primary().hears({ role: "primary", epoch: 2 }).state, "primary none 2 refresh");
  const b = new ScriptedNode({ index: 1 }).until(310).hears({ role: "primary", epoch: 1 });
  assert.equal(b.state, "standby none 1 -");
});

Deno.test("a standby that knows of a later reign raises the primary's epoch above it", () => {
  const node = primary().hears({ epoch: 7 });
  assert.deepEqual(node.told(), ["400 announce, event epoch"]);
  assert.equal(node.state, "primary none 8 refresh");
});

Deno.test("epochs: none below what an earlier run may have used, and more are asked for in time", () => {
  const node = new ScriptedNode({ usedUpTo: 1000, reservedUpTo: 1400 }).until(303);
  assert.equal(node.told().at(-1), "303 begin start, take 1002, end done, event start, reserve above 1002");
  node.until(305).hears({});
  assert.deepEqual(node.told(), [], "asked once");
  node.on({ kind: "reserved", group: 0, upTo: 2400 }).hears({});
  assert.deepEqual(node.told(), []);
});

Deno.test("epochs: without a reserved one nobody takes over; with the next block at once", () => {
  const node = standby({ reservedUpTo: 2 }).until(150);
  assert.equal(node.state, "suspecting none 2 -");
  node.told();
  node.on({ kind: "reserved", group: 0, upTo: 1002 }).until(152);
  assert.equal(node.state, "primary none 3 refresh");
});

Deno.test("epochs: unproven ones take nothing until the peer tells its own, or an operator insists", () => {
  const alone = new ScriptedNode({ unproven: true }).until(400);
  assert.equal(alone.state, "suspecting none 0 -");
  const command = { kind: "switchover", group: 0, command: 7, toSelf: true, timeoutUs: 1000, force: true } as const;
  alone.on(command).until(402);
  assert.equal(alone.state, "primary none 2 refresh");
  const told = new ScriptedNode({ unproven: true, index: 1 }).until(1).hears({ role: "primary", epoch: 40 }).until(40);
  assert.equal(told.state, "primary none 41 refresh");
});

Deno.test("another configuration blocks everything and is said once", () => {
  const node = new ScriptedNode();
  for (let ms = 1; ms < 600; ms += 2) node.until(ms).hears(PRIMARY, 1, 9);
  assert.deepEqual(node.told(), ["1 alarm incompatible on, event incompatible"]);
  assert.equal(node.state, "starting none 0 -");
  node.until(601).hears(PRIMARY, 1, 0);
  assert.deepEqual(node.told(), ["601 alarm incompatible off, event standby"]);
});

Deno.test("another configuration: a primary goes on, asks nothing, gives nothing; fenced it goes by the address alone, and does not spin", () => {
  const node = primary();
  node.hears({ role: "preparing", phase: "want", switchId: 9, epoch: 2 }, 1, 9);
  assert.equal(node.state, "primary none 2 refresh");
  node.on({ kind: "leaseLost", group: 0, reason: "refused" });
  for (let ms = 402; ms < 500; ms += 2) node.until(ms).hears({ phase: "grant" }, 1, 9);
  assert.equal(node.state, "primary none 4 refresh");
  const never = new ScriptedNode().until(310);
  never.hears({}, 1, 9).on({ kind: "leaseLost", group: 0, reason: "refused" });
  for (let ms = 312; ms < 400; ms += 2) never.until(ms).hears({}, 1, 9);
  assert.equal(never.state, "primary none 4 refresh");
});

Deno.test("a node that stops takes nothing any more, and offers what it has", () => {
  const waiting = standby().on({ kind: "stop" }).until(300);
  assert.equal(waiting.state, "suspecting none 2 -");
  const serving = primary().on({ kind: "stop" }).hearing(402, {});
  assert.equal(serving.state, "primary offer 2 refresh");
  const alone = new ScriptedNode().until(310).on({ kind: "stop" }).until(400);
  assert.equal(alone.state, "primary none 2 refresh");
});

Deno.test("a quiet standby beats slowly, anybody else at the full rate", () => {
  const beats = (node: ScriptedNode, untilMs: number): number => {
    let count = 0, last = node.node.nextBeatUs;
    for (const step = 0.25; node.nowUs < untilMs * 1000;) {
      node.until(node.nowUs / 1000 + step);
      if (node.node.nextBeatUs !== last) count++;
      last = node.node.nextBeatUs;
    }
    return count;
  };
  const quiet = standby();
  const before = quiet.nowUs / 1000;
  assert.ok(beats(quiet, before + 5.5) <= 1);
  const serving = primary();
  assert.equal(beats(serving, 420), 10);
});

Deno.test("two primaries of which the lower one hears nothing: after a lease the one that hears gives way", () => {
  const node = primary();
  const from = node.nowUs / 1000;
  const other: Said = { role: "primary", epoch: 1 };
  node.hearing(from + 18, other);
  assert.equal(node.state, "primary none 2 refresh");
  node.hearing(from + 24, other);
  assert.equal(node.state, "standby none 2 -");
  assert.ok(node.told().some((line) => line.includes("beat drop") && line.includes("event yield")));
});

Deno.test("a primary that hears nobody, and another speak as the address, gives way if its MAC is the higher one", () => {
  const spoken = (lower: boolean) => ({ kind: "probeAnswered", group: 0, lower }) as const;
  const node = primary();
  const heard = node.nowUs / 1000;
  assert.equal(node.until(heard + 9).on(spoken(false)).state, "primary none 2 refresh", "it was heard a moment ago");
  assert.equal(node.until(heard + 11).on(spoken(true)).state, "primary none 2 refresh");
  assert.equal(node.on(spoken(false)).group.role, "fenced");
});

Deno.test("a node that loses its lease after seconds of silence wants to be woken now, not seconds ago", () => {
  const node = primary().until(3_600).on({ kind: "leaseLost", group: 0, reason: "lapsed" });
  assert.equal(node.group.role, "fenced");
  assert.equal(nextWakeUs(node.node), node.nowUs);
  const never = new ScriptedNode().until(3_600).on({ kind: "leaseLost", group: 0, reason: "lapsed" });
  assert.equal(nextWakeUs(never.node), never.nowUs);
});
