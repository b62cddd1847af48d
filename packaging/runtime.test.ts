import assert from "node:assert/strict";
import { chooseWay, findDenort, parsePin } from "./runtime.ts";

Deno.test("the pin is read as the shell reads it", () => {
  const text = "# a comment\nDENO_VERSION=1.2.3\nDENO_PACKAGE_x86_64=@a/b\nDENO_INTEGRITY_x86_64=sha512-q+/==\n";
  assert.deepEqual(parsePin(text), { version: "1.2.3", packages: { x86_64: "@a/b" } });
  assert.throws(() => parsePin("DENO=1"), /DENO_VERSION is missing/);
});

Deno.test("deno compile where its base is at hand, else the launcher", () => {
  assert.equal(chooseWay(undefined, "/denort"), "compile");
  assert.equal(chooseWay("", null), "launcher");
});

Deno.test("SEGUE_BUILD_WITH decides", () => {
  assert.equal(chooseWay("launcher", "/denort"), "launcher");
  assert.equal(chooseWay("compile", null), "compile");
  assert.throws(() => chooseWay("magic", null), /SEGUE_BUILD_WITH=magic: unknown, use compile or launcher/);
});

Deno.test("denort is looked for in DENORT_BIN, then in the cache of the pinned version", () => {
  const target = "x86_64-unknown-linux-gnu";
  const cached = `dl/release/v1.2.3/denort-${target}.zip`;
  const find = (env: Record<string, string>, ...there: string[]) =>
    findDenort("1.2.3", (name) => env[name], (path) => there.includes(path), target);
  assert.equal(find({ DENORT_BIN: "/d" }, "/d"), "/d");
  assert.equal(
    find({ DENORT_BIN: "/d", DENO_DIR: "/c" }, `/c/${cached}`),
    null,
    "what is asked for and missing is not replaced",
  );
  assert.equal(find({ DENO_DIR: "/c", HOME: "/h" }, `/c/${cached}`), `/c/${cached}`);
  assert.equal(find({ XDG_CACHE_HOME: "/x", HOME: "/h" }, `/x/deno/${cached}`), `/x/deno/${cached}`);
  assert.equal(find({ HOME: "/h" }, `/h/.cache/deno/${cached}`), `/h/.cache/deno/${cached}`);
  assert.equal(find({ HOME: "/h" }), null);
  assert.equal(find({}), null);
});
