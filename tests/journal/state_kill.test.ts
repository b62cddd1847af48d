import assert from "node:assert/strict";
import { withJournal } from "./samples.ts";
import { killRound } from "./state_kill.ts";

Deno.test("killed with -9 at any moment, 20 times: nothing that was durable is lost, nothing is half there", () =>
  withJournal(async (path) => {
    let before = 0;
    for (let round = 0; round < 20; round++) {
      const { durable, stored, problems } = await killRound(path, Math.random() * 150);
      assert.deepEqual(problems, [], `round ${round}`);
      assert.ok(durable > before && stored >= durable, `${before} < ${durable} ≤ ${stored}`);
      before = stored;
    }
  }));
