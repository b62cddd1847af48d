import assert from "node:assert/strict";
import { Digests } from "./digests.ts";

const packet = (...bytes: number[]) => new Uint8Array(bytes);

Deno.test("a packet is found as often as it was added", () => {
  const seen = new Digests();
  seen.add(packet(1, 2, 3));
  seen.add(packet(1, 2, 3));
  assert.deepEqual([1, 2, 3].map(() => seen.remove(packet(1, 2, 3))), [true, true, false]);
});

Deno.test("packets that differ in one bit, in length or in order are not the same", () => {
  const seen = new Digests();
  seen.add(packet(1, 2, 3));
  for (const other of [packet(1, 2, 2), packet(1, 2), packet(1, 2, 3, 0), packet(3, 2, 1), packet()]) {
    assert.equal(seen.remove(other), false);
  }
});

Deno.test("a hundred thousand packets that differ in a counter have as many digests", () => {
  const seen = new Digests();
  const bytes = new Uint8Array(64), view = new DataView(bytes.buffer);
  for (let i = 0; i < 100_000; i += 2) {
    view.setUint32(40, i);
    seen.add(bytes);
  }
  for (let i = 1; i < 100_000; i += 2) {
    view.setUint32(40, i);
    assert.equal(seen.remove(bytes), false);
  }
});
