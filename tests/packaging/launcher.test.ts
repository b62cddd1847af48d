/** What passes through the launcher to the program, and where it unpacks. */
import assert from "node:assert/strict";
import { join } from "node:path";
import {
  findPaths,
  freshFolder,
  inMounts,
  inSmallRoot,
  makeSmallRoot,
  packProgram,
  program,
  reportOf,
  run,
  unpackedFolders,
  until,
} from "./harness.ts";

await packProgram();
const shared = { SEGUE_CACHE: freshFolder("shared") };

Deno.test("arguments arrive as they were given, in any number", async () => {
  const odd = ["report", "", " ", "b c", "é ✓", "--", "-A", "--version", "-", "--help", "$HOME", "a\nb", '"'];
  assert.deepEqual(reportOf(await run([program(), ...odd], shared)).args, odd);
  const many = Array.from({ length: 1000 }, (_, i) => `argument ${i}`);
  assert.deepEqual(reportOf(await run([program(), ...many], shared)).args, many);
  assert.deepEqual(reportOf(await run([program()], shared)).args, []);
});

Deno.test("it works in an empty environment, from any directory, in workers, with the libraries inside", async () => {
  const cwd = freshFolder("some where é");
  const report = reportOf(await run(inMounts("", "/usr/bin/env", "-i", program()), {}, { cwd }));
  assert.equal(report.cwd, cwd);
  assert.equal(report.thread, "report");
  assert.equal(report.library, true);
  assert.equal(report.environment.SEGUE_BUILD, "launcher");
  assert.equal(report.environment.SEGUE_EXE, program());
  assert.match(report.environment.SEGUE_LIB_DIR ?? "", /^\/var\/cache\/segue\/[0-9a-f]{32}$/);
  assert.equal(report.environment.SEGUE_GUARD, `${report.environment.SEGUE_LIB_DIR}/guard`);
});

Deno.test("exit codes pass through", async () => {
  for (const code of [0, 1, 2, 78, 255]) assert.equal((await run([program(), "exit", `${code}`], shared)).code, code);
});

Deno.test("standard input and output pass through", async () => {
  const text = "line\n".repeat(50_000);
  assert.equal((await run([program(), "echo"], shared, { stdin: text })).stdout, text);
});

Deno.test("it is one process: signals reach the program, and its parent sees what ended it", async () => {
  const start = async () => {
    const child = new Deno.Command(program(), { args: ["wait"], env: shared, stdout: "piped" }).spawn();
    const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
    assert.equal((await reader.read()).value, `waiting ${child.pid}\n`);
    return { child, reader };
  };
  const polite = await start();
  polite.child.kill("SIGTERM");
  assert.equal((await polite.reader.read()).value, "SIGTERM\n");
  assert.equal((await polite.child.status).code, 42);
  await polite.reader.cancel();
  const killed = await start();
  killed.child.kill("SIGKILL");
  assert.equal((await killed.child.status).signal, "SIGKILL");
  await killed.reader.cancel();
});

Deno.test("what the environment says to a runtime does not reach the one inside", async () => {
  const foreign = {
    NODE_OPTIONS: "--require /none.cjs",
    DENO_V8_FLAGS: "--bogus",
    DENO_DIR: "/none",
    SEGUE_LIBS: "x=/y",
  };
  const { environment } = reportOf(await run([program()], { ...shared, ...foreign }));
  assert.equal(environment.NODE_OPTIONS, undefined);
  assert.equal(environment.DENO_V8_FLAGS, undefined);
  assert.equal(environment.SEGUE_LIBS, undefined);
  assert.equal(environment.DENO_DIR, `${environment.SEGUE_LIB_DIR}/deno-dir`);
});

Deno.test("it runs on a system without runtime and libraries", async () => {
  const root = await makeSmallRoot();
  assert.deepEqual(findPaths(root, /deno|netfilter|libmnl|libnfnetlink|libsodium/), []);
  const report = reportOf(await run(inSmallRoot(root, "", "a")));
  assert.equal(report.library, true);
  assert.equal(report.datagrams, true);
  assert.match(report.environment.SEGUE_LIB_DIR ?? "", /^\/var\/cache\/segue\//);
  assert.equal((await run(inSmallRoot(root, "", "console"))).stdout, "console has openConsole\n");
});

Deno.test("read-only everywhere: it runs from memory, guard and console included", async () => {
  const root = await makeSmallRoot();
  const readOnly = "mount -o remount,bind,ro $ROOT";
  const report = reportOf(await run(inSmallRoot(root, readOnly, "a"), { HOME: "/root" }));
  assert.equal(report.library, true);
  assert.equal(report.environment.SEGUE_LIB_DIR, undefined);
  assert.match(report.environment.SEGUE_LIBS ?? "", /libnetfilter_queue\.so\.1=\/proc\/self\/fd\/\d+/);
  assert.equal((await run(inSmallRoot(root, readOnly, "guard"))).stdout, "guard ended with 2\n");
  const said = await run(inSmallRoot(root, readOnly, "console"));
  assert.equal(said.stdout + said.stderr, "console has openConsole\n");
  assert.equal((await run(inSmallRoot(root, readOnly, "exit", "78"))).code, 78);
});

Deno.test("noexec: folders on such a mount are passed over", async () => {
  const root = await makeSmallRoot();
  const noexec = "mount -o remount,bind,ro $ROOT; mount -t tmpfs -o noexec none $ROOT/tmp";
  const report = reportOf(await run(inSmallRoot(root, noexec, "a"), { SEGUE_CACHE: "/tmp/cache" }));
  assert.equal(report.library, true);
  assert.equal(report.environment.SEGUE_LIB_DIR, undefined);
});

Deno.test("a full disk: the next place is taken, and nothing is left behind", async () => {
  const root = await makeSmallRoot();
  const small = "mount -o remount,bind,ro $ROOT; mount -t tmpfs -o size=20m none $ROOT/tmp; mkdir $ROOT/tmp/cache";
  const then = `${small}\n"$@"; ls -A $ROOT/tmp/cache; exit`;
  const result = await run(inSmallRoot(root, then, "a"), { SEGUE_CACHE: "/tmp/cache" });
  const [report = "", ...left] = result.stdout.trim().split("\n");
  assert.equal(JSON.parse(report).library, true);
  assert.equal(JSON.parse(report).environment.SEGUE_LIB_DIR, undefined);
  assert.deepEqual(left, [".lock"]);
});

Deno.test("several first starts at once: one folder, all of them run", async () => {
  const env = { SEGUE_CACHE: freshFolder("busy") };
  const results = await Promise.all(Array.from({ length: 4 }, () => run([program()], env)));
  const folders = new Set(results.map((result) => reportOf(result).environment.SEGUE_LIB_DIR));
  assert.equal(folders.size, 1);
  assert.equal(unpackedFolders(env.SEGUE_CACHE).length, 1);
});

Deno.test("killed while it unpacks: nothing half is used, nothing is left", async () => {
  const env = { SEGUE_CACHE: freshFolder("killed") };
  for (const file of ["segue", "app.js"]) {
    const child = new Deno.Command(program(), { env, stdout: "null" }).spawn();
    await until("unpacking begins", () => (sizeOf(join(env.SEGUE_CACHE, ".new", file)) ?? 0) > 0);
    child.kill("SIGKILL");
    await child.status;
    assert.deepEqual(unpackedFolders(env.SEGUE_CACHE), [".new"], "killed too late");
  }
  const report = reportOf(await run([program()], env));
  assert.equal(report.environment.SEGUE_LIB_DIR?.startsWith(env.SEGUE_CACHE), true);
  assert.equal(unpackedFolders(env.SEGUE_CACHE).includes(".new"), false);
});

function sizeOf(path: string): number | undefined {
  try {
    return Deno.statSync(path).size;
  } catch {
    return undefined;
  }
}

Deno.test("an unpacked file that was cut short is made again", async () => {
  const env = { SEGUE_CACHE: freshFolder("cut") };
  const folder = reportOf(await run([program()], env)).environment.SEGUE_LIB_DIR!;
  Deno.truncateSync(join(folder, "segue"), 1000);
  assert.equal(reportOf(await run([program()], env)).environment.SEGUE_LIB_DIR, folder);
});

Deno.test("folders of older versions go, unless they are in use", async () => {
  const env = { SEGUE_CACHE: freshFolder("old") };
  const [unused, used] = ["0", "1"].map((digit) => join(env.SEGUE_CACHE, digit.repeat(32))) as [string, string];
  for (const folder of [unused, used]) {
    Deno.mkdirSync(join(folder, "deno-dir", "deeper"), { recursive: true });
    Deno.writeTextFileSync(join(folder, "deno-dir", "deeper", "file"), "");
  }
  const foreign = join(env.SEGUE_CACHE, "something-else");
  Deno.mkdirSync(foreign);
  const holder = new Deno.Command("flock", {
    args: ["-s", used, "-c", "echo locked; read x"],
    stdin: "piped",
    stdout: "piped",
  })
    .spawn();
  const reader = holder.stdout.getReader();
  await reader.read();
  reportOf(await run([program()], env));
  await holder.stdin.close();
  await holder.status;
  await reader.cancel();
  assert.deepEqual([unused, used, foreign].map((path) => sizeOf(path) !== undefined), [false, true, true]);
});
