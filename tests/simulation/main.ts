/**
 * `deno task sim`: histories of the whole pair by seed.
 *
 * ```
 * --seeds N       how many, one after another (1000)
 * --seed S        the first one (1)
 * --minutes M     as many as there is time for
 * --bug NAME      with a planted bug; without a name: which there are
 * --trace         prints what happens, line by line
 * --stream        histories of the peer stream alone
 * --crashes       histories of a pair on a shared wire that loses its primary
 * --splits        histories of a pair with an arbiter, whose LAN splits
 * ```
 *
 * Prints the seed first, and at the end the beginning of a hash of all traces: the same on every machine. Ends with 1 if a rule was broken: with the rule, the last events and the command that plays it again.
 */
import { sha256 } from "@noble/hashes/sha2.js";
import { parseArgs } from "node:util";
import process from "node:process";
import { playCrashes } from "./crashes.ts";
import { type Outcome, play } from "./history.ts";
import { BUGS, WIRE_BUGS } from "./planted_bugs.ts";
import { playSplits } from "./splits.ts";
import { playStream } from "./stream/scenario.ts";
import type { Hooks } from "./world.ts";

const LAST_EVENTS = 25;
const SHOWN = 5;
const WORD_EVERY_MS = 10_000;

interface Options {
  readonly first: number;
  readonly count: number;
  readonly minutes: number | null;
  readonly trace: boolean;
  readonly bug: string | null;
}

/** Plays one history; what it takes to say what it was. */
type Play = (seed: number, onTrace?: (line: string) => void) => Promise<Outcome> | Outcome;

async function playMany(options: Options, play: Play): Promise<number> {
  const { first, count, minutes, trace, bug } = options;
  console.log(`seed ${first}${trace && count === 1 ? "" : " and those after it"}`);
  const startUs = process.cpuUsage().user, startMs = performance.now();
  let broken = 0, simulatedUs = 0, excused = 0, played = 0, saidMs = startMs;
  const traces = sha256.create(), encoder = new TextEncoder();
  const goesOn = () => minutes === null ? played < count : performance.now() - startMs < minutes * 60_000;
  for (let seed = first; goesOn(); seed++, played++) {
    const outcome = await play(seed, (line) => {
      traces.update(encoder.encode(`${line}\n`));
      if (trace) console.log(line);
    });
    simulatedUs += outcome.simulatedUs;
    excused += outcome.excused;
    if (performance.now() - saidMs > WORD_EVERY_MS) {
      saidMs = performance.now();
      console.error(`${played} histories, ${broken} broke a rule`);
    }
    if (outcome.violations.length === 0) continue;
    broken++;
    if (broken <= SHOWN) tellBroken(outcome, trace, bug);
  }
  const us = process.cpuUsage().user - startUs, seconds = simulatedUs / 1e6;
  console.log(
    `${played} histories, ${broken} broke a rule; ${seconds.toFixed(0)} s of the world in ${
      (us / 1e6).toFixed(1)
    } s of a core: ${
      Math.round(simulatedUs / us)
    } times faster than real time; ${excused} moments with two owners that two nodes alone cannot help; traces ${
      traces.digest().toHex().slice(0, 16)
    }`,
  );
  return broken;
}

function tellBroken({ seed, violations, trace }: Outcome, traced: boolean, bug: string | null): void {
  console.log(`\nseed ${seed} breaks a rule: ${violations.join("; ")}`);
  if (!traced) console.log(trace.slice(-LAST_EVENTS).map((line) => `  ${line}`).join("\n"));
  console.log(
    `again: deno task sim --seeds 1 --seed ${seed} --trace${bug === null ? "" : ` --bug ${JSON.stringify(bug)}`}\n`,
  );
}

function playStreams(seed: number): Outcome {
  const runs = [playStream(seed, false), playStream(seed, true)];
  return {
    seed,
    violations: runs.flatMap(({ violations }) => violations),
    trace: [],
    simulatedUs: runs.reduce((sum, { world }) => sum + world.nowUs, 0),
    excused: 0,
  };
}

function hooksOf(bug: string | undefined): Hooks | null {
  if (bug === undefined) return {};
  const bugs = [...BUGS, ...WIRE_BUGS];
  const found = bugs.find(({ name }) => name === bug);
  if (found !== undefined) return found.hooks;
  console.log(bugs.map(({ name, seeds }) => `${name} (within ${seeds} seeds)`).join("\n"));
  return null;
}

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "1000" },
    seed: { type: "string", default: "1" },
    minutes: { type: "string" },
    bug: { type: "string" },
    trace: { type: "boolean", default: false },
    stream: { type: "boolean", default: false },
    splits: { type: "boolean", default: false },
    crashes: { type: "boolean", default: false },
  },
});
const hooks = hooksOf(values.bug);
if (hooks === null) Deno.exit(2);
const broken = await playMany(
  {
    first: Number(values.seed),
    count: Number(values.seeds),
    minutes: values.minutes === undefined ? null : Number(values.minutes),
    trace: values.trace,
    bug: values.bug ?? null,
  },
  values.stream
    ? playStreams
    : (seed, onTrace) => (values.splits ? playSplits : values.crashes ? playCrashes : play)(seed, hooks, onTrace),
);
if (broken > 0) Deno.exit(1);
