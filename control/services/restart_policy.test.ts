import assert from "node:assert/strict";
import fc from "fast-check";
import { type RestartLimits, RestartPolicy } from "./restart_policy.ts";

const LIMITS = {
  restartDelayUs: 100_000,
  restartDelayMaxUs: 500_000,
  restartLimit: 5,
  restartWindowUs: 60_000_000,
} as const;

function decisions(limits: Partial<RestartLimits>, ...atMs: number[]): (number | string)[] {
  const policy = new RestartPolicy({ ...LIMITS, ...limits });
  return atMs.map((ms) => {
    const decision = policy.failed(ms * 1000);
    return decision.kind === "again" ? decision.afterUs / 1000 : `giveUp ${decision.failures}`;
  });
}

Deno.test("each restart waits twice as long, up to the maximum, and then it is given up", () => {
  assert.deepEqual(decisions({}, 0, 200, 500, 1000, 2000), [100, 200, 400, 500, "giveUp 5"]);
  assert.deepEqual(decisions({ restartLimit: 1 }, 0), ["giveUp 1"]);
});

Deno.test("failures that are older than the window are forgotten", () => {
  assert.deepEqual(decisions({}, 0, 1000, 59_999, 60_000, 61_000, 61_001), [100, 200, 400, 400, 400, 500]);
});

Deno.test("tried again by somebody's will: as if nothing had been", () => {
  const policy = new RestartPolicy({ ...LIMITS, restartLimit: 2 });
  assert.equal(policy.failed(0).kind, "again");
  policy.clear();
  assert.deepEqual(policy.failed(1), { kind: "again", afterUs: 100_000 });
  assert.deepEqual(policy.failed(2), { kind: "giveUp", failures: 2 });
});

Deno.test("given up exactly when the window holds as many failures as are allowed", () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 30_000_000 }), { maxLength: 40 });
  fc.assert(fc.property(gaps, fc.integer({ min: 1, max: 6 }), (gaps, restartLimit) => {
    const policy = new RestartPolicy({ ...LIMITS, restartLimit });
    const all: number[] = [];
    let nowUs = 0;
    for (const gap of gaps) {
      nowUs += gap;
      all.push(nowUs);
      const recent = all.filter((atUs) => nowUs - atUs < LIMITS.restartWindowUs).length;
      const decision = policy.failed(nowUs);
      assert.equal(decision.kind, recent >= restartLimit ? "giveUp" : "again");
      if (decision.kind === "again") assert.ok(decision.afterUs >= 100_000 && decision.afterUs <= 500_000);
    }
  }));
});
