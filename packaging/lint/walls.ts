/**
 * The house rules that the compiler and the linter do not know (ARCHITECTURE.md, "The rooms"). `deno task walls` checks
 * the source tree; each problem is one line: FILE:LINE: rule.
 */
import { relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { maskLiterals } from "./mask.ts";

export interface SourceFile {
  /** Path from the root of the tree, with slashes. */
  readonly path: string;
  readonly text: string;
}

export interface Problem {
  readonly path: string;
  readonly line: number;
  readonly rule: string;
}

const LINES_MAX = 360;
const TEST_LINES_MAX = 600;

/** What the pure core must not touch: system, clocks, randomness, timers. */
const IMPURE =
  /\b(Deno\s*[.[]|Date\.now|new Date\b|performance\s*\.|Math\.random|crypto\s*\.|setTimeout|setInterval|queueMicrotask|process\s*\.|fetch\s*\(|globalThis\b)/g;
/** Hash functions for the HMAC of the wire; pure themselves. */
const CORE_MAY_IMPORT = /^@noble\/hashes(\/|$)/;

const HOSTS = [["registry", "npmjs", "org"], ["npm", "jsr", "io"], ["deb", "debian", "org"], [
  "registry",
  "yarnpkg",
  "com",
]];
const UNFINISHED = [["TO", "DO"], ["FIX", "ME"]];

/** Everything that is wrong with these files. Pure. */
export function findProblems(files: readonly SourceFile[]): Problem[] {
  return files.flatMap((file) => [
    ...wordProblems(file),
    ...(/\.tsx?$/.test(file.path) ? [...lengthProblems(file), ...importProblems(file), ...codeProblems(file)] : []),
  ]);
}

function problem(file: SourceFile, index: number, rule: string): Problem {
  return { path: file.path, line: file.text.slice(0, index).split("\n").length, rule };
}

function wordProblems(file: SourceFile): Problem[] {
  const found: Problem[] = [];
  for (const parts of HOSTS) {
    const index = file.text.indexOf(parts.join("."));
    if (index >= 0) found.push(problem(file, index, "names the host of a package registry"));
  }
  for (const parts of UNFINISHED) {
    const match = new RegExp(`\\b${parts.join("")}\\b`).exec(file.text);
    if (match !== null) found.push(problem(file, match.index, `says ${match[0]}: do it, or file an issue`));
  }
  return found;
}

function lengthProblems(file: SourceFile): Problem[] {
  const lines = file.text.split("\n").length - (file.text.endsWith("\n") ? 1 : 0);
  const isTest = file.path.startsWith("tests/") || file.path.endsWith(".test.ts");
  const max = isTest ? TEST_LINES_MAX : LINES_MAX;
  if (lines <= max) return [];
  return [{ path: file.path, line: max + 1, rule: `is ${lines} lines long, more than ${max}: two concepts?` }];
}

/** Where `import`, `export … from` and `import()` point, with their positions. */
export function importsOf(text: string): { specifier: string; index: number }[] {
  const found: { specifier: string; index: number }[] = [];
  const masked = maskLiterals(text, "comments");
  const pattern = /\b(?:import|export)\b[^;"'`]*?\bfrom\s*(["'])(.*?)\1|\bimport\s*\(?\s*(["'])(.*?)\3/g;
  for (const match of masked.matchAll(pattern)) {
    found.push({ specifier: match[2] ?? match[4] ?? "", index: match.index + match[0].length - 1 });
  }
  return found;
}

function importProblems(file: SourceFile): Problem[] {
  const isTest = file.path.endsWith(".test.ts");
  const found: Problem[] = [];
  for (const { specifier, index } of importsOf(file.text)) {
    const isPath = /^\.{1,2}\//.test(specifier);
    const target = isPath ? relative("/", resolve("/", file.path, "..", specifier)) : null;
    if (file.path.startsWith("kernel_ffi/") && target !== null && !target.startsWith("kernel_ffi/") && !isTest) {
      found.push(problem(file, index, `kernel_ffi/ stands alone, but imports ${target}`));
    }
    if (file.path.startsWith("control/core/") && !isTest) {
      const inside = target?.startsWith("control/core/") ?? CORE_MAY_IMPORT.test(specifier);
      if (!inside) {
        found.push(problem(file, index, `control/core/ imports nothing outside itself, but ${target ?? specifier}`));
      }
    }
  }
  return found;
}

function codeProblems(file: SourceFile): Problem[] {
  const found: Problem[] = [];
  const code = maskLiterals(file.text, "comments and strings");
  if (file.path.startsWith("control/core/") && !file.path.endsWith(".test.ts")) {
    for (const match of code.matchAll(IMPURE)) {
      found.push(problem(file, match.index, `control/core/ is pure, but uses ${match[0].trim()}`));
    }
  }
  for (const match of code.matchAll(/\bDeno\s*\.\s*dlopen\b/g)) {
    if (isTopLevel(code, match.index)) {
      found.push(problem(file, match.index, "opens a library at import: open it on demand"));
    }
  }
  return found;
}

/** Is this place outside every function body and arrow function? `code` has its comments and strings masked. */
function isTopLevel(code: string, index: number): boolean {
  const before = code.slice(0, index);
  const depth = before.split("{").length - before.split("}").length;
  const statement = before.slice(Math.max(before.lastIndexOf(";"), before.lastIndexOf("}")) + 1);
  return depth === 0 && !statement.includes("=>");
}

/** The files that belong to the project: tracked by git, or new and not ignored. */
export async function readTree(root: string): Promise<SourceFile[]> {
  const args = ["-C", root, "ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const { success, stdout, stderr } = await new Deno.Command("git", { args }).output();
  if (!success) throw new Error(`walls: git ls-files: ${new TextDecoder().decode(stderr)}`);
  const files: SourceFile[] = [];
  for (const path of new TextDecoder().decode(stdout).split("\0")) {
    if (path === "") continue;
    let bytes: Uint8Array;
    try {
      bytes = Deno.readFileSync(`${root}/${path}`);
    } catch (error) {
      if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.IsADirectory) continue; // deleted, or a folder
      throw error;
    }
    if (!bytes.includes(0)) files.push({ path, text: new TextDecoder().decode(bytes) });
  }
  return files;
}

if (import.meta.main) {
  const root = Deno.args[0] ?? fileURLToPath(new URL("../..", import.meta.url));
  const problems = findProblems(await readTree(root));
  for (const { path, line, rule } of problems) console.error(`${path}:${line}: ${rule}`);
  if (problems.length > 0) Deno.exit(1);
}
