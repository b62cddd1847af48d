import assert from "node:assert/strict";
import fc from "fast-check";
import { type CopyMessage, decodeCopyMessage, encodeCopyMessage } from "./messages.ts";

const lsn = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const sync = fc.nat({ max: 0xffff_ffff });
const group = fc.nat({ max: 255 });
const reigns = fc.uniqueArray(fc.integer({ min: 1, max: 1e6 }), { maxLength: 8 }).map((all) =>
  all.toSorted((a, b) => a - b).map((epoch, i) => ({ epoch, firstLsn: i + 1 }))
);

const message: fc.Arbitrary<CopyMessage> = fc.oneof(
  fc.record({
    kind: fc.constant("state" as const),
    group,
    serving: fc.boolean(),
    lsn,
    floor: lsn,
    copying: fc.boolean(),
    reigns,
  }),
  fc.record({
    kind: fc.constant("sync" as const),
    group,
    sync,
    common: lsn,
    whole: fc.boolean(),
    upTo: lsn,
    floor: lsn,
    reigns,
  }),
  fc.record({ kind: fc.constant("ready" as const), group, sync, keys: fc.array(fc.string({ unit: "grapheme" })) }),
  fc.record({
    kind: fc.constant("rows" as const),
    group,
    sync,
    live: fc.boolean(),
    urgent: fc.boolean(),
    more: fc.boolean(),
    first: fc.nat(1000),
    last: fc.integer({ min: 1000, max: 2000 }),
    rows: fc.uint8Array({ minLength: 1, maxLength: 100 }),
  }),
  fc.record({ kind: fc.constant("done" as const), group, sync, lsn }),
  fc.record({ kind: fc.constant("ack" as const), group, sync, received: lsn, durable: lsn }),
  fc.record({
    kind: fc.constant("reign" as const),
    group,
    sync,
    reign: fc.record({ epoch: fc.integer({ min: 1, max: 1e6 }), firstLsn: fc.integer({ min: 1, max: 1e6 }) }),
  }),
  fc.record({ kind: fc.constant("sealed" as const), group, switchId: sync, lsn }),
);

Deno.test("what is said is heard", () => {
  fc.assert(
    fc.property(message, (said) => assert.deepEqual(decodeCopyMessage(encodeCopyMessage(said)), structuredClone(said))),
  );
});

Deno.test("noise, and messages with a byte that is wrong or missing, are read to null or to a message, never to an error", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => void decodeCopyMessage(bytes)));
  fc.assert(fc.property(message, fc.nat(), fc.nat(255), (said, at, byte) => {
    const bytes = encodeCopyMessage(said);
    decodeCopyMessage(bytes.subarray(0, at % bytes.length));
    bytes[at % bytes.length] = byte;
    decodeCopyMessage(bytes);
  }));
});

Deno.test("reigns that do not grow, numbers that are none, and foreign fields are refused", () => {
  const said = { kind: "state", serving: true, lsn: 5, floor: 0, copying: false, reigns: [] };
  const encode = (body: unknown) => {
    const text = new TextEncoder().encode(JSON.stringify(body));
    return Uint8Array.of(0, 3, ...text);
  };
  assert.ok(decodeCopyMessage(encode(said)) !== null);
  for (
    const wrong of [
      { lsn: -1 },
      { lsn: 1.5 },
      { lsn: "5" },
      { reigns: null },
      { reigns: [{ epoch: 2, firstLsn: 1 }, { epoch: 2, firstLsn: 3 }] },
      { reigns: [{ epoch: 2, firstLsn: 4 }, { epoch: 3, firstLsn: 3 }] },
      { reigns: [{ epoch: 2 }] },
    ]
  ) assert.equal(decodeCopyMessage(encode({ ...said, ...wrong })), null, JSON.stringify(wrong));
  assert.equal(decodeCopyMessage(encode([])), null);
  assert.equal(decodeCopyMessage(new Uint8Array(0)), null);
});
