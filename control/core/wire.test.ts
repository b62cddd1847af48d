import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { createHmac } from "node:crypto";
import fc from "fast-check";
import { emptyHeartbeat, GROUPS_MAX, type Heartbeat, KEYS_MAX, LINKS_MAX, MACS_MAX, PHASES } from "./heartbeat.ts";
import { PairKeys } from "./pair_keys.ts";
import { ROLES } from "./vocabulary.ts";
import { DATAGRAM_MAX, decodeHeartbeat, encodeHeartbeat, prepareKey, TAG_BYTES, type WireReject } from "./wire.ts";

const SECRET = Uint8Array.from({ length: 32 }, (_, i) => i);
const KEY = prepareKey(SECRET, "edge");
const SENDER = 0;
const RECEIVER = 1;

/** A heartbeat in which no field has the value of another, or none. */
function fullHeartbeat(): Heartbeat {
  const beat = emptyHeartbeat();
  beat.node = SENDER;
  beat.stopping = true;
  beat.answerNow = true;
  beat.session = 0x1234_5678_9abc;
  beat.echoSession = 0x2_0000_0001;
  beat.seq = 0x5_0102_0304;
  beat.sentUs = 1_500_000.5;
  beat.digest.set([1, 2, 3, 4, 5, 6, 7, 8]);
  beat.linkCount = 2;
  beat.links[0] = { seq: 0xa1, delayUs: 0xb1 };
  beat.links[1] = { seq: 0xffff_ffff, delayUs: 12 };
  beat.macCount = 1;
  beat.macs.set([0x02, 0, 0, 0, 0x11, 0x22]);
  beat.groupCount = 2;
  beat.groups[0] = {
    role: "primary",
    phase: "settling",
    able: true,
    traffic: true,
    epoch: 7,
    switchId: 0xdead_beef,
    fallback: false,
    seen: 0,
    links: 3,
  };
  beat.groups[1] = {
    role: "fenced",
    phase: "refuse",
    able: false,
    traffic: false,
    epoch: 0xffff_fffe,
    switchId: 9,
    fallback: false,
    seen: 0,
    links: 0x8000,
  };
  beat.software = "0.1.24";
  beat.keyId = KEY.keyId;
  beat.keyCount = 2;
  beat.keys.set([KEY.keyId, 0xa1b2_c3d4]);
  beat.sparing = 0x8102;
  return beat;
}

function encode(beat: Heartbeat): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(DATAGRAM_MAX);
  return out.slice(0, encodeHeartbeat(beat, KEY, out));
}

function decode(bytes: Uint8Array, key = KEY, self = RECEIVER): WireReject | Heartbeat {
  const into = emptyHeartbeat();
  return decodeHeartbeat(bytes, bytes.length, new PairKeys([key]), self, into) ?? into;
}

/** What a sender with the key would send, had it these bytes before the tag. */
function signed(body: Uint8Array): Uint8Array {
  const tag = createHmac("sha256", SECRET).update(body).digest().subarray(0, TAG_BYTES);
  return new Uint8Array([...body, ...tag]);
}

function bodyOf(beat: Heartbeat): Uint8Array<ArrayBuffer> {
  return encode(beat).slice(0, -TAG_BYTES);
}

function patched(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const copy = bytes.slice();
  copy.set(values, at);
  return copy;
}

Deno.test("a full heartbeat is these bytes", () => {
  const body = [
    "53454755 01 01 00 03", // magic, version, lowest version, node, stopping + answer now
    "48b28a22 16924060", // key id, pair id: the first bytes of sha256("segue pair edge")
    "42b23456789abc00", // session 0x123456789abc
    "4200000000080000", // echo 0x200000001 = 2^33 + 1
    "421404080c100000 4136e36080000000", // sequence 0x501020304; 1,500,000.5 µs
    "0102030405060708", // digest
    "02 01 02 00", // links, MACs, groups
    "000000a1 000000b1 ffffffff 0000000c", // links
    "020000001122", // MAC
    "04 04 03 00 00000007 deadbeef 0003 0000", // primary, settling, able and with traffic
    "06 0c 00 00 fffffffe 00000009 8000 0000", // fenced, refuse
    "01 06 302e312e3234", // software version
    "02 02 8102", // spared links
    "03 08 48b28a22 a1b2c3d4", // keys that are accepted
  ].join("").replaceAll(" ", "");
  const bytes = encode(fullHeartbeat());
  assert.equal(Buffer.from(bytes.subarray(0, -TAG_BYTES)).toString("hex"), body);
  assert.deepEqual(bytes, signed(Buffer.from(body, "hex")), "the tag is that of node:crypto");
  assert.equal(KEY.keyId, createHmac("sha256", SECRET).update("segue key id").digest().readUInt32BE(0));
  assert.deepEqual(decode(bytes), fullHeartbeat());
});

const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const anyHeartbeat: fc.Arbitrary<Heartbeat> = fc.record({
  node: fc.constantFrom(SENDER, 2, 255),
  stopping: fc.boolean(),
  answerNow: fc.boolean(),
  session: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  echoSession: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  seq: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  sentUs: fc.double({ min: 0, max: 1e15, noNaN: true }),
  digest: fc.uint8Array({ minLength: 8, maxLength: 8 }),
  links: fc.array(fc.record({ seq: u32, delayUs: u32 }), { maxLength: LINKS_MAX }),
  macs: fc.array(fc.uint8Array({ minLength: 6, maxLength: 6 }), { maxLength: MACS_MAX }),
  groups: fc.array(
    fc.record({
      role: fc.constantFrom(...ROLES),
      phase: fc.constantFrom(...PHASES),
      able: fc.boolean(),
      traffic: fc.boolean(),
      epoch: u32,
      switchId: u32,
      fallback: fc.boolean(),
      seen: fc.integer({ min: 0, max: 0xffff }),
      links: fc.integer({ min: 0, max: 0xffff }),
    }),
    { maxLength: GROUPS_MAX },
  ),
  software: fc.string({ unit: fc.constantFrom(..."0123456789.-abcxyz~ "), maxLength: 32 }),
  keys: fc.array(u32, { maxLength: KEYS_MAX }),
}).map(({ digest, links, macs, groups, keys, ...plain }) => {
  const beat: Heartbeat = Object.assign(emptyHeartbeat(), plain, { keyId: KEY.keyId, keyCount: keys.length });
  beat.keys.set(keys);
  beat.digest.set(digest);
  beat.linkCount = links.length;
  links.forEach((link, i) => (beat.links[i] = { ...link }));
  beat.macCount = macs.length;
  macs.forEach((mac, i) => beat.macs.set(mac, 6 * i));
  beat.groupCount = groups.length;
  groups.forEach((group, i) => (beat.groups[i] = { ...group }));
  return beat;
});

Deno.test("what is encoded comes back, every field of it", () => {
  fc.assert(fc.property(anyHeartbeat, (beat) => assert.deepEqual(decode(encode(beat)), beat)), { numRuns: 300 });
});

Deno.test("a decoded heartbeat that is used again keeps nothing of the one before", () => {
  const into = emptyHeartbeat(), before = encode(fullHeartbeat());
  const small = emptyHeartbeat();
  Object.assign(small, { session: 5, software: "2" });
  const after = encode(small);
  assert.equal(decodeHeartbeat(before, before.length, new PairKeys([KEY]), RECEIVER, into), null);
  assert.equal(decodeHeartbeat(after, after.length, new PairKeys([KEY]), RECEIVER, into), null);
  assert.deepEqual(
    [into.linkCount, into.macCount, into.groupCount, into.keyCount, into.software, into.stopping, into.answerNow],
    [0, 0, 0, 0, "2", false, false],
  );
  assert.equal(into.seq, 0);
  assert.deepEqual(encode(into), after);
});

Deno.test("a heartbeat that is not read says why", () => {
  const good = encode(fullHeartbeat()), body = bodyOf(fullHeartbeat());
  const nan = [0x7f, 0xf8, 0, 0, 0, 0, 0, 0];
  const cases: readonly [string, Uint8Array, WireReject][] = [
    ["nothing", new Uint8Array(0), "tooShort"],
    ["no room for a tag", good.subarray(0, 75), "tooShort"],
    ["more than a datagram", new Uint8Array(DATAGRAM_MAX + 1), "tooLong"],
    ["another protocol", patched(good, 0, 0x54), "notSegue"],
    ["a sender that writes for newer readers only", signed(patched(body, 4, 9, 2)), "versionTooNew"],
    ["a version that never was", signed(patched(body, 4, 0, 0)), "versionTooNew"],
    ["another pair", patched(good, 12, 1), "otherPair"],
    ["another key id", patched(good, 8, 1), "otherKey"],
    ["a changed epoch", patched(good, 100, 1), "badTag"],
    ["an own datagram", signed(patched(body, 6, RECEIVER)), "ownNode"],
    ["17 links", signed(patched(body, 56, LINKS_MAX + 1)), "malformed"],
    ["17 MACs", signed(patched(body, 57, MACS_MAX + 1)), "malformed"],
    ["17 groups", signed(patched(body, 58, GROUPS_MAX + 1)), "malformed"],
    ["more links than there is room for", signed(patched(body, 56, LINKS_MAX)), "malformed"],
    ["no session", signed(patched(body, 16, ...new Array<number>(8).fill(0))), "malformed"],
    ["a session that is no number", signed(patched(body, 16, ...nan)), "malformed"],
    ["half a sequence", signed(patched(body, 32, 0x3f, 0xe0, 0, 0, 0, 0, 0, 0)), "malformed"],
    ["a sequence below zero", signed(patched(body, 32, 0xc0)), "malformed"],
    ["a time that is no number", signed(patched(body, 40, ...nan)), "malformed"],
    ["a role nobody knows", signed(patched(body, 82, ROLES.length)), "malformed"],
    ["a phase nobody knows", signed(patched(body, 83, PHASES.length)), "malformed"],
    ["a tail that ends within a value", signed(body.subarray(0, -1)), "malformed"],
    ["a tail that ends within its head", signed(new Uint8Array([...body, 7])), "malformed"],
  ];
  for (const [name, bytes, reason] of cases) assert.equal(decode(bytes), reason, name);
  assert.equal(decode(good, prepareKey(SECRET, "other")), "otherPair");
  assert.equal(decode(good, prepareKey(SECRET.map((byte) => byte ^ 1), "edge")), "otherKey");
});

Deno.test("a key is 32 bytes", () => {
  assert.throws(() => prepareKey(new Uint8Array(31), "edge"), RangeError);
});

Deno.test("no single bit can be flipped, none be cut off, none be added", () => {
  const good = encode(fullHeartbeat());
  for (let bit = 0; bit < good.length * 8; bit++) {
    const flipped = patched(good, bit >> 3, good[bit >> 3]! ^ (1 << (bit & 7)));
    assert.equal(typeof decode(flipped), "string", `bit ${bit}`);
  }
  for (let length = 0; length < good.length; length++) {
    assert.equal(typeof decode(good.subarray(0, length)), "string", `cut to ${length}`);
  }
  assert.equal(decode(new Uint8Array([...good, 0])), "badTag");
});

Deno.test("a newer version that still reads ours is read, with types that nobody here knows", () => {
  const body = patched(bodyOf(fullHeartbeat()), 4, 2, 1);
  assert.deepEqual(decode(signed(body)), fullHeartbeat());
  assert.deepEqual(decode(signed(new Uint8Array([...body, 200, 3, 1, 2, 3, 201, 0]))), fullHeartbeat());
});

Deno.test("a software version that no terminal should see is made harmless", () => {
  const plain = emptyHeartbeat();
  plain.session = 1;
  const body = bodyOf(plain).slice(0, -2); // without the empty software version
  const read = decode(signed(new Uint8Array([...body, 1, 5, 0x1b, 0x5b, 0x41, 0xff, 0])));
  assert.equal(typeof read === "string" ? read : read.software, "?[A??");
});

Deno.test("the fullest heartbeat fits into a datagram", () => {
  const beat = emptyHeartbeat();
  Object.assign(beat, {
    session: 1,
    linkCount: LINKS_MAX,
    macCount: MACS_MAX,
    groupCount: GROUPS_MAX,
    keyCount: KEYS_MAX,
  });
  beat.software = "x".repeat(40);
  const bytes = encode(beat);
  assert.ok(bytes.length <= DATAGRAM_MAX);
  const read = decode(bytes);
  assert.equal(typeof read === "string" ? read : read.software, "x".repeat(32));
});

Deno.test("a version that says more keys than this one can use, or an odd length, is read", () => {
  const plain = emptyHeartbeat();
  plain.session = 1;
  const ids = (...bytes: number[]) => {
    const read = decode(signed(new Uint8Array([...bodyOf(plain), 3, bytes.length, ...bytes])));
    return typeof read === "string" ? read : [...read.keys.subarray(0, read.keyCount)];
  };
  assert.deepEqual(ids(0, 0, 0, 9, 0, 0, 0, 8, 0, 0, 0, 7), [9, 8]);
  assert.deepEqual(ids(0, 0, 0, 9, 0, 0), [9]);
  assert.deepEqual(ids(), []);
});

Deno.test("garbage is refused and throws nothing, signed garbage too", () => {
  const garbage = fc.uint8Array({ maxLength: DATAGRAM_MAX + 20 });
  fc.assert(fc.property(garbage, (bytes) => typeof decode(bytes) === "string"), { numRuns: 300 });
  const head = bodyOf(fullHeartbeat()).subarray(0, 16);
  const insider = fc.uint8Array({ minLength: 44, maxLength: 600 }).map((rest) =>
    signed(new Uint8Array([...head, ...rest]))
  );
  fc.assert(
    fc.property(insider, (bytes) => {
      const read = decode(bytes);
      return read === "malformed" || typeof read !== "string";
    }),
    { numRuns: 300 },
  );
});
