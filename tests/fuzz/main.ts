/**
 * `deno task fuzz [--target T] [--inputs N] [--seed S] [--first N]`: feeds almost valid input to everything that reads what others wrote.
 * Without --target all of them. Prints the seed first; a failing input comes with the command that plays it again. Ends with 1 if one failed.
 */
import { parseArgs } from "node:util";
import { fuzz, type FuzzReport, replayCommand } from "./run.ts";
import { TARGETS } from "./targets.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string" },
    inputs: { type: "string" },
    seed: { type: "string" },
    first: { type: "string", default: "0" },
    list: { type: "boolean", default: false },
  },
});

function usage(text: string): never {
  console.error(`fuzz: ${text}; targets are ${TARGETS.map(({ name }) => name).join(", ")}`);
  Deno.exit(2);
}

function wholeNumber(text: string, option: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) usage(`--${option} ${text} is not a whole number`);
  return value;
}

function show({ target, inputs, seconds, longestMs, growthMib, failures }: FuzzReport, seed: number): void {
  const rate = `${Math.round(inputs / seconds)}/s`;
  const figures = `${inputs} inputs in ${seconds.toFixed(1)} s, ${rate}, longest ${longestMs.toFixed(1)} ms, ${
    growthMib.toFixed(0)
  } MiB more`;
  console.log(`${failures.length === 0 ? "ok  " : "FAIL"} ${target}: ${figures}`);
  for (const { input, error, shown } of failures) {
    console.log(`input ${input} of ${target}: ${error}\n${shown}\nagain: ${replayCommand(target, seed, input)}\n`);
  }
}

if (values.list) {
  for (const { name, about } of TARGETS) console.log(`${name}: ${about}`);
  Deno.exit(0);
}
const chosen = TARGETS.filter(({ name }) => values.target === undefined || name === values.target);
if (chosen.length === 0) usage(`there is no target ${values.target}`);
const seed = values.seed === undefined
  ? crypto.getRandomValues(new Uint32Array(1))[0]!
  : wholeNumber(values.seed, "seed");
console.log(`seed ${seed}`);
let failed = 0;
for (const target of chosen) {
  const inputs = values.inputs === undefined ? target.shortInputs : wholeNumber(values.inputs, "inputs");
  const first = wholeNumber(values.first, "first");
  const report = await fuzz(target, { seed, inputs, first, progress: (text) => console.log(text) });
  show(report, seed);
  failed += report.failures.length;
}
Deno.exit(failed === 0 ? 0 : 1);
