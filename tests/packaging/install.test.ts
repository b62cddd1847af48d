/** install.sh: what it puts where, what it leaves, what it says. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../packaging/runtime.ts";
import { run } from "./harness.ts";

const PATH = Deno.env.get("PATH")!;
const HOME = Deno.env.get("HOME") ?? "/root";
const script = join(ROOT, "install.sh");
const install = (...args: string[]) => run([script, ...args], { PATH, HOME }, { cwd: "/" });

/** All files below a folder with their modes. */
function listing(folder: string, below = ""): string[] {
  return Array.from(Deno.readDirSync(join(folder, below))).flatMap((entry) => {
    const path = join(below, entry.name);
    if (entry.isDirectory) return listing(folder, path);
    return [`${(Deno.statSync(join(folder, path)).mode! & 0o777).toString(8)} ${path}`];
  }).sort();
}

async function inStage(body: (stage: string) => Promise<void>): Promise<void> {
  const stage = Deno.makeTempDirSync({ prefix: "segue-stage-" });
  try {
    await body(stage);
  } finally {
    Deno.removeSync(stage, { recursive: true });
  }
}

const INSTALLED = [
  "644 etc/segue/segue.toml.sample",
  "644 etc/systemd/system/segue.service",
  "644 usr/local/share/man/man1/segue.1",
  "644 usr/local/share/man/man5/segue.toml.5",
  "755 usr/local/sbin/segue",
];

Deno.test("install puts program, unit, sample and man pages in their places, again and again", async () => {
  await inStage(async (stage) => {
    for (let i = 0; i < 2; i++) {
      const result = await install("install", "--prefix", stage);
      assert.equal(result.code, 0, result.stderr);
      assert.deepEqual(listing(stage), INSTALLED);
    }
    const versionOf = async (path: string) => JSON.parse((await run([path, "version", "--json"], { HOME })).stdout);
    const version = await versionOf(join(stage, "usr/local/sbin/segue"));
    assert.equal(["launcher", "compile"].includes(version.build), true, version.build);
  });
});

Deno.test("a configuration is never written over, and stays when segue goes; --purge takes it", async () => {
  await inStage(async (stage) => {
    const config = join(stage, "etc/segue/segue.toml");
    const journal = join(stage, "var/lib/segue/journal.db");
    for (const path of [config, journal]) {
      Deno.mkdirSync(join(path, ".."), { recursive: true });
      Deno.writeTextFileSync(path, "mine");
    }
    assert.equal((await install("install", `--prefix=${stage}`)).code, 0);
    assert.equal(Deno.readTextFileSync(config), "mine");
    assert.equal((await install("uninstall", "--prefix", stage)).code, 0);
    assert.deepEqual(listing(stage), ["644 etc/segue/segue.toml", "644 var/lib/segue/journal.db"]);
    assert.equal((await install("uninstall", "--prefix", stage)).code, 0, "nothing left to remove is no error");
    assert.equal((await install("uninstall", "--purge", "--prefix", stage)).code, 0);
    assert.deepEqual(listing(stage), []);
  });
});

Deno.test("help on stdout, anything unknown is a usage error", async () => {
  const help = await install("help");
  assert.equal(help.code, 0);
  for (const command of ["build", "lab", "test", "install", "uninstall"]) {
    assert.match(help.stdout, new RegExp(`^  ${command}\\b`, "m"));
  }
  assert.equal((await install("instal")).code, 2);
  assert.match((await install("install", "--bogus")).stderr, /^segue: unknown option --bogus$/m);
});

Deno.test("an ordinary user is told what to do", async () => {
  const asNobody = [
    "/usr/bin/setpriv",
    "--reuid=65534",
    "--regid=65534",
    "--clear-groups",
    "/bin/bash",
    "-s",
    "install",
  ];
  const stdin = Deno.readTextFileSync(script).replace(/^ROOT=.*$/m, "ROOT=/none").replace(/^\. .*$/m, "DENO_VERSION=0");
  const result = await run(asNobody, { PATH }, { stdin });
  assert.equal(result.code, 1);
  assert.equal(result.stderr, "segue: this needs root\n       or use --prefix DIR to stage the files\n");
});

Deno.test("the scripts are clean for shellcheck", async () => {
  const result = await run(["/usr/bin/shellcheck", "-x", script, join(ROOT, ".ci/run")], { PATH }, { cwd: ROOT });
  assert.equal(result.stdout, "");
  assert.equal(result.code, 0);
});
