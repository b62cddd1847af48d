import assert from "node:assert/strict";
import { LinkStats, SentTimes } from "./link_stats.ts";

Deno.test("times of sending are kept for the last 256 heartbeats", () => {
  const sent = new SentTimes();
  for (let seq = 1; seq <= 300; seq++) sent.note(seq, seq * 10);
  assert.equal(sent.of(300), 3000);
  assert.equal(sent.of(45), 450);
  assert.ok(Number.isNaN(sent.of(44)));
  assert.ok(Number.isNaN(sent.of(301)));
});

Deno.test("times of sending survive the 32nd bit: the wire echoes the low part alone", () => {
  const sent = new SentTimes();
  sent.note(0x1_0000_0005, 77);
  assert.equal(sent.of(5), 77);
});

Deno.test("the round trip is the time since sending, less what the peer kept the echo for", () => {
  const sent = new SentTimes(), link = new LinkStats();
  sent.note(7, 1000);
  link.echoed(7, 300, sent, 1500);
  assert.equal(link.rttUs, 200);
  link.echoed(7, 300, sent, 9000);
  assert.equal(link.rttUs, 200, "the same echo again says nothing");
  sent.note(8, 2000);
  link.echoed(8, 0, sent, 2280);
  assert.equal(link.rttUs, 210, "an eighth of the change");
});

Deno.test("echoes of nothing, of what is forgotten, and of clocks that disagree change nothing", () => {
  const sent = new SentTimes(), link = new LinkStats();
  link.echoed(0, 0, sent, 100);
  link.echoed(9, 0, sent, 100);
  sent.note(10, 100);
  link.echoed(10, 500, sent, 200);
  assert.ok(Number.isNaN(link.rttUs));
});

Deno.test("loss rises with what is missing and falls with what comes", () => {
  const link = new LinkStats();
  for (let seq = 1; seq <= 500; seq++) link.heard(seq, seq, 0);
  assert.equal(link.loss, 0);
  for (let seq = 502; seq <= 2000; seq += 2) link.heard(seq, seq, 0);
  assert.ok(Math.abs(link.loss - 0.5) < 0.05, `${link.loss}`);
  for (let seq = 2001; seq <= 3000; seq++) link.heard(seq, seq, 0);
  assert.ok(link.loss < 0.01);
  assert.deepEqual([link.seq, link.heardUs], [3000, 3000]);
});

Deno.test("of a spared link only what was due to come by it can be missed or late", () => {
  const link = new LinkStats();
  for (let seq = 4; seq <= 4000; seq += 4) link.heard(seq, seq * 2, 2, 4);
  assert.equal(link.loss, 0);
  link.heard(4003, 8006, 2, 4);
  link.heard(4004, 8008, 2, 4);
  assert.equal(link.loss, 0, "an urgent one between two");
  assert.equal(link.delays.take().maxUs, 0);
  for (let seq = 4012; seq <= 8000; seq += 8) link.heard(seq, seq * 2, 2, 4);
  assert.ok(Math.abs(link.loss - 0.5) < 0.05, `${link.loss}`);
});

Deno.test("a late datagram lowers no sequence; a new session starts anew and is no loss", () => {
  const link = new LinkStats();
  link.heard(100, 1, 0);
  link.heard(99, 2, 0);
  assert.deepEqual([link.seq, link.heardUs], [100, 2]);
  link.heard(50_000, 3, 0);
  assert.deepEqual([link.seq, link.loss], [50_000, 0], "after a long silence the link was down, not lossy");
  link.reset();
  link.heard(1, 4, 0);
  assert.deepEqual([link.seq, link.loss], [1, 0]);
});
