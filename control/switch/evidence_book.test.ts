import assert from "node:assert/strict";
import { ScriptedNode } from "../core/scripted.ts";
import { EvidenceBook } from "./evidence_book.ts";
import { LinkStats } from "./link_stats.ts";
import type { Links } from "./links.ts";

const MS = 1000;

function book() {
  const links = ["frame veth0", "path x"].map((title) => ({ title, stats: new LinkStats() }));
  const script = new ScriptedNode({ index: 1 }).until(1).hears({ role: "primary", epoch: 4 });
  const { node, group } = script;
  return { links, script, node, group, book: new EvidenceBook({ all: links } as unknown as Links, "a", 1) };
}

Deno.test("what stood when it began stays, whatever is heard afterwards", () => {
  const { links, node, group, book: evidence } = book();
  links[0]!.stats.heardUs = node.heardUs - 3 * MS;
  const at = node.heardUs + 7 * MS;
  evidence.noteHint("no carrier on veth1", at - 200);
  evidence.begin(node, group, "failover", at);
  evidence.noteProbe(0, at + 10);
  evidence.noteProbe(0, at + 1500);
  evidence.noteHint("port unreachable", at + 2000);
  links[0]!.stats.heardUs = at + 9 * MS;
  group.peer.role = "standby";
  evidence.goOn(node, group, at + 4 * MS);
  const read = evidence.read(0, at + 5 * MS);
  assert.deepEqual([read.peerName, read.silenceUs, read.takenSilenceUs, read.beatUs], ["a", 7 * MS, 11 * MS, 2 * MS]);
  assert.deepEqual(read.links, [
    { link: "frame veth0", heardAgoUs: 10 * MS, lateUs: 8 * MS, rttUs: null },
    { link: "path x", heardAgoUs: null, lateUs: null, rttUs: null },
  ]);
  assert.deepEqual(read.hints, [{ text: "no carrier on veth1", agoUs: 200 }, {
    text: "port unreachable",
    agoUs: -2000,
  }]);
  assert.deepEqual(read.probes, { sent: 2, answered: 0, firstAgoUs: -10, lastAgoUs: -1500 });
  assert.equal(read.peer?.role, "primary");
  assert.deepEqual([read.asked, read.lapse, read.rulesAgoUs], [null, null, null]);
});

Deno.test("the next switch begins anew, and what is long ago is forgotten", () => {
  const { node, group, book: evidence } = book();
  evidence.noteHint("long ago", 0);
  evidence.noteLateWake(5 * MS, 0);
  evidence.noteLapse(0, 70 * MS, 0);
  evidence.noteRules(0);
  evidence.begin(node, group, "failover", 1);
  evidence.noteProbe(0, 2);
  evidence.noteAnswer(0);
  const later = 20_000 * MS;
  evidence.begin(node, group, "failover", later);
  const read = evidence.read(0, later);
  assert.deepEqual([read.hints, read.lapse, read.rulesAgoUs, read.wakes.late], [[], null, null, 0]);
  assert.deepEqual(read.probes, { sent: 0, answered: 0, firstAgoUs: null, lastAgoUs: null });
});

Deno.test("own late wakes, lapses and changed rules of the last seconds are told", () => {
  const { node, group, book: evidence } = book();
  const now = 30_000 * MS;
  for (let i = 0; i < 100; i++) evidence.noteLateWake(i === 90 ? 9 * MS : 3 * MS, now - 100 + i);
  evidence.noteLapse(0, 70 * MS, now - 400);
  evidence.noteRules(now - 300);
  evidence.begin(node, group, "retake", now);
  const { wakes, lapse, rulesAgoUs } = evidence.read(0, now);
  assert.deepEqual(wakes, { withinUs: 10_000 * MS, late: 64, maxUs: 9 * MS });
  assert.deepEqual([lapse, rulesAgoUs], [{ agoUs: 400, ageUs: 70 * MS }, 300]);
});

Deno.test("who asked for a planned move is known as far as this node can know it", () => {
  const { node, group, book: evidence } = book();
  const asked = (kind: "switchover" | "handover") => {
    evidence.begin(node, group, kind, 1);
    return evidence.read(0, 1).asked;
  };
  assert.deepEqual([asked("switchover"), asked("handover")], ["preempt", "peer"]);
  group.peer.phase = "offer";
  assert.equal(asked("switchover"), "peer");
  group.eligible = false;
  assert.equal(asked("handover"), "unfit");
  node.stopping = true;
  assert.equal(asked("handover"), "stop");
  group.moving.command = 3;
  assert.deepEqual([asked("switchover"), asked("handover")], ["operator", "operator"]);
});
