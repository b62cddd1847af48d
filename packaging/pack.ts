/**
 * Builds the one executable: `deno task compile` → dist/segue.
 *
 * `deno compile` where its base (denort of the pinned version) can be had, else the launcher. SEGUE_BUILD_WITH=compile
 * or =launcher decides; without it, and without a denort on this machine, `deno compile` gets one try at fetching it.
 */
import { basename, dirname, join } from "node:path";
import { encodeArchive } from "./archive.ts";
import {
  compileStatic,
  exists,
  findLibrary,
  LIBRARIES,
  makeBundle,
  makeConsoleBundle,
  packFile,
  packLargeFile,
} from "./parts.ts";
import { chooseWay, findDenort, pinnedRuntime, readPin, ROOT, type Way } from "./runtime.ts";

const BUILD = join(ROOT, "build");
/** A bundle of its own, beside that of everything else: only `segue console` loads it. */
const CONSOLE_ENTRY = "control/console/main.ts";
const CONSOLE_BUNDLE = "console.js";
/** A machine behind a silent firewall would otherwise wait for minutes. */
const FETCH_LIMIT_MS = 30_000;

/** Makes an executable of the program `entry` with the launcher. */
export async function packWithLauncher(entry: string, output: string): Promise<void> {
  const pin = readPin();
  const runtime = pinnedRuntime(pin);
  Deno.mkdirSync(BUILD, { recursive: true });
  const work = Deno.makeTempDirSync({ dir: BUILD, prefix: "pack-" });
  try {
    await Promise.all([
      makeBundle(entry, join(work, "app.js")),
      makeConsoleBundle(CONSOLE_ENTRY, join(work, CONSOLE_BUNDLE)),
      compileStatic("packaging/guard.c", join(work, "guard")),
      compileStatic("packaging/launcher.c", join(work, "launcher"), ["zstd"]),
    ]);
    const archive = encodeArchive(Deno.readFileSync(join(work, "launcher")), [
      packFile("app.js", join(work, "app.js"), 0o644),
      packFile(CONSOLE_BUNDLE, join(work, CONSOLE_BUNDLE), 0o644),
      packFile("guard", join(work, "guard"), 0o755),
      ...LIBRARIES.map((name) => packFile(name, findLibrary(name), 0o644)),
      // Its name is what `ps` and `top` show.
      packLargeFile("segue", runtime, 0o755),
    ]);
    replaceFile(output, archive);
    Deno.renameSync(join(work, "guard"), join(BUILD, "guard")); // for the program when it runs from its sources
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

/** Arguments of `deno compile`. The libraries and the guard are embedded; packaging/carried.ts finds them at run time. */
export function compileArguments(bundle: string, output: string): string[] {
  const embedded = [...[...LIBRARIES, "guard"].map((name) => join("carried", name)), CONSOLE_BUNDLE]
    .flatMap((path) => ["--include", path]);
  // The flags of the launcher.
  const flags = [
    "--allow-all",
    "--no-prompt",
    "--no-config",
    "--no-lock",
    "--no-check",
    "--unstable-net",
    "--v8-flags=--max-semi-space-size=1,--no-maglev,--no-short-builtin-calls",
  ];
  return ["compile", "--quiet", ...flags, ...embedded]
    .concat(["--output", output, bundle]);
}

/** The same with `deno compile`, in a clean folder: it embeds each node_modules that it finds. */
export async function packWithCompile(entry: string, output: string, signal?: AbortSignal): Promise<void> {
  pinnedRuntime(readPin());
  const work = Deno.makeTempDirSync({ prefix: "segue-compile-" });
  try {
    Deno.mkdirSync(join(work, "carried"));
    await makeBundle(entry, join(work, "app.js"));
    await makeConsoleBundle(CONSOLE_ENTRY, join(work, CONSOLE_BUNDLE));
    await compileStatic("packaging/guard.c", join(work, "carried", "guard"));
    for (const name of LIBRARIES) Deno.copyFileSync(findLibrary(name), join(work, "carried", name));
    const made = join(work, basename(output));
    const options = { args: compileArguments("app.js", made), cwd: work, env: { NO_COLOR: "1" } };
    const result = await new Deno.Command(Deno.execPath(), { ...options, ...(signal ? { signal } : {}) }).output();
    if (!result.success) throw new Error(`build: deno compile: ${new TextDecoder().decode(result.stderr).trim()}`);
    replaceFile(output, Deno.readFileSync(made));
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

/** Builds `output` and says which way was taken. */
export async function pack(entry: string, output: string): Promise<Way> {
  const asked = Deno.env.get("SEGUE_BUILD_WITH");
  const way = chooseWay(asked, findDenort(readPin().version, (name) => Deno.env.get(name), exists));
  if (way === "compile") {
    await packWithCompile(entry, output);
    return way;
  }
  if (!asked && await fetchesDenort()) {
    await packWithCompile(entry, output);
    return "compile";
  }
  await packWithLauncher(entry, output);
  return way;
}

/** Can `deno compile` fetch its base here? Tried on an empty program. */
async function fetchesDenort(): Promise<boolean> {
  const work = Deno.makeTempDirSync({ prefix: "segue-denort-" });
  try {
    Deno.writeTextFileSync(join(work, "empty.js"), "");
    const args = ["compile", "--quiet", "--no-config", "--output", "empty", "empty.js"];
    const signal = AbortSignal.timeout(FETCH_LIMIT_MS);
    return (await new Deno.Command(Deno.execPath(), { args, cwd: work, stdout: "null", stderr: "null", signal })
      .output())
      .success;
  } finally {
    Deno.removeSync(work, { recursive: true });
  }
}

/** A running program keeps its old file: the new one takes the name. */
function replaceFile(path: string, content: Uint8Array): void {
  Deno.mkdirSync(dirname(path), { recursive: true });
  const fresh = `${path}.${Deno.pid}.new`;
  Deno.writeFileSync(fresh, content, { mode: 0o755 });
  Deno.chmodSync(fresh, 0o755);
  Deno.renameSync(fresh, path);
}

if (import.meta.main) {
  try {
    if (Deno.args[0] === "--bundle") {
      Deno.mkdirSync(BUILD, { recursive: true });
      await makeBundle("main.ts", join(BUILD, "app.js"));
      await makeConsoleBundle(CONSOLE_ENTRY, join(BUILD, CONSOLE_BUNDLE));
    } else {
      const output = join(ROOT, "dist", "segue");
      const way = await pack("main.ts", output);
      const megabytes = (Deno.statSync(output).size / 1e6).toFixed(1);
      console.error(`dist/segue: ${megabytes} MB, made with ${way === "compile" ? "deno compile" : "the launcher"}`);
    }
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    Deno.exit(1);
  }
}
