/**
 * `deno task chaos [--minutes M] [--seed S] [--profile lan|fast] [--rounds N]`: a real pair in network namespaces under load, and faults by seed.
 * Prints the seed first and what happens on stderr, the report as JSON on stdout; ends with 1 if a rule was broken. Needs root. The same
 * seed gives the same faults; what the machine makes of them is its own.
 */
import { parseArgs } from "node:util";
import { runChaos } from "./chaos.ts";
import { summary } from "./report.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    seed: { type: "string" },
    profile: { type: "string", default: "lan" },
    rounds: { type: "string" },
  },
});
const minutes = Number(values.minutes), rounds = Number(values.rounds ?? Infinity), { profile } = values;
const seed = Number(values.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]);
if (
  !(minutes > 0) || !(rounds > 0) || !Number.isSafeInteger(seed) ||
  (profile !== "lan" && profile !== "fast" && profile !== "wan")
) {
  console.error(
    "chaos: --minutes and --rounds are positive numbers, --seed is a whole one, --profile is fast, lan or wan",
  );
  Deno.exit(2);
}
console.error(`seed ${seed}`);
const report = await runChaos({ seed, minutes, profile, rounds, progress: (text) => console.error(text) });
console.log(JSON.stringify(report, null, 2));
console.error(summary(report, `deno task chaos --seed ${seed} --profile ${profile} --minutes ${minutes}`));
Deno.exit(report.violations.length === 0 ? 0 : 1);
