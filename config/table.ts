/**
 * Reads one TOML table against its keys, key by key: a bad key costs that key alone, so that the rest is still checked
 * and all problems come out at once.
 */
import type { z } from "zod";
import type { Positions } from "./positions.ts";
import { type KeyPath, keyText, type Problem } from "./problem.ts";
import { nearestWord } from "./suggestion.ts";

/** The keys of a table; a schema that accepts `undefined` belongs to a key that may be missing. */
export type Shape = Readonly<Record<string, z.ZodType>>;

/** What could be read: a key is missing where its value was bad. */
export type Draft<S extends Shape> = { readonly [K in keyof S]?: z.output<S[K]> | undefined };

/** Collects problems and knows the lines. */
export class Report {
  readonly problems: Problem[] = [];
  readonly positions: Positions;

  constructor(positions: Positions) {
    this.positions = positions;
  }

  error(path: KeyPath, reason: string, hint: string): void {
    this.#add(path, reason, hint, "error");
  }

  warning(path: KeyPath, reason: string, hint: string): void {
    this.#add(path, reason, hint, "warning");
  }

  #add(path: KeyPath, reason: string, hint: string, severity: Problem["severity"]): void {
    this.problems.push({ line: this.positions.lineOf(path), key: keyText(path), reason, hint, severity });
  }
}

export type TomlTable = Readonly<Record<string, unknown>>;

export function isTable(value: unknown): value is TomlTable {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Date);
}

/** What a value of the file is, in TOML's words. */
export function kindOf(value: unknown): string {
  if (Array.isArray(value)) return "an array";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "boolean") return "true or false";
  return `a ${typeof value}`;
}

export interface TableOptions {
  /** Keys that the caller reads itself. */
  readonly subTables?: readonly string[];
  /** Keys that the design knows and this version does not. */
  readonly notYet?: readonly string[];
  /** A hint for a key that belongs to another place. */
  readonly elsewhere?: (key: string) => string | null;
}

/** Reads `table`, which stands at `path`. */
export function readTable<S extends Shape>(
  report: Report,
  path: KeyPath,
  table: TomlTable,
  shape: S,
  options: TableOptions = {},
): Draft<S> {
  const known = [...Object.keys(shape), ...options.subTables ?? []];
  const meant = new Set<string>();
  for (const key of Object.keys(table)) {
    if (known.includes(key)) continue;
    const near = reportUnknown(report, [...path, key], key, known, options);
    if (near !== null) meant.add(near);
  }
  const draft: Record<string, unknown> = {};
  for (const [key, schema] of Object.entries(shape)) {
    const value = Object.hasOwn(table, key) ? table[key] : undefined;
    const result = schema.safeParse(value);
    if (result.success) draft[key] = result.data;
    else if (value !== undefined) {
      for (const issue of result.error.issues) reportIssue(report, [...path, key], issue, value, exampleOf(schema));
    } else if (!meant.has(key)) {
      // A misspelt key has been reported under the name that it has in the file.
      report.error([...path, key], "is missing", exampleOf(schema));
    }
  }
  return draft as Draft<S>;
}

function exampleOf(schema: z.ZodType): string {
  const example = schema.meta()?.["example"];
  return typeof example === "string" ? `for example ${example}` : "";
}

/** Returns the key that was probably meant. */
function reportUnknown(
  report: Report,
  path: KeyPath,
  key: string,
  known: readonly string[],
  { notYet, elsewhere }: TableOptions,
): string | null {
  if (notYet?.includes(key)) {
    report.error(path, "not in this version", "take it out; everything else works without it");
    return null;
  }
  const near = nearestWord(key, known);
  const place = elsewhere?.(key) ?? null;
  const hint = place ?? (near === null ? `keys here: ${known.join(", ")}` : `did you mean "${near}"?`);
  report.error(path, "unknown key", hint);
  return place === null ? near : null;
}

function reportIssue(
  report: Report,
  path: KeyPath,
  issue: z.core.$ZodIssue,
  value: unknown,
  example: string,
): void {
  const at = [...path, ...issue.path.filter((step) => typeof step !== "symbol")];
  const bad = issue.path.reduce<unknown>(
    (inner, step) => (inner as Record<PropertyKey, unknown> | undefined)?.[step],
    value,
  );
  if (issue.code === "invalid_type") {
    report.error(at, `must be ${articled(issue.expected)}, not ${kindOf(bad)}`, example);
    return;
  }
  const hint = issue.code === "custom" ? issue.params?.["hint"] : undefined;
  report.error(at, issue.message, typeof hint === "string" ? hint : "");
}

function articled(expected: string): string {
  switch (expected) {
    case "boolean":
      return "true or false";
    case "array":
      return "an array";
    case "int":
      return "a whole number";
    default:
      return `a ${expected}`;
  }
}

/** A table or an array of tables, each with its place; problems for anything else. A missing value is no table at all. */
export function listTables(
  report: Report,
  path: KeyPath,
  value: unknown,
): { readonly path: KeyPath; readonly table: TomlTable }[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) {
    const name = path.filter((step) => typeof step === "string").join(".");
    report.error(path, `must be an array of tables, not ${kindOf(value)}`, `write [[${name}]], once for each`);
    return [];
  }
  const tables: { path: KeyPath; table: TomlTable }[] = [];
  for (const [index, table] of value.entries()) {
    if (isTable(table)) tables.push({ path: [...path, index], table });
    else report.error([...path, index], `must be a table, not ${kindOf(table)}`, "");
  }
  return tables;
}
