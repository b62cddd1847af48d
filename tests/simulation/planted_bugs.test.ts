/** The simulation can fail: each planted bug is found, by the rule that it breaks, within its number of seeds. */
import assert from "node:assert/strict";
import { play } from "./history.ts";
import { playCrashes } from "./crashes.ts";
import { BUGS, WIRE_BUGS } from "./planted_bugs.ts";

const all = [
  ...BUGS.map((bug) => ({ ...bug, play })),
  ...WIRE_BUGS.map((bug) => ({ ...bug, play: playCrashes })),
];

for (const { name, seeds, rule, hooks, play } of all) {
  Deno.test(`planted: ${name}, found within ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = await play(seed, hooks);
      if (violations.some((violation) => rule.test(violation))) return;
    }
    assert.fail(`no history of ${seeds} breaks ${rule}`);
  });
}
