import assert from "node:assert/strict";
import { maskLiterals } from "./mask.ts";
import { findProblems, importsOf } from "./walls.ts";

function rulesBroken(path: string, text: string): string[] {
  return findProblems([{ path, text }]).map(({ line, rule }) => `${line} ${rule}`);
}

Deno.test("a clean file has no problem", () => {
  assert.deepEqual(rulesBroken("control/core/x.ts", 'import { a } from "./y.ts";\nexport const b = a;\n'), []);
});

Deno.test("kernel_ffi imports nothing of the other rooms", () => {
  const text = '// why\nimport { z } from "../config/model.ts";\nimport a from "node:path";\nexport * from "./b.ts";\n';
  assert.deepEqual(rulesBroken("kernel_ffi/nftables/x.ts", text), []);
  assert.deepEqual(rulesBroken("kernel_ffi/x.ts", text), ["2 kernel_ffi/ stands alone, but imports config/model.ts"]);
});

Deno.test("the core imports nothing but itself and the hash functions", () => {
  const text = [
    'import { hmac } from "@noble/hashes/hmac.js";',
    'import type { Role } from "./vocabulary.ts";',
    'import { z } from "zod";',
    'import {\n  run,\n} from "../switch/loop.ts";',
    'export { q } from "node:fs";',
    'await import("./../../config/load.ts");',
  ].join("\n");
  assert.deepEqual(rulesBroken("control/core/x.ts", text), [
    "3 control/core/ imports nothing outside itself, but zod",
    "6 control/core/ imports nothing outside itself, but control/switch/loop.ts",
    "7 control/core/ imports nothing outside itself, but node:fs",
    "8 control/core/ imports nothing outside itself, but config/load.ts",
  ]);
});

Deno.test("the core touches no system, clock, randomness or timer", () => {
  for (
    const use of ["Deno.pid", "Date.now()", "new Date()", "performance.now()", "Math.random()", "crypto.subtle"].concat(
      "setTimeout(f)",
      "globalThis.Deno",
    )
  ) {
    assert.equal(rulesBroken("control/core/x.ts", `export const a = ${use};\n`).length > 0, true, use);
    assert.deepEqual(rulesBroken("control/core/x.ts", `// ${use}\nexport const a = "${use}";\n`), [], use);
    assert.deepEqual(rulesBroken("control/daemon/x.ts", `export const a = ${use};\n`), [], use);
  }
});

Deno.test("code inside a template is code", () => {
  assert.equal(rulesBroken("control/core/x.ts", "export const a = `Deno.x ${Deno.pid} Deno.y`;\n").length, 1);
});

Deno.test("no library is opened at import", () => {
  assert.deepEqual(rulesBroken("kernel_ffi/x.ts", 'const lib = Deno.dlopen("libc.so.6", {});\n'), [
    "1 opens a library at import: open it on demand",
  ]);
  const onDemand = 'export function a() {\n  return Deno.dlopen("x", {});\n}\nconst b = () => Deno.dlopen("x", {});\n';
  assert.deepEqual(rulesBroken("kernel_ffi/x.ts", onDemand), []);
});

Deno.test("files are short, tests may be longer", () => {
  assert.deepEqual(rulesBroken("config/x.ts", "\n".repeat(360)), []);
  assert.deepEqual(rulesBroken("config/x.ts", "\n".repeat(361)), [
    "361 is 361 lines long, more than 360: two concepts?",
  ]);
  assert.deepEqual(rulesBroken("config/x.test.ts", "\n".repeat(600)), []);
  assert.equal(rulesBroken("tests/netns/x.ts", "\n".repeat(601)).length, 1);
});

Deno.test("no unfinished work, no registry hosts, in any file", () => {
  assert.equal(rulesBroken("README.md", `a\n${"TO"}${"DO"} later\n`).length, 1);
  assert.equal(rulesBroken("docs/x.md", `see ${["registry", "npmjs", "org"].join(".")}/x\n`).length, 1);
  assert.deepEqual(rulesBroken("README.md", "a mastodon\n"), []);
});

Deno.test("imports are found in every form, and not in comments", () => {
  const text =
    'import "./a.ts";\n/* import "./no.ts"; */\nimport type { B } from \'./b.ts\';\nconst c = import("./c.ts");';
  assert.deepEqual(importsOf(text).map(({ specifier }) => specifier), ["./a.ts", "./b.ts", "./c.ts"]);
});

Deno.test("masking keeps positions and knows regular expressions", () => {
  const text = 'const a = /["/]/; // "x"\nconst b = 4 / 2; const c = "y//z"; `p${q("r")}s`';
  const masked = maskLiterals(text, "comments and strings");
  assert.equal(masked.length, text.length);
  assert.equal(masked, 'const a = /["/]/;       \nconst b = 4 / 2; const c = "    "; ` ${q(" ")} `');
});
