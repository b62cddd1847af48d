import assert from "node:assert/strict";
import { arbiterText } from "./arbiter_text.ts";

const HEALTHY = {
  etcd: ["https://e:1", "https://f:1"],
  key: "/segue/edge",
  reachable: true,
  reason: null,
  answer_ms: null,
  asked: false,
  ours: false,
  refused: null,
};

Deno.test("the arbiter in one line: whether it answers, and who has the key while it is asked for", () => {
  const text = (change: Partial<Parameters<typeof arbiterText>[0]>) => arbiterText({ ...HEALTHY, ...change });
  assert.equal(arbiterText(undefined), null);
  assert.equal(arbiterText(null), null);
  assert.equal(text({ reachable: null }), null);
  assert.equal(text({}), "https://e:1 https://f:1 answers");
  assert.equal(
    text({ answer_ms: 4.2, asked: true, ours: true }),
    "https://e:1 https://f:1 answers, its last word took 4.2 ms; the key is ours",
  );
  assert.match(text({ asked: true })!, /answers; the key is asked for$/);
  assert.match(text({ asked: true, refused: "b has the arbiter's key" })!, /; no key: b has the arbiter's key$/);
  assert.match(text({ reachable: false, reason: "no answer" })!, /DOES NOT ANSWER: no answer$/);
});
