/**
 * Runs everything that can fail and counts it: formatting, lint, walls, types, the build, pure tests (with no
 * permissions), then each file of tests/ on its own, in two lanes: real pairs, which wait more than they work and must hold on a busy
 * machine anyway, and everything else. A lane that is through takes from the end of the other.
 *
 * What fails in a lane is shown, and run a second time, alone, when both are through: two real pairs, a compiler and a load of a test's own on
 * two cores are a machine that no claim about time was made for. The second run counts. More than a few failures are no accident, and stay.
 *
 * The last line is `N passed, N failed`. A run that crashes, hangs or reports nothing counts as failed; so does a test
 * that was skipped. Arguments restrict the files of tests/ to those whose path contains one of them.
 */
import { join, relative } from "node:path";
import { addTally, parseJunit, type Tally } from "./junit.ts";
import { ROOT } from "./runtime.ts";

/** So many files may be run a second time. */
const AGAIN_MAX = 4;
const RUN_LIMIT_MS = limit("SEGUE_TEST_LIMIT", 420);
const TOTAL_LIMIT_MS = limit("SEGUE_TEST_TOTAL", 1200);
const ROOMS = ["config", "control", "kernel_ffi", "packaging"];

/** A number of seconds from the environment. */
function limit(name: string, fallbackSeconds: number): number {
  return Number(Deno.env.get(name) ?? fallbackSeconds) * 1000;
}

interface Run {
  readonly name: string;
  readonly args: readonly string[];
  /** Writes a JUnit report, which says how many tests it had; other runs count as one test. */
  readonly isTest: boolean;
}

function gateRuns(): Run[] {
  const gate = (name: string, ...args: string[]): Run => ({ name, args, isTest: false });
  return [
    gate("fmt", "fmt", "--check", "--quiet"),
    gate("lint", "lint", "--quiet"),
    gate("walls", "task", "--quiet", "walls"),
    gate("check", "check", "--quiet"),
    gate("build", "task", "--quiet", "compile"),
  ];
}

function pureRun(): Run {
  const rooms = ROOMS.filter((room) => testFiles(join(ROOT, room)).length > 0);
  const args = ["test", "--no-prompt", "--no-check", "--sanitize-ops", "--sanitize-resources", ...rooms];
  return { name: "pure tests", args, isTest: true };
}

function rootRuns(filters: readonly string[]): Run[] {
  return testFiles(join(ROOT, "tests")).map((path) => relative(ROOT, path))
    .filter((path) => filters.length === 0 || filters.some((filter) => path.includes(filter)))
    .map((path) => ({ name: path, args: ["test", "--allow-all", "--no-check", path], isTest: true }));
}

function testFiles(folder: string): string[] {
  const found: string[] = [];
  for (const entry of Deno.readDirSync(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory) found.push(...testFiles(path));
    else if (entry.name.endsWith(".test.ts")) found.push(path);
  }
  return found.sort();
}

/** The runs that go on, for Ctrl-C. */
const current = new Set<Deno.ChildProcess>();

/**
 * Runs the pinned runtime with its output in a file (a left-over child of a test would hold a pipe open) and in a process
 * group that `timeout` ends as a whole. Exit code 124 or 137: it was ended.
 */
async function runLimited(args: readonly string[], output: string, limitMs: number): Promise<number> {
  const script = 'exec "$@" > "$OUTPUT" 2>&1 < /dev/null';
  const seconds = (Math.max(limitMs, 1000) / 1000).toFixed(0);
  const child = new Deno.Command("timeout", {
    args: ["--kill-after=5", seconds, "sh", "-c", script, "sh", Deno.execPath(), ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1", OUTPUT: output },
    stdin: "null",
  }).spawn();
  current.add(child);
  const { code } = await child.status;
  current.delete(child);
  return code;
}

/** Runs one thing; shows its output if something in it failed. */
async function perform(run: Run, limitMs: number): Promise<Tally> {
  const folder = Deno.makeTempDirSync({ prefix: "segue-test-" });
  const report = join(folder, "report.xml");
  const output = join(folder, "output");
  const started = performance.now();
  try {
    Deno.writeTextFileSync(report, "");
    const args = run.isTest ? [run.args[0]!, `--junit-path=${report}`, ...run.args.slice(1)] : run.args;
    const code = await runLimited(args, output, limitMs);
    const endedWell = code === 0;
    const tally = run.isTest
      ? parseJunit(Deno.readTextFileSync(report), endedWell)
      : { passed: endedWell ? 1 : 0, failed: endedWell ? 0 : 1 };
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const late = code === 124 || code === 137 ? `, stopped after ${Math.round(limitMs / 1000)} s` : "";
    const verdict = tally.failed === 0 ? "ok  " : "FAIL";
    console.log(`${verdict} ${run.name}: ${tally.passed} passed, ${tally.failed} failed, ${seconds} s${late}`);
    if (tally.failed > 0) console.log(Deno.readTextFileSync(output));
    return tally;
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

Deno.addSignalListener("SIGINT", () => {
  for (const child of current) child.kill("SIGTERM"); // `timeout` passes it on to its group
  Deno.exit(130);
});

let total: Tally = { passed: 0, failed: 0 };
const failed: { readonly run: Run; readonly tally: Tally }[] = [];
const began = performance.now();
const filters = Deno.args;
const files = rootRuns(filters), isPair = ({ name }: Run) => name.startsWith("tests/pair/");
if (files.length === 0) console.log(`FAIL no test file has ${filters.join(" or ")} in its path`);
if (filters.length === 0) { for (const run of [...gateRuns(), pureRun()]) total = addTally(total, await inTime(run)); }
const pairs = files.filter(isPair), others = files.filter((run) => !isPair(run));
await Promise.all([lane(pairs, others), lane(others, pairs)]);
for (const { run, tally } of failed) {
  const isLate = performance.now() - began > TOTAL_LIMIT_MS - RUN_LIMIT_MS / 2;
  if (failed.length > AGAIN_MAX || isLate) total = addTally(total, tally);
  else total = addTally(total, await inTime({ ...run, name: `${run.name}, a second time, alone` }));
}

/** One after the other; then the other lane's last ones. */
async function lane(own: Run[], other: Run[]): Promise<void> {
  for (let run = own.shift() ?? other.pop(); run !== undefined; run = own.shift() ?? other.pop()) {
    const tally = await inTime(run);
    if (tally.failed > 0) failed.push({ run, tally });
    else total = addTally(total, tally);
  }
}

async function inTime(run: Run): Promise<Tally> {
  const leftMs = TOTAL_LIMIT_MS - (performance.now() - began);
  if (leftMs > 0) return await perform(run, Math.min(leftMs, RUN_LIMIT_MS));
  console.log(`FAIL ${run.name}: not run, the time for all tests (${TOTAL_LIMIT_MS / 1000} s) is over`);
  return { passed: 0, failed: 1 };
}
console.log(`${total.passed} passed, ${total.failed} failed`);
Deno.exit(total.failed === 0 && total.passed > 0 ? 0 : 1);
