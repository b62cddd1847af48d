import assert from "node:assert/strict";
import { withoutImport } from "./parts.ts";

Deno.test("the one import of a package gives way to an empty object", () => {
  const bundle = 'var a={};import b$ from"dev-tools";b$.run();';
  assert.equal(withoutImport(bundle, "dev-tools"), "var a={};var b$={};b$.run();");
  assert.throws(() => withoutImport("var a={};", "dev-tools"), /0 imports of dev-tools/);
  assert.throws(() => withoutImport(bundle + bundle, "dev-tools"), /2 imports/);
});
