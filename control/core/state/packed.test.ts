import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeRows, encodeRows, PACKED_BYTES_MAX, PackedWriter } from "./packed.ts";
import { KEY_BYTES_MAX, type StateRow, VALUE_BYTES_MAX } from "./row.ts";

const ROWS: readonly StateRow[] = [
  { key: "a", lsn: 1, epoch: 2, value: Uint8Array.of(0xff, 0) },
  { key: "ä", lsn: 0x20_0000_0001, epoch: 0xffff_fffe, value: null },
  { key: "b", lsn: 3, epoch: 4, value: new Uint8Array(0) },
];

const GOLDEN = [
  "01000000 00000003", // version, rows
  "3ff0000000000000 00000002 00000002 0001 61 ff00", // lsn 1, epoch 2
  "4240000000008000 fffffffe ffffffff 0002 c3a4", // lsn 2^37 + 1, tombstone
  "4008000000000000 00000004 00000000 0001 62", // an empty value is not a tombstone
].join("").replaceAll(" ", "");

function fromHex(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

Deno.test("rows are these bytes", () => {
  const { bytes, next } = encodeRows(ROWS);
  assert.equal(Buffer.from(bytes).toString("hex"), GOLDEN);
  assert.equal(next, ROWS.length);
  assert.equal(bytes.buffer.byteLength, bytes.length, "it can be transferred");
  assert.deepEqual(decodeRows(bytes), ROWS);
});

const anyRow: fc.Arbitrary<StateRow> = fc.record({
  key: fc.oneof(
    fc.string({ minLength: 1, maxLength: 40, unit: "binary" }),
    fc.integer({ min: 1, max: KEY_BYTES_MAX }).map((length) => "x".repeat(length)),
  ).map((key) => key.toWellFormed()),
  lsn: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
  epoch: fc.integer({ min: 0, max: 0xffff_ffff }),
  value: fc.option(fc.uint8Array({ maxLength: 200 }), { nil: null }),
}, { noNullPrototype: true });

Deno.test("what is packed comes back, in pieces of any size", () => {
  fc.assert(
    fc.property(fc.array(anyRow, { maxLength: 40 }), fc.integer({ min: 1, max: 4000 }), (rows, max) => {
      const found: StateRow[] = [];
      for (let from = 0; from < rows.length;) {
        const { bytes, next } = encodeRows(rows, from, max);
        assert.ok(next > from);
        assert.ok(next === from + 1 || bytes.length <= max);
        found.push(...decodeRows(bytes)!);
        from = next;
      }
      assert.deepEqual(found, rows);
    }),
    { numRuns: 200 },
  );
});

Deno.test("no byte can be cut off or added, and what is changed never throws", () => {
  const good = fromHex(GOLDEN);
  for (let length = 0; length < good.length; length++) assert.equal(decodeRows(good.subarray(0, length)), null);
  assert.equal(decodeRows(new Uint8Array([...good, 0])), null);
  for (let bit = 0; bit < good.length * 8; bit++) {
    const flipped = good.slice();
    flipped[bit >> 3]! ^= 1 << (bit & 7);
    const rows = decodeRows(flipped);
    assert.notDeepEqual(rows, ROWS, `bit ${bit}`);
  }
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(40), (noise, count) => {
      decodeRows(noise);
      const head = new Uint8Array([1, 0, 0, 0, 0, 0, 0, count, ...noise]);
      const rows = decodeRows(head);
      assert.ok(rows === null || rows.length === count);
    }),
    { numRuns: 2000 },
  );
});

Deno.test("malformed is null", () => {
  const row = (over: string) => fromHex("0100000000000001" + over);
  const cases: readonly [string, Uint8Array][] = [
    ["nothing", new Uint8Array(0)],
    ["another version", fromHex(GOLDEN.replace(/^01/, "02"))],
    ["a head with something in its gap", fromHex(GOLDEN.replace(/^010000/, "010001"))],
    ["4 billion rows", fromHex("01000000ffffffff" + "00".repeat(40))],
    ["no key", row("3ff0000000000000 00000002 00000000 0000".replaceAll(" ", "") + "00")],
    ["LSN 0", row("0000000000000000 00000002 00000000 0001 61".replaceAll(" ", ""))],
    ["an LSN that is no number", row("7ff8000000000000 00000002 00000000 0001 61".replaceAll(" ", ""))],
    ["an LSN between two", row("3ff8000000000000 00000002 00000000 0001 61".replaceAll(" ", ""))],
    ["a key that is not UTF-8", row("3ff0000000000000 00000002 00000000 0001 ff".replaceAll(" ", ""))],
    ["a value that is not there", row("3ff0000000000000 00000002 00ffffff 0001 61".replaceAll(" ", ""))],
    ["more than a piece", new Uint8Array(PACKED_BYTES_MAX + 1)],
  ];
  for (const [name, bytes] of cases) assert.equal(decodeRows(bytes), null, name);
  const long = new PackedWriter();
  long.add(1, 1, new Uint8Array(KEY_BYTES_MAX + 1).fill(97), null);
  assert.equal(decodeRows(long.finish()), null, "a key that is too long");
});

Deno.test("the largest row is a piece of its own, whatever the limit", () => {
  const rows = [ROWS[0]!, { key: "k".repeat(KEY_BYTES_MAX), lsn: 9, epoch: 1, value: new Uint8Array(VALUE_BYTES_MAX) }];
  const first = encodeRows(rows), second = encodeRows(rows, first.next);
  assert.deepEqual([first.next, second.next, second.bytes.length], [1, 2, PACKED_BYTES_MAX]);
  assert.equal(decodeRows(second.bytes)!.length, 1);
});

Deno.test("a row that no table can have is not packed", () => {
  for (const change of [{ key: "" }, { key: "\udc00" }, { lsn: 0 }, { epoch: 1.5 }]) {
    assert.throws(() => encodeRows([{ ...ROWS[0]!, ...change }]), RangeError);
  }
});

Deno.test("a writer can be used again", () => {
  const writer = new PackedWriter(64);
  assert.equal(writer.add(1, 1, Uint8Array.of(97), null), true);
  assert.equal(writer.add(2, 1, new Uint8Array(60).fill(98), null), false);
  assert.equal(decodeRows(writer.finish())!.length, 1);
  assert.equal(writer.rows, 0);
  assert.deepEqual(decodeRows(writer.finish()), []);
});
