import assert from "node:assert/strict";
import fc from "fast-check";
import { Incoming } from "./incoming.ts";
import { MESSAGE_MAX, SEND_BUFFER_MAX } from "./limits.ts";
import { Outgoing } from "./outgoing.ts";

const WINDOW = 4096;
/** One in which what comes too early has no room at first, and gets more. */
const WIDE = 128 * 1024;
const lengths = fc.array(fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 0, max: 9000 })), {
  maxLength: 30,
});
/** For each packet: how much room it has, and what becomes of it. */
const fates = fc.infiniteStream(fc.tuple(
  fc.integer({ min: 1, max: 1400 }),
  fc.constantFrom("arrives", "arrives", "is late", "is lost", "arrives twice"),
));

Deno.test("messages come out as they went in, whatever pieces they travel in and which of these are lost", () => {
  fc.assert(fc.property(fc.constantFrom(WINDOW, WIDE), lengths, fates, (window, lengths, fates) => {
    const sent = lengths.map((length, i) => new Uint8Array(length).map((_, j) => i * 31 + j));
    const got: Uint8Array[] = [];
    const incoming = new Incoming(window, (bytes) => got.push(bytes));
    const outgoing = new Outgoing(window);
    for (const message of sent) assert.ok(outgoing.append(message));
    let late: [offset: number, bytes: Uint8Array][] = [];
    const arrive = (offset: number, bytes: Uint8Array) => {
      assert.ok(incoming.accept(offset, bytes, 0, bytes.length), "nothing is sent beyond what was granted");
      outgoing.onAcked(offset, offset + bytes.length);
      if (incoming.creditDue) outgoing.onCredit(incoming.grant());
    };
    for (let turn = 0; outgoing.buffered > 0; turn++) {
      assert.ok(turn < 100_000, "no end");
      const [room, fate] = fates.next().value!;
      if (!outgoing.take(room)) {
        for (const [offset, bytes] of late.splice(0)) arrive(offset, bytes);
        continue;
      }
      const { start, end } = outgoing;
      const bytes = new Uint8Array(end - start);
      outgoing.copy(start, end, bytes, 0);
      if (fate === "is lost" && turn < 5000) outgoing.onLost(start, end);
      else if (fate === "is late") late.push([start, bytes]);
      else for (let i = 0; i < (fate === "arrives twice" ? 2 : 1); i++) arrive(start, bytes);
    }
    for (const [offset, bytes] of late) arrive(offset, bytes);
    late = [];
    assert.deepEqual(got.map((it) => [...it]), sent.map((it) => [...it]));
    assert.equal(outgoing.take(1400), false);
  }));
});

Deno.test("a receiver takes nothing beyond its window, and no message that is longer than any", () => {
  const incoming = new Incoming(WINDOW, () => {});
  assert.equal(incoming.accept(WINDOW - 1, new Uint8Array(2), 0, 2), false);
  assert.equal(incoming.accept(WINDOW - 1, new Uint8Array(1), 0, 1), true);
  const tooLong = new Uint8Array(4);
  new DataView(tooLong.buffer).setUint32(0, MESSAGE_MAX + 1);
  assert.equal(incoming.accept(0, tooLong, 0, 4), false);
});

Deno.test("a full buffer refuses, and takes again once something is acknowledged", () => {
  const outgoing = new Outgoing(Infinity);
  const message = new Uint8Array(MESSAGE_MAX);
  let taken = 0;
  while (outgoing.append(message)) taken++;
  assert.equal(taken, Math.floor(SEND_BUFFER_MAX / (MESSAGE_MAX + 4)));
  assert.ok(outgoing.buffered <= SEND_BUFFER_MAX);
  outgoing.take(MESSAGE_MAX + 4);
  outgoing.onAcked(0, MESSAGE_MAX + 4);
  assert.ok(outgoing.append(message));
  assert.throws(() => outgoing.append(new Uint8Array(MESSAGE_MAX + 1)), /a message has at most/);
});
