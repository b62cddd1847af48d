/** From the text of segue.toml to a configuration, or to every problem of it at once. */
import { parse, TomlError } from "smol-toml";
import { syntaxProblem } from "./syntax.ts";
import { buildConfig } from "./build.ts";
import { readDraft } from "./draft.ts";
import type { PairConfig } from "./model.ts";
import { findPositions } from "./positions.ts";
import { hasErrors, type Problem, sortProblems } from "./problem.ts";
import { checkRelations } from "./relations.ts";
import { Report } from "./table.ts";

export type { Problem } from "./problem.ts";
export { formatProblems, hasErrors } from "./problem.ts";

export type LoadResult =
  | { readonly config: PairConfig; readonly warnings: readonly Problem[] }
  | { readonly problems: readonly Problem[] };

/** Never throws for bad text. Problems come in the order of the lines; warnings are among them. */
export function loadConfig(text: string): LoadResult {
  const root = parseToml(text);
  if ("problem" in root) return { problems: [root.problem] };
  const report = new Report(findPositions(text));
  const draft = readDraft(report, root.table);
  checkRelations(report, draft);
  const problems = sortProblems(report.problems);
  if (hasErrors(problems)) return { problems };
  return { config: buildConfig(draft), warnings: problems };
}

/** Reads and checks a file. A file that cannot be read is a problem like any other. */
export async function readConfigFile(path: string): Promise<LoadResult> {
  const read = await readText(path);
  return "problem" in read ? { problems: [read.problem] } : loadConfig(read.text);
}

/** The text of a file, or why it cannot be had. */
export async function readText(path: string): Promise<{ readonly text: string } | { readonly problem: Problem }> {
  try {
    return { text: new TextDecoder("utf-8", { fatal: true }).decode(await Deno.readFile(path)) };
  } catch (error) {
    return { problem: { line: null, key: "", ...unreadable(error), severity: "error" } };
  }
}

function unreadable(error: unknown): { reason: string; hint: string } {
  if (error instanceof Deno.errors.NotFound) {
    return { reason: "there is no such file", hint: "--config FILE names another one" };
  }
  if (error instanceof Deno.errors.PermissionDenied) {
    return { reason: "may not be read by this user", hint: "segue runs as root" };
  }
  if (
    error instanceof Deno.errors.IsADirectory || (error instanceof Error && /EISDIR|os error 21/.test(error.message))
  ) {
    return { reason: "is a folder", hint: "--config FILE names the file" };
  }
  if (error instanceof TypeError) return { reason: "is not UTF-8 text", hint: "TOML is always UTF-8" };
  return { reason: `cannot be read: ${error instanceof Error ? error.message : String(error)}`, hint: "" };
}

function parseToml(text: string): { table: Record<string, unknown> } | { problem: Problem } {
  try {
    return { table: parse(text) };
  } catch (error) {
    if (error instanceof TomlError) return { problem: syntaxProblem(text, error) };
    // The parser's own limits, such as a stack that is too deep.
    const reason = `is not TOML: ${error instanceof Error ? error.message : String(error)}`;
    return { problem: { line: null, key: "", reason, hint: "", severity: "error" } };
  }
}
