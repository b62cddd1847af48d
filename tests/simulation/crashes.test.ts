/** Some of the histories of `deno task sim --crashes`. */
import assert from "node:assert/strict";
import { playCrashes } from "./crashes.ts";

const SEEDS = 100;

Deno.test(`${SEEDS} pairs on a shared wire lose their primary four times, and no packet`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations, trace } = await playCrashes(seed);
    assert.deepEqual(violations, [], `seed ${seed}\n${trace.slice(-20).join("\n")}`);
  }
});
