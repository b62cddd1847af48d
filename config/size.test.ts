import assert from "node:assert/strict";
import fc from "fast-check";
import { formatSize, parseSize } from "./size.ts";

Deno.test("sizes have a unit in powers of 1024", () => {
  assert.equal(parseSize("64KiB"), 65_536);
  assert.equal(parseSize(" 1 GiB "), 1_073_741_824);
  assert.equal(parseSize("7B"), 7);
  for (const wrong of ["", "64", "64KB", "1.5GiB", "-1B", "GiB", "999999999999GiB", "1".repeat(16) + "B"]) {
    assert.equal(typeof parseSize(wrong), "string", wrong);
  }
});

Deno.test("what is written is read back", () => {
  fc.assert(fc.property(fc.nat({ max: 2 ** 40 }), (bytes) => assert.equal(parseSize(formatSize(bytes)), bytes)));
});
