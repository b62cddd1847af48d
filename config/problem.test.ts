import assert from "node:assert/strict";
import { formatProblems, hasErrors, keyText, type Problem, sortProblems } from "./problem.ts";

const problem = (line: number | null, key: string, severity: Problem["severity"] = "error"): Problem => ({
  line,
  key,
  reason: "is wrong",
  hint: "",
  severity,
});

Deno.test("a path as text: dots, indices, quotes where TOML wants them", () => {
  assert.equal(keyText([]), "");
  assert.equal(keyText(["group", 0, "addresses", 11, "interface"]), "group[0].addresses[11].interface");
  assert.equal(keyText(["pair", "key file"]), 'pair."key file"');
  assert.equal(keyText(["pair", 'a"b']), 'pair."a\\"b"');
});

Deno.test("problems in the order of the file, those without a line last, equals as they were", () => {
  const list = [problem(null, "x"), problem(7, "b"), problem(2, "c"), problem(7, "a"), problem(null, "w")];
  assert.deepEqual(sortProblems(list).map(({ key }) => key), ["c", "b", "a", "x", "w"]);
});

Deno.test("warnings alone are no error", () => {
  assert.ok(!hasErrors([problem(1, "a", "warning")]));
  assert.ok(hasErrors([problem(1, "a", "warning"), problem(1, "b")]));
});

Deno.test("with a line, without one, without a key, of the machine", () => {
  const list = [
    problem(3, "pair.name"),
    problem(null, "node"),
    problem(4, ""),
    problem(null, "host.kernel", "warning"),
  ];
  assert.equal(
    formatProblems("f", list),
    "f:3: pair.name: is wrong\nf: node: is wrong\nf:4: is wrong\nthis machine: warning: kernel: is wrong\n",
  );
});
