/**
 * Kills a program that writes state with -9 at random moments: `deno run -A tests/bench/state_kill.ts [--rounds 200]`. Prints JSON: rounds,
 * what was durable, and everything that was wrong with the file afterwards.
 */
import { parseArgs } from "node:util";
import { killRound } from "../journal/state_kill.ts";
import { withJournal } from "../journal/samples.ts";

const { values: flags } = parseArgs({ options: { rounds: { type: "string", default: "200" } } });
const rounds = Number(flags.rounds);
await withJournal(async (path) => {
  const problems: string[] = [];
  let ahead = 0, last = 0;
  for (let round = 0; round < rounds; round++) {
    const { durable, stored, problems: found } = await killRound(path, Math.random() * 200);
    problems.push(...found.map((text) => `round ${round}: ${text}`));
    if (stored > durable) ahead++;
    last = stored;
  }
  const report = {
    bench: "state_kill",
    rounds,
    rows_written: last,
    /** Rounds in which more was on the disk than had been told: the kill came between commit and word. */
    stored_ahead_of_word: ahead,
    problems,
  };
  console.log(JSON.stringify(report, null, 2));
  if (problems.length > 0) Deno.exit(1);
});
