import assert from "node:assert/strict";
import { findLibrary } from "./library.ts";

Deno.test("a library is found by its own file, by its folder, or by the system", () => {
  const files = "libmnl.so.0=/proc/self/fd/7:libnfnetlink.so.0=/proc/self/fd/8";
  assert.equal(findLibrary("libmnl.so.0", { folder: undefined, files }), "/proc/self/fd/7");
  assert.equal(findLibrary("libnfnetlink.so.0", { folder: "/x", files }), "/proc/self/fd/8");
  assert.equal(findLibrary("libc.so.6", { folder: "/x", files }), "/x/libc.so.6");
  assert.equal(findLibrary("libc.so.6", { folder: "", files: undefined }), "libc.so.6");
});
