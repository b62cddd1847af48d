/** `segue check`: every problem of the file and of this machine at once. */
import { checkArbiter } from "./host/arbiter.ts";
import { formatDigest, pairDigest } from "./digest.ts";
import { type HostCheck, type HostContext, hostProblem } from "./host/context.ts";
import { askDaemon, judgeDaemon } from "./host/daemon.ts";
import { checkGateways } from "./host/gateways.ts";
import { checkJiffy } from "./host/jiffy.ts";
import { checkKernelVersion } from "./host/kernel_version.ts";
import { checkKeyFile } from "./host/key_file.ts";
import { checkNetwork } from "./host/network.ts";
import { checkPorts } from "./host/ports.ts";
import { checkPrograms } from "./host/programs.ts";
import { checkQueue } from "./host/queue.ts";
import { checkRights } from "./host/rights.ts";
import { checkRules } from "./host/rules.ts";
import { loadConfig, readText } from "./load.ts";
import { findNode } from "./node.ts";
import { findPositions } from "./positions.ts";
import { formatProblems, hasErrors, type Problem, sortProblems } from "./problem.ts";

const EXIT_OK = 0;
const EXIT_HOST = 1;
/** EX_CONFIG of sysexits(3). */
const EXIT_CONFIG = 78;

const DEFAULT_RUN_DIR = "/run/segue";

export interface CheckOptions {
  /** Path of segue.toml. */
  readonly config: string;
  /** Which node this machine is; its host name if not given. */
  readonly node?: string;
  readonly json: boolean;
  /** Folder of a running daemon's socket. */
  readonly runDir?: string;
}

/** What a check found. `subject` is there as soon as the file itself is good. */
export interface CheckResult {
  readonly exit: number;
  readonly problems: readonly Problem[];
  readonly subject: { readonly pair: string; readonly node: string; readonly digest: string } | null;
}

/** Questions that need no file. */
const MACHINE_CHECKS: Readonly<Record<string, () => readonly Problem[]>> = {
  kernel: checkKernelVersion,
  rights: checkRights,
  rules: checkRules,
  queue: checkQueue,
};

/** Questions about what the file says. */
const PAIR_CHECKS: Readonly<Record<string, HostCheck>> = {
  key: checkKeyFile,
  network: checkNetwork,
  gateways: checkGateways,
  arbiter: checkArbiter,
  ports: checkPorts,
  programs: checkPrograms,
  jiffy: checkJiffy,
};

/** Prints what it finds on stdout. 0: nothing, or warnings only; 78: the file is wrong; 1: the machine is. */
export async function runCheck(options: CheckOptions): Promise<number> {
  const result = await check(options);
  console.log(options.json ? jsonReport(result) : textReport(options.config, result));
  return result.exit;
}

export async function check(options: CheckOptions): Promise<CheckResult> {
  const machine = await askAll(Object.entries(MACHINE_CHECKS));
  const { bad, good } = await readPair(options);
  if (!good) return { exit: EXIT_CONFIG, problems: [...bad, ...machine], subject: null };

  const { config, ourselves, positions } = good;
  const runDir = options.runDir ?? DEFAULT_RUN_DIR;
  const answer = await askDaemon(runDir);
  const daemonRuns = answer.kind === "status" && answer.status.pair === config.pair.name;
  const context: HostContext = { config, ourselves, positions, daemonRuns };
  const questions = Object.entries(PAIR_CHECKS).map(([name, ask]) => [name, () => ask(context)] as const);
  const { name: node } = ourselves.node;
  const pair = config.pair.name;
  const host = [...machine, ...await askAll(questions), ...judgeDaemon(answer, pair, node, runDir)];
  return {
    exit: hasErrors(host) ? EXIT_HOST : EXIT_OK,
    problems: sortProblems([...bad, ...host]),
    subject: { pair, node, digest: formatDigest(pairDigest(config)) },
  };
}

/** The file, and which node of it we are. `good` is missing where `bad` has errors; else `bad` has warnings only. */
async function readPair({ config: path, node }: CheckOptions): Promise<{
  readonly bad: readonly Problem[];
  readonly good?: Pick<HostContext, "config" | "ourselves" | "positions">;
}> {
  const read = await readText(path);
  if ("problem" in read) return { bad: [read.problem] };
  const loaded = loadConfig(read.text);
  if ("problems" in loaded) return { bad: loaded.problems };
  const { config, warnings } = loaded;
  const ourselves = findNode(config, node ?? Deno.hostname());
  if ("reason" in ourselves) {
    return { bad: [...warnings, { line: null, key: "node", ...ourselves, severity: "error" }] };
  }
  return { bad: warnings, good: { config, ourselves, positions: findPositions(read.text) } };
}

/** All answers. A question that fails in an unforeseen way is a problem itself and keeps no other from being asked. */
async function askAll(
  questions: readonly (readonly [name: string, ask: () => readonly Problem[] | Promise<readonly Problem[]>])[],
): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [name, ask] of questions) {
    try {
      problems.push(...await ask());
    } catch (error) {
      const reason = `could not be checked: ${error instanceof Error ? error.message : String(error)}`;
      problems.push(hostProblem(name, reason, ""));
    }
  }
  return problems;
}

/** One JSON object; `ok` is true where the exit code is 0. */
function jsonReport({ exit, problems, subject }: CheckResult): string {
  return JSON.stringify({ ok: exit === EXIT_OK, ...subject, problems }, null, 2);
}

function textReport(path: string, { exit, problems, subject }: CheckResult): string {
  const list = formatProblems(path, problems);
  const errors = problems.filter(({ severity }) => severity === "error").length;
  const warnings = problems.length - errors;
  const verdict = exit === EXIT_OK ? "ok" : exit === EXIT_HOST ? "this machine is not ready" : "bad configuration";
  const counts = [count(errors, "problem"), count(warnings, "warning")].filter((text) => text !== null).join(", ");
  // Both nodes print the same digest where they agree.
  const who = subject && `node ${subject.node} of pair ${subject.pair}, digest ${subject.digest}`;
  return list + [`${path}: ${verdict}`, counts, who].filter(Boolean).join("; ");
}

function count(number: number, word: string): string | null {
  if (number === 0) return null;
  return `${number} ${word}${number === 1 ? "" : "s"}`;
}
