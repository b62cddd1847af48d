/**
 * `deno task sim [COUNT] [FIRST]`: plays histories by seed, of the roles and of the peer stream; `deno task sim --trace SEED` shows one of the
 * roles. Ends with 1 if a rule was broken.
 */
import { type Outcome, playFaults, playMoves, playSlowTakes } from "./scenario.ts";
import { playStream } from "./stream/scenario.ts";

const traced: Readonly<Record<string, (seed: number) => Outcome>> = {
  moves: playMoves,
  faults: playFaults,
  slowTakes: playSlowTakes,
  slowFaults: (seed) => playFaults(seed, 12, seed % 2 === 0 ? null : 0.2, 0.3),
};
const plays: Readonly<Record<string, (seed: number) => Pick<Outcome, "violations">>> = {
  ...traced,
  storm: (seed) => playStream(seed, false),
  restarts: (seed) => playStream(seed, true),
};

if (Deno.args[0] === "--trace") {
  const seed = Number(Deno.args[1]);
  for (const [name, play] of Object.entries(traced)) {
    if (Deno.args[2] !== undefined && Deno.args[2] !== name) continue;
    const outcome = play(seed);
    console.log(`# ${name} ${seed}\n${outcome.trace.join("\n")}\n${outcome.violations.join("\n")}`);
  }
} else {
  const count = Number(Deno.args[0] ?? 1000), first = Number(Deno.args[1] ?? 1);
  let broken = 0;
  for (const [name, play] of Object.entries(plays)) {
    for (let seed = first; seed < first + count; seed++) {
      const outcome = play(seed);
      if (outcome.violations.length === 0) continue;
      broken++;
      if (broken <= 10) console.log(`${name} ${seed}: ${outcome.violations.join("; ")}`);
    }
  }
  console.log(`${Object.keys(plays).length * count} histories, ${broken} broke a rule`);
  if (broken > 0) Deno.exit(1);
}
