/** The parts of dist/segue, each made or found by one function. Everything made on the way lies in build/. */
import { join } from "node:path";
import { constants, zstdCompressSync } from "node:zlib";
import { createHash } from "node:crypto";
import type { PackedFile } from "./archive.ts";
import { ROOT } from "./runtime.ts";

/** Libraries that segue opens by FFI, with Debian's packages, in the order in which the loader needs them: the queue wants those before it. */
const PACKAGES = {
  "libnfnetlink.so.0": "libnfnetlink0",
  "libmnl.so.0": "libmnl0",
  "libnetfilter_queue.so.1": "libnetfilter-queue1",
  "libsodium.so.23": "libsodium23",
} as const;
export type LibraryName = keyof typeof PACKAGES;
export const LIBRARIES = Object.keys(PACKAGES) as LibraryName[];

/** Measured on the runtime of 95.6 MB: level 10 gives 36.1 MB in 2.5 s, level 19 gives 32.6 MB in 53 s. */
const COMPRESSION_LEVEL = 10;

/** Runs a command in the source tree; throws with what it printed on stderr if it fails. */
export async function runTool(command: string, args: readonly string[], cwd = ROOT): Promise<string> {
  let output: Deno.CommandOutput;
  try {
    output = await new Deno.Command(command, { args: [...args], cwd, env: { NO_COLOR: "1" } }).output();
  } catch (error) {
    throw new Error(`build: cannot run ${command}`, { cause: error });
  }
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes).trim();
  if (!output.success) throw new Error(`build: ${command} ${args.join(" ")}\n${text(output.stderr)}`);
  return text(output.stdout);
}

/**
 * One JavaScript file for all threads. Without `--keep-names`: with it, Deno 2.9.6 leaves `require` of CommonJS packages
 * unresolved ("Dynamic require of "node:events" is not supported", commander), as it looks for esbuild's own helper.
 */
export async function makeBundle(entry: string, output: string): Promise<void> {
  await runTool(Deno.execPath(), ["bundle", "--quiet", "--minify", "--output", output, entry]);
}

/**
 * The console's bundle. ink imports React's development tools by name, which it uses in one case that does not occur here
 * (`control/console/load_renderer.ts`): an empty object stands in for them.
 */
export async function makeConsoleBundle(entry: string, output: string): Promise<void> {
  await runTool(Deno.execPath(), [
    "bundle",
    "--quiet",
    "--minify",
    "--external",
    DEVTOOLS,
    "--output",
    output,
    entry,
  ]);
  Deno.writeTextFileSync(output, withoutImport(Deno.readTextFileSync(output), DEVTOOLS));
}

const DEVTOOLS = "react-devtools-core";

/** Replaces the one default import of a package by an empty object. Throws if there is not exactly one. */
export function withoutImport(bundle: string, name: string): string {
  const pattern = new RegExp(`import\\s*([\\w$]+)\\s*from\\s*"${name}";`, "g");
  const found = [...bundle.matchAll(pattern)];
  if (found.length !== 1) throw new Error(`build: ${found.length} imports of ${name} in the bundle, 1 expected`);
  return bundle.replace(pattern, (_, local: string) => `var ${local}={};`);
}

/** Compiles a C program of packaging/ into one static file. */
export async function compileStatic(source: string, output: string, libraries: readonly string[] = []): Promise<void> {
  const flags = ["-static", "-O2", "-Wall", "-Wextra", "-s", "-o", output, source];
  await runTool("gcc", [...flags, ...libraries.map((name) => `-l${name}`)]);
}

/** Path of a shared library of this machine. Throws with the name of Debian's package if it is missing. */
export function findLibrary(name: LibraryName): string {
  const { arch } = Deno.build;
  for (const folder of [`/usr/lib/${arch}-linux-gnu`, `/lib/${arch}-linux-gnu`, "/usr/lib64", "/usr/lib"]) {
    const path = join(folder, name);
    if (exists(path)) return path;
  }
  throw new Error(`build: ${name} is missing (apt-get install ${PACKAGES[name]})`);
}

export function exists(path: string): boolean {
  try {
    Deno.statSync(path);
    return true;
  } catch {
    return false;
  }
}

/** Compresses one file of the archive. */
export function packFile(name: string, path: string, mode: number): PackedFile {
  const content = Deno.readFileSync(path);
  return { name, mode, size: content.length, frame: compress(content) };
}

/** The same for a file that is large and always the same: the frame is kept in build/. */
export function packLargeFile(name: string, path: string, mode: number): PackedFile {
  const content = Deno.readFileSync(path);
  const digest = createHash("sha256").update(content).digest("hex").slice(0, 16);
  const kept = join(ROOT, "build", `${name}-${digest}-${COMPRESSION_LEVEL}.zst`);
  if (!exists(kept)) {
    Deno.writeFileSync(`${kept}.${Deno.pid}`, compress(content));
    Deno.renameSync(`${kept}.${Deno.pid}`, kept);
  }
  return { name, mode, size: content.length, frame: Deno.readFileSync(kept) };
}

function compress(content: Uint8Array): Uint8Array {
  const params = { [constants.ZSTD_c_compressionLevel]: COMPRESSION_LEVEL, [constants.ZSTD_c_checksumFlag]: 1 };
  return zstdCompressSync(content, { params });
}
