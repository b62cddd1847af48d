import assert from "node:assert/strict";
import { decodeHello, encodeHello } from "./hello.ts";
import { rulesDifference, rulesText, type StateRules } from "./rules.ts";

const RULES: StateRules = { whenAlone: "accept", waitUs: 1e6, maxBytes: 1024 };
const text = (change: Partial<StateRules> = {}) => rulesText(new Map([["web", { ...RULES, ...change }]]));

Deno.test("rules that differ are named; the same ones, and what cannot be read, are not", () => {
  assert.equal(rulesDifference(text(), text(), "b"), null);
  assert.equal(
    rulesDifference(text(), text({ whenAlone: "refuse", waitUs: 2e6 }), "b"),
    "web.state.when_alone is accept here and refuse on b; web.state.wait is 1000 ms here and 2000 ms on b: " +
      "who is primary goes by its own",
  );
  for (const nonsense of ["", "7", "null", "{", '{"web":null}', '{"web":7}', '{"other":{"wait":1}}', "[]"]) {
    assert.equal(rulesDifference(text(), nonsense, "b"), null, nonsense);
  }
});

Deno.test("a hello has the digest first, as it always had; what an older version says has no rules", () => {
  const digest = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
  assert.deepEqual(decodeHello(encodeHello(digest, text())), { digest, rules: text() });
  const old = Uint8Array.of(0xff, 1, ...digest);
  assert.deepEqual(encodeHello(digest, text()).subarray(0, old.length), old);
  assert.deepEqual(decodeHello(old), { digest, rules: "" });
  assert.equal(decodeHello(old.subarray(0, 9)), null);
  assert.equal(decodeHello(Uint8Array.of(0, 1, ...digest)), null);
});
