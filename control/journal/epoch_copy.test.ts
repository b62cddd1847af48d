import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeEpochMarks, encodeEpochMarks } from "./epoch_copy.ts";

const plain = { noNullPrototype: true };
const marks = fc.record({
  groups: fc.array(fc.tuple(
    fc.string({ unit: "binary" }),
    fc.record({ reservedUpTo: fc.integer({ min: 0, max: 0xffff_ffff }), unproven: fc.boolean() }, plain),
  )).map((pairs) => new Map(pairs)),
  othersUnproven: fc.boolean(),
}, plain);

Deno.test("what is written is read again", () =>
  fc.assert(fc.property(marks, (given) => {
    assert.deepEqual(decodeEpochMarks(encodeEpochMarks(given)), given);
  })));

Deno.test("the file is text that people can read", () => {
  const groups = new Map([["web", { reservedUpTo: 3000, unproven: false }], ["db", {
    reservedUpTo: 1000,
    unproven: true,
  }]]);
  assert.match(
    encodeEpochMarks({ groups, othersUnproven: false }),
    /^segue epochs 1\n3000 proven "web"\n1000 unproven "db"\nothers proven\ncrc32 [0-9a-f]{8}\n$/,
  );
});

Deno.test("a file with one changed character, or a piece of one, says nothing", () =>
  fc.assert(fc.property(marks, fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (given, at, character) => {
    const text = encodeEpochMarks(given);
    const place = at % text.length;
    const changed = text.slice(0, place) + character + text.slice(place + 1);
    if (changed !== text) assert.equal(decodeEpochMarks(changed), null);
    assert.equal(decodeEpochMarks(text.slice(0, place)), null);
  })));

Deno.test("anything else says nothing", () =>
  fc.assert(fc.property(fc.string(), (text) => decodeEpochMarks(text) === null)));

Deno.test("a name with any line separator comes back", () => {
  const given = {
    groups: new Map([["a\u2028b\nc\u0085", { reservedUpTo: 1, unproven: false }]]),
    othersUnproven: false,
  };
  assert.deepEqual(decodeEpochMarks(encodeEpochMarks(given)), given);
});
