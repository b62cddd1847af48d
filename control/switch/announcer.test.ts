import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { announcementFrames, AnnounceSchedule } from "./announcer.ts";
import type { Slot } from "./plan.ts";

const MAC = new Uint8Array([2, 0, 0, 0, 0, 1]);
const SECOND = 1_000_000;

Deno.test("an IPv4 address is announced as request and as reply, an IPv6 address by an unsolicited advertisement", () => {
  const slot: Slot = {
    id: 1,
    group: 0,
    interface: 0,
    addresses: [
      { text: "10.77.0.100", bytes: new Uint8Array([10, 77, 0, 100]), prefixLength: 32, family: 4 },
      { text: "fe80::1", bytes: new Uint8Array([0xfe, 0x80, ...Array(13).fill(0), 1]), prefixLength: 64, family: 6 },
    ],
  };
  const frames = announcementFrames(slot, MAC).map((frame) => Buffer.from(frame).toString("hex"));
  assert.equal(frames.length, 3);
  const arp = "0806 0001 0800 06 04".replaceAll(" ", ""), sender = "0200000000010a4d0064";
  // RFC 5227 section 3: sender and target are the announced address, in both forms.
  assert.match(frames[0]!, new RegExp(`^ffffffffffff020000000001${arp}0001${sender}.{12}0a4d0064`));
  assert.match(frames[1]!, new RegExp(`^ffffffffffff020000000001${arp}0002${sender}.{12}0a4d0064`));
  // To all nodes, ICMPv6 type 136 with the override flag (RFC 4861 section 4.4).
  assert.match(frames[2]!, /^33330000000102000000000186dd6.*8800....20000000fe80/);
});

/** Announces at each time that the schedule asks for; returns these times in milliseconds. */
function times(schedule: AnnounceSchedule, startUs: number, endUs: number, traffic: () => boolean): number[] {
  const made: number[] = [];
  for (let now = schedule.nextUs; now <= endUs; now = schedule.nextUs) {
    assert.equal(schedule.due(now - 1, traffic), false);
    if (schedule.due(now, traffic)) made.push((now - startUs) / 1000);
  }
  return made;
}

Deno.test("announcements are repeated past the second in which Linux ignores a change", () => {
  const schedule = new AnnounceSchedule();
  assert.equal(schedule.nextUs, Infinity);
  assert.equal(schedule.due(SECOND, () => false), false);
  schedule.start(5 * SECOND);
  assert.deepEqual(times(schedule, 5 * SECOND, 8 * SECOND, () => true), [20, 100, 500, 1100, 2200]);
});

Deno.test("while no packet comes it goes on, but not for ever", () => {
  const schedule = new AnnounceSchedule();
  schedule.start(0);
  const made = times(schedule, 0, 1000 * SECOND, () => false);
  assert.deepEqual(made.slice(0, 7), [20, 100, 500, 1100, 2200, 7200, 12_200]);
  assert.ok(made.at(-1)! <= 65_000 && made.length < 20);
  assert.equal(schedule.nextUs, Infinity);
});

Deno.test("it ends with the first packet, or when the group is given away; a new start begins anew", () => {
  const schedule = new AnnounceSchedule();
  schedule.start(0);
  assert.deepEqual(times(schedule, 0, 100 * SECOND, () => true), [20, 100, 500, 1100, 2200]);
  schedule.start(200 * SECOND);
  assert.equal(schedule.nextUs, 200 * SECOND + 20_000);
  schedule.stop();
  assert.equal(schedule.nextUs, Infinity);
});
