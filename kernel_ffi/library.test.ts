import assert from "node:assert/strict";
import { libraryPath } from "./library.ts";

Deno.test("a library is taken from the folder that is named, else left to the system's search", () => {
  assert.equal(libraryPath("libmnl.so.0", "/opt/segue"), "/opt/segue/libmnl.so.0");
  assert.equal(libraryPath("libmnl.so.0", ""), "libmnl.so.0");
});
