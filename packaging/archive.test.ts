import assert from "node:assert/strict";
import fc from "fast-check";
import { decodeArchive, encodeArchive, TRAILER_LENGTH } from "./archive.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

Deno.test("launcher, manifest, payload and trailer lie one after another", () => {
  const archive = encodeArchive(bytes("LAUNCHER"), [
    { name: "app.js", mode: 0o644, size: 10, frame: bytes("one") },
    { name: "segue", mode: 0o755, size: 2000, frame: bytes("two!") },
  ]);
  const text = new TextDecoder().decode(archive.subarray(0, archive.length - TRAILER_LENGTH));
  assert.equal(text, "LAUNCHER644 10 app.js\n755 2000 segue\nonetwo!");
  const view = new DataView(archive.buffer, archive.length - TRAILER_LENGTH);
  assert.deepEqual([8, 16, 24, 32].map((at) => Number(view.getBigUint64(at, true))), [8, 29, 7, 2010]);
});

Deno.test("what was packed is read back", () => {
  const file = fc.record({
    name: fc.stringMatching(/^[a-z][a-z.0-9-]{0,20}$/),
    mode: fc.constantFrom(0o644, 0o755),
    size: fc.nat(),
    frame: fc.uint8Array({ maxLength: 50 }),
  });
  fc.assert(fc.property(fc.uint8Array(), fc.array(file, { maxLength: 8 }), (launcher, files) => {
    const info = decodeArchive(encodeArchive(launcher, files));
    assert.deepEqual(info?.files, files.map(({ name, mode, size }) => ({ name, mode, size })));
    assert.equal(info.manifestOffset, launcher.length);
    assert.match(info.id, /^[0-9a-f]{32}$/);
  }));
});

Deno.test("the id follows the content", () => {
  const id = (frame: string) =>
    decodeArchive(encodeArchive(bytes("x"), [{ name: "a", mode: 0o644, size: 1, frame: bytes(frame) }]))?.id;
  assert.notEqual(id("one"), id("two"));
  assert.equal(id("one"), id("one"));
});

Deno.test("names that would leave the folder are refused", () => {
  for (const name of ["../x", "a/b", "", ".hidden", "a b", "x".repeat(64)]) {
    assert.throws(
      () => encodeArchive(bytes(""), [{ name, mode: 0, size: 0, frame: bytes("") }]),
      /not a plain file name/,
    );
  }
});

Deno.test("other files are no archives", () => {
  assert.equal(decodeArchive(bytes("short")), null);
  assert.equal(decodeArchive(new Uint8Array(500)), null);
});
