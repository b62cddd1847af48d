/** Plays inputs of a target by their numbers, and holds time and memory against their bounds. */
import { Random } from "../simulation/random.ts";
import type { FuzzTarget, Subject } from "./target.ts";
import { Watchdog } from "./watchdog.ts";

/** What a run may need beyond its first inputs: garbage that V8 has not collected yet, and the largest buffers of one connection. */
const GROWTH_MIB_MAX = 384;
const MEMORY_EVERY = 256;
const WARM_INPUTS = 2000;
const PROGRESS_MS = 5000;
const FAILURES_MAX = 5;
/** Inputs between two returns to the event loop. */
const TURN = 1024;

export interface Failure {
  readonly input: number;
  readonly error: string;
  /** What was fed. */
  readonly shown: string;
}

export interface FuzzReport {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  readonly longestMs: number;
  /** Peak resident memory beyond what the first inputs needed, MiB. */
  readonly growthMib: number;
  readonly failures: readonly Failure[];
}

export interface FuzzOptions {
  readonly seed: number;
  readonly inputs: number;
  /** Number of the first input. */
  readonly first?: number;
  readonly progress?: (text: string) => void;
}

/** The command that plays one input again. */
export function replayCommand(target: string, seed: number, input: number): string {
  return `deno task fuzz --target ${target} --seed ${seed} --first ${input} --inputs 1`;
}

/** Each input has a generator of its own, so that it can be played alone. */
export function randomOf(seed: number, input: number): Random {
  return new Random(Math.imul(seed, 0x9e3779b1) ^ Math.imul(input + 1, 0x85ebca6b));
}

export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  const subject = await target.open();
  const watchdog = await Watchdog.start(target, options.seed);
  try {
    return await playAll(target, subject, options, watchdog);
  } finally {
    watchdog.stop();
    await subject.close?.();
  }
}

async function playAll(
  target: FuzzTarget,
  subject: Subject,
  { seed, inputs, first = 0, progress }: FuzzOptions,
  watchdog: Watchdog,
): Promise<FuzzReport> {
  const failures: Failure[] = [], startMs = performance.now();
  let longestMs = 0, baseMib = peakMib(), growthMib = 0, toldMs = startMs, played = 0;
  for (let input = first; input < first + inputs && failures.length < FAILURES_MAX; input++, played++) {
    watchdog.playing(input);
    const fromMs = performance.now();
    try {
      const pending = subject.play(randomOf(seed, input));
      if (pending !== undefined) await pending;
      const tookMs = performance.now() - fromMs;
      longestMs = Math.max(longestMs, tookMs);
      if (tookMs > target.inputMsMax) throw new Error(`took ${tookMs.toFixed(0)} ms, more than ${target.inputMsMax}`);
    } catch (error) {
      failures.push({
        input,
        error: error instanceof Error ? error.stack ?? error.message : String(error),
        shown: subject.describe(),
      });
    }
    if (played % MEMORY_EVERY === 0) {
      if (played <= WARM_INPUTS) baseMib = peakMib();
      growthMib = peakMib() - baseMib;
      if (growthMib > GROWTH_MIB_MAX) {
        const error = `memory grew by ${
          growthMib.toFixed(0)
        } MiB, more than ${GROWTH_MIB_MAX}, by one of the last ${MEMORY_EVERY} inputs or by all`;
        failures.push({ input, error, shown: subject.describe() });
        break;
      }
    }
    if (played % TURN === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    if (fromMs - toldMs > PROGRESS_MS) {
      toldMs = fromMs;
      progress?.(`${target.name}: ${played} inputs, ${rate(played, startMs)}, ${growthMib.toFixed(0)} MiB more`);
    }
  }
  const seconds = (performance.now() - startMs) / 1000;
  return { target: target.name, inputs: played, seconds, longestMs, growthMib, failures };
}

function rate(inputs: number, sinceMs: number): string {
  return `${Math.round(inputs / (performance.now() - sinceMs) * 1000)}/s`;
}

/** Peak resident memory of this process (proc_pid_status(5), VmHWM). */
function peakMib(): number {
  const found = /^VmHWM:\s+(\d+) kB/m.exec(Deno.readTextFileSync("/proc/self/status"));
  if (found === null) throw new Error("read own peak memory: /proc/self/status has no VmHWM");
  return Number(found[1]) / 1024;
}
