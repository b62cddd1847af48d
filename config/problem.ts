/** What is wrong with a file or a host, as a value: it is collected, never thrown, so that people see everything at once. */

export interface Problem {
  /** Line of the configuration file, from 1; null where no line is to blame. */
  readonly line: number | null;
  /** Dotted key (`group[0].addresses[1].interface`), or `host.…` for a problem of the machine. */
  readonly key: string;
  /** What is wrong, with the values and the arithmetic. */
  readonly reason: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
  /** A warning stops nothing. */
  readonly severity: "error" | "warning";
}

/** Steps from the root of the file to a value: names of keys and indices of arrays. */
export type KeyPath = readonly (string | number)[];

/** `["group", 0, "name"]` → `group[0].name`. A name that is not a bare TOML key is quoted. */
export function keyText(path: KeyPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else text += (text === "" ? "" : ".") + (/^[A-Za-z0-9_-]+$/.test(step) ? step : JSON.stringify(step));
  }
  return text;
}

export function hasErrors(problems: readonly Problem[]): boolean {
  return problems.some((problem) => problem.severity === "error");
}

/** In the order of the file; what has no line comes last. Keeps the order of problems of one line. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return [...problems].sort((a, b) => (a.line ?? Infinity) - (b.line ?? Infinity) || 0);
}

/** Keys of problems that are the machine's, not the file's. */
const HOST = "host.";

/** Every problem as one block: `PATH:LINE: KEY: REASON`, then the hint, indented. Ends with a line break if there is any. */
export function formatProblems(path: string, problems: readonly Problem[]): string {
  return problems.map((problem) => formatProblem(path, problem)).join("");
}

function formatProblem(path: string, { line, key, reason, hint, severity }: Problem): string {
  const isHost = key.startsWith(HOST);
  const place = isHost ? "this machine" : line === null ? path : `${path}:${line}`;
  const subject = key === "" ? "" : `${isHost ? key.slice(HOST.length) : key}: `;
  const kind = severity === "warning" ? "warning: " : "";
  const advice = hint === "" ? "" : `    hint: ${hint}\n`;
  return `${place}: ${kind}${subject}${reason}\n${advice}`;
}
