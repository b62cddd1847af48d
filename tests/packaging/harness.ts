/** What the packaging tests share: one packed program, private mounts, a small root to live in. Needs root. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { packWithLauncher } from "../../packaging/pack.ts";

/** What tests/packaging/program.ts says of itself. */
export interface Report {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly pid: number;
  readonly environment: Readonly<Record<string, string>>;
  readonly thread: string;
  readonly library: boolean;
  readonly datagrams: boolean;
}

export interface Result {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Folder of this test run; made and removed by `withProgram`. */
let work = "";

/** The packed program. */
export function program(): string {
  return join(work, "probe");
}

/** Packs the program once for all tests of a file, and removes everything when the process ends. */
export async function packProgram(): Promise<void> {
  work = Deno.makeTempDirSync({ prefix: "segue-packaging-" });
  Deno.chmodSync(work, 0o755);
  globalThis.addEventListener("unload", () => Deno.removeSync(work, { recursive: true }));
  await packWithLauncher("tests/packaging/program.ts", program());
}

/** A fresh folder, below the one that is removed at the end. */
export function freshFolder(name: string, mode = 0o755): string {
  const folder = Deno.makeTempDirSync({ dir: work, prefix: `${name}-` });
  Deno.chmodSync(folder, mode);
  return folder;
}

/** Runs a command with exactly this environment. */
export async function run(
  command: readonly string[],
  env: Record<string, string> = {},
  options: { readonly cwd?: string; readonly stdin?: string } = {},
): Promise<Result> {
  const child = new Deno.Command(command[0]!, {
    args: command.slice(1),
    clearEnv: true,
    env,
    cwd: options.cwd ?? "/",
    stdin: options.stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const [{ code, signal, stdout, stderr }] = await Promise.all([
    child.output(),
    options.stdin === undefined ? undefined : new Blob([options.stdin]).stream().pipeTo(child.stdin),
  ]);
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, signal, stdout: text(stdout), stderr: text(stderr) };
}

/** The report of a run that went well. */
export function reportOf(result: Result): Report {
  assert.equal(result.code, 0, result.stderr);
  assert.equal(result.stderr, "");
  return JSON.parse(result.stdout);
}

/**
 * A command that sets mounts up by a shell script and then runs `command`, in a mount namespace of its own: all mounts
 * are gone when it ends. /var/cache, /tmp/… of the machine are not touched: /var/cache and /root are empty there.
 */
export function inMounts(script: string, ...command: string[]): string[] {
  const privately =
    "set -e; mount -t tmpfs -o mode=755 none /var/cache; mount -t tmpfs -o mode=700 none /root; export PATH=/usr/sbin:/usr/bin";
  return ["/usr/bin/unshare", "--mount", "/bin/sh", "-c", `${privately}\n${script}\nexec "$@"`, "sh", ...command];
}

/**
 * Makes the smallest system that runs the program: the loader, the C library and what else the runtime itself wants.
 * Neither a runtime nor libnetfilter_queue is in it. Returns its folder, with the program as /segue.
 */
export async function makeSmallRoot(): Promise<string> {
  const root = freshFolder("root");
  for (const folder of ["proc", "dev", "tmp", "lib64", "lib", "var/cache", "root"]) {
    Deno.mkdirSync(join(root, folder), { recursive: true });
  }
  const { stdout } = await run(["/usr/bin/ldd", Deno.execPath()]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1]!);
  assert.equal(libraries.some((path) => path.includes("libc.so.6")), true, stdout);
  for (const path of libraries) {
    Deno.mkdirSync(join(root, path, ".."), { recursive: true });
    Deno.copyFileSync(path, join(root, path));
  }
  Deno.writeTextFileSync(join(root, "dev", "null"), "");
  Deno.copyFileSync(program(), join(root, "segue"));
  return root;
}

/** Runs /segue in a small root, after `script` has mounted what it wants below $ROOT. */
export function inSmallRoot(root: string, script: string, ...args: string[]): string[] {
  const mounts =
    `ROOT=${root}; mount --bind $ROOT $ROOT; mount -t proc none $ROOT/proc; mount --bind /dev/null $ROOT/dev/null\n${script}`;
  return inMounts(mounts, "/usr/sbin/chroot", root, "/segue", ...args);
}

/** The folders with unpacked files in a cache. */
export function unpackedFolders(cache: string): string[] {
  return Array.from(Deno.readDirSync(cache), ({ name }) => name).filter((name) => name !== ".lock");
}

/** Waits until something is so. */
export async function until(what: string, isSo: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`waited 20 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

/** Paths below a folder whose last part matches. */
export function findPaths(folder: string, pattern: RegExp): string[] {
  return Array.from(Deno.readDirSync(folder)).flatMap((entry) => {
    const path = join(folder, entry.name);
    const own = pattern.test(entry.name) ? [path] : [];
    return entry.isDirectory ? [...own, ...findPaths(path, pattern)] : own;
  });
}
