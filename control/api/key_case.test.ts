import assert from "node:assert/strict";
import { SAMPLE_EVIDENCE } from "../answers/sample_entries.ts";
import { camelKeys, snakeKeys } from "./key_case.ts";

Deno.test("names of fields go there and back, at every depth; values stay", () => {
  assert.deepEqual(snakeKeys({ heardAgoUs: 1, links: [{ lateUs: null, link: "pathA" }] }), {
    heard_ago_us: 1,
    links: [{ late_us: null, link: "pathA" }],
  });
  assert.deepEqual(camelKeys(snakeKeys(SAMPLE_EVIDENCE)), SAMPLE_EVIDENCE);
});
