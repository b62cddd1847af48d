import assert from "node:assert/strict";
import { encodeSockaddrUn } from "./systemd.ts";

Deno.test("a path ends with a zero, an abstract name begins with one", () => {
  assert.deepEqual(encodeSockaddrUn("/run/n"), Uint8Array.of(1, 0, 0x2f, 0x72, 0x75, 0x6e, 0x2f, 0x6e, 0));
  assert.deepEqual(encodeSockaddrUn("@n"), Uint8Array.of(1, 0, 0, 0x6e));
});

Deno.test("a name that does not fit is refused", () => {
  assert.equal(encodeSockaddrUn("/".repeat(107)).length, 110);
  assert.throws(() => encodeSockaddrUn("/".repeat(108)), RangeError);
  assert.equal(encodeSockaddrUn("@".repeat(108)).length, 110);
});
