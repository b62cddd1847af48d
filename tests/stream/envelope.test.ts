/** Sealed packets and signed hellos against another implementation, and against every bit that may be wrong. */
import assert from "node:assert/strict";
import { createDecipheriv } from "node:crypto";
import fc from "fast-check";
import { HEADER_BYTES, PAYLOAD_MAX, TAG_BYTES } from "../../control/core/stream/limits.ts";
import { type Header, readHeader, readHello, Sealer, writeHello } from "../../control/stream/envelope.ts";
import { derivePacketKeys, preparePairKeys } from "../../control/stream/keys.ts";
import "./ends.ts";

const SESSIONS = ["11".repeat(16), "22".repeat(16)] as const;
const [pairKey] = preparePairKeys([new Uint8Array(32).fill(9)], "test");
const ofA = derivePacketKeys(pairKey!, 0, SESSIONS), ofB = derivePacketKeys(pairKey!, 1, SESSIONS);
const header = (): Header => ({ kind: 0, path: 0, keyId: 0, tag: 0, number: 0 });

function sealed(payload: Uint8Array, path = 3, number = 2 ** 40 + 5) {
  const sealer = new Sealer(0);
  const length = sealer.seal(path, 77, number, ofA, Uint8Array.from(payload), payload.length);
  return sealer.datagram.slice(0, length);
}

Deno.test("node:crypto opens what is sealed: ChaCha20-Poly1305 of RFC 8439, path and number as nonce", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: PAYLOAD_MAX }), (payload) => {
      const bytes = sealed(payload);
      const nonce = Uint8Array.of(0, 0, 0, 3, 0, 0, 1, 0, 0, 0, 0, 5);
      const cipher = createDecipheriv("chacha20-poly1305", ofB.receive, nonce, { authTagLength: TAG_BYTES });
      cipher.setAAD(bytes.subarray(0, HEADER_BYTES), { plaintextLength: payload.length });
      cipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      const opened = cipher.update(bytes.subarray(HEADER_BYTES, -TAG_BYTES));
      cipher.final();
      assert.deepEqual([...opened], [...payload]);
    }),
    { numRuns: 50 },
  );
});

Deno.test("the other node opens a packet; no other direction, session or key does, and no changed bit", () => {
  const payload = Uint8Array.from({ length: 60 }, (_, i) => i);
  const bytes = sealed(payload), into = header(), sealer = new Sealer(1);
  assert.equal(readHeader(bytes, bytes.length, 1, into), null);
  assert.deepEqual([into.path, into.tag, into.number], [3, 77, 2 ** 40 + 5]);
  assert.equal(sealer.open(bytes, bytes.length, into, ofB), 60);
  assert.deepEqual(sealer.payload.slice(0, 60), payload);
  const strangers = [
    ofA,
    derivePacketKeys(pairKey!, 1, ["33".repeat(16), SESSIONS[1]]),
    derivePacketKeys(preparePairKeys([new Uint8Array(32)], "test")[0]!, 1, SESSIONS),
  ];
  for (const keys of strangers) assert.equal(sealer.open(bytes, bytes.length, into, keys), -1);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    const refused = readHeader(changed, changed.length, 1, into) !== null ||
      sealer.open(changed, changed.length, into, ofB) < 0;
    assert.ok(refused, `bit ${bit}`);
  }
});

Deno.test("a hello is read as it was written, and not with a changed bit", () => {
  const hello = { session: "ab".repeat(16), echo: "cd".repeat(16), unmet: true };
  const out = new Uint8Array(200);
  const length = writeHello(out, { self: 0, path: 1, pairId: 5, key: pairKey! }, hello);
  assert.deepEqual(readHello(out, length, pairKey!), hello);
  for (let bit = 0; bit < length * 8; bit++) {
    const changed = out.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(readHello(changed, length, pairKey!), "badTag", `bit ${bit}`);
  }
});

Deno.test("no bytes at all make the reader throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 1500 }), (bytes) => {
    const into = header(), copy = Uint8Array.from(bytes);
    copy[0] = 0x53;
    if (readHeader(copy, copy.length, 1, into) !== null) return;
    assert.ok(typeof readHello(copy, copy.length, pairKey!) === "string");
    assert.equal(new Sealer(1).open(copy, copy.length, into, ofB), -1);
  }));
});
