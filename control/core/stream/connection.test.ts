import assert from "node:assert/strict";
import fc from "fast-check";
import { Connection } from "./connection.ts";
import { ACK, PING } from "./frames.ts";
import { ACK_DELAY_US, LOW_WATER, PAYLOAD_MAX, PING_US } from "./limits.ts";

interface Sent {
  readonly path: number;
  readonly number: number;
  readonly payload: Uint8Array;
}

function transmit(connection: Connection, nowUs: number): Sent[] {
  const sent: Sent[] = [];
  connection.transmit(nowUs, (path, number, payload, length) => {
    sent.push({ path, number, payload: payload.slice(0, length) });
  });
  return sent;
}

function give(to: Connection, packets: readonly Sent[], nowUs: number): void {
  for (const { path, number, payload } of packets) {
    assert.equal(to.accept(path, number, payload, payload.length, nowUs), "accepted");
  }
}

function pair(paths: number) {
  const open = Array.from({ length: paths }, () => true);
  const got: [number, number][] = [];
  const a = new Connection(open, () => {});
  const b = new Connection(open, (channel, bytes) => got.push([channel, bytes.length]));
  let nowUs = 0;
  // The first pings measure the paths.
  for (let i = 0; i < 4; i++, nowUs += 100) {
    give(b, transmit(a, nowUs), nowUs + 50);
    give(a, transmit(b, nowUs + 50), nowUs + 100);
  }
  return { a, b, got, open, nowUs };
}

Deno.test("small messages of one turn share a packet", () => {
  const { a, b, got, nowUs } = pair(1);
  for (let i = 0; i < 10; i++) a.send(0, new Uint8Array(100));
  const packets = transmit(a, nowUs);
  assert.equal(packets.length, 1);
  give(b, packets, nowUs);
  assert.equal(got.length, 10);
});

Deno.test("urgent data is acknowledged at once, bulk within the delay, and an answer carries it", () => {
  const { a, b, nowUs } = pair(1);
  a.send(1, new Uint8Array(10));
  give(b, transmit(a, nowUs), nowUs);
  assert.equal(b.deadlineUs, nowUs + ACK_DELAY_US);
  assert.deepEqual(transmit(b, nowUs), []);
  assert.equal(transmit(b, nowUs + ACK_DELAY_US)[0]!.payload[0], ACK);
  a.send(0, new Uint8Array(10));
  give(b, transmit(a, nowUs), nowUs);
  b.send(0, new Uint8Array(10));
  assert.equal(transmit(b, nowUs).length, 1);
});

Deno.test("urgent data leaves before bulk that waits", () => {
  const { a, b, got, nowUs } = pair(1);
  a.send(1, new Uint8Array(LOW_WATER));
  const first = transmit(a, nowUs);
  assert.equal(a.more, true);
  a.send(0, new Uint8Array(7));
  give(b, [...first, ...transmit(a, nowUs)], nowUs);
  assert.deepEqual(got, [[0, 7]]);
});

Deno.test("what was on a path that is cut arrives by the other one within milliseconds", () => {
  const { a, b, got, nowUs } = pair(2);
  a.send(0, new Uint8Array(10));
  const [lost] = transmit(a, nowUs);
  let now = nowUs;
  for (let i = 0; got.length === 0; i++) {
    assert.ok(i < 5, "no probe");
    now = a.deadlineUs;
    a.onTimer(now);
    give(b, transmit(a, now).filter(({ path }) => path !== lost!.path), now);
  }
  assert.ok(now - nowUs < 10_000, `after ${now - nowUs} µs`);
});

Deno.test("a path that does not answer carries nothing but pings, until it answers", () => {
  const { a, b, nowUs } = pair(2);
  let now = nowUs, cut = true;
  const turn = () => {
    a.send(0, new Uint8Array(10));
    const packets = transmit(a, now).filter(({ path }) => !(cut && path === 0));
    give(b, packets, now);
    const answers = transmit(b, now).filter(({ path }) => !(cut && path === 0));
    give(a, answers, now);
    now += 1000;
    a.onTimer(now);
    b.onTimer(now);
  };
  for (let i = 0; i < 1000; i++) turn();
  assert.equal(a.sent[0]!.quiet, true);
  const before = a.sent[0]!.packets;
  for (let i = 0; i < 1000; i++) turn();
  assert.ok(a.sent[0]!.packets - before <= 2 * 1_000_000 / PING_US);
  cut = false;
  for (let i = 0; i < 300; i++) turn();
  assert.equal(a.sent[0]!.quiet, false);
});

Deno.test("the last small urgent packet leaves by two paths while the first of them loses packets", () => {
  const { a, b, got, nowUs } = pair(2);
  a.send(0, new Uint8Array(10));
  assert.equal(transmit(a, nowUs).length, 1);
  // Three later packets tell that it was lost.
  let now = nowUs;
  for (let i = 0; i < 3; i++, now += 100) {
    a.send(0, new Uint8Array(10));
    give(b, transmit(a, now), now);
  }
  give(a, transmit(b, now), now);
  const packets = transmit(a, now);
  assert.deepEqual(packets.map(({ path }) => path).sort(), [0, 1]);
  give(b, packets, now);
  assert.equal(got.length, 4);
});

Deno.test("no bytes at all make it throw, and every sender of nonsense is told apart from a careless one", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: PAYLOAD_MAX }),
    fc.array(fc.constantFrom(0, 1, 2, 3, 0x10, 0x11, 0x20, 0x21, 255), { maxLength: 60 }).map((it) =>
      Uint8Array.from(it)
    ),
  );
  fc.assert(fc.property(fc.array(bytes, { maxLength: 20 }), (payloads) => {
    const { b, nowUs } = pair(2);
    for (const [i, payload] of payloads.entries()) {
      const acceptance = b.accept(0, 1000 + i, payload, payload.length, nowUs);
      if (acceptance === "violation" || acceptance === "closed") return;
    }
    transmit(b, nowUs);
  }));
});

Deno.test("an acknowledgement of what was never sent is a violation", () => {
  const { a, nowUs } = pair(1);
  const forged = new Uint8Array(17);
  forged.set([ACK, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xff, 0xff]);
  assert.equal(a.accept(0, 1000, forged, forged.length, nowUs), "violation");
  assert.equal(a.accept(0, 1001, Uint8Array.of(PING, 0x7f), 2, nowUs), "malformed");
});
