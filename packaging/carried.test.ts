import assert from "node:assert/strict";
import { announceCarried, type Host } from "./carried.ts";
import { compileArguments } from "./pack.ts";

function fakeHost(standalone: boolean, environment: Record<string, string>): Host {
  return {
    standalone,
    executable: "/usr/local/sbin/segue",
    getEnv: (name) => environment[name],
    setEnv: (name, value) => environment[name] = value,
  };
}

Deno.test("an executable of deno compile says what it carries", () => {
  const environment: Record<string, string> = {};
  announceCarried("/tmp/deno-compile-segue", "run", (path) => `unpacked:${path}`, fakeHost(true, environment));
  assert.deepEqual(environment, {
    SEGUE_BUILD: "compile",
    SEGUE_EXE: "/usr/local/sbin/segue",
    SEGUE_LIB_DIR: "/tmp/deno-compile-segue/carried",
    SEGUE_GUARD: "unpacked:/tmp/deno-compile-segue/carried/guard",
  });
});

Deno.test("only the daemon gets a guard", () => {
  const environment: Record<string, string> = {};
  announceCarried("/x", "status", () => assert.fail("unpacked"), fakeHost(true, environment));
  assert.equal(environment.SEGUE_GUARD, undefined);
});

Deno.test("sources and launcher are left alone", () => {
  const source: Record<string, string> = {};
  announceCarried("/x", "run", () => assert.fail("unpacked"), fakeHost(false, source));
  assert.deepEqual(source, {});
  const launcher = { SEGUE_BUILD: "launcher", SEGUE_LIB_DIR: "/y" };
  announceCarried("/x", "run", () => assert.fail("unpacked"), fakeHost(true, launcher));
  assert.deepEqual(launcher, { SEGUE_BUILD: "launcher", SEGUE_LIB_DIR: "/y" });
});

Deno.test("deno compile embeds the libraries, the guard and the console, and nothing it finds by itself", () => {
  const args = compileArguments("app.js", "/out/segue");
  const embedded = args.filter((_, i) => args[i - 1] === "--include");
  assert.deepEqual(embedded, [
    "carried/libnfnetlink.so.0",
    "carried/libmnl.so.0",
    "carried/libnetfilter_queue.so.1",
    "carried/libsodium.so.23",
    "carried/guard",
    "console.js",
  ]);
  assert.deepEqual(args.slice(-3), ["--output", "/out/segue", "app.js"]);
  assert.equal(args.includes("--no-config"), true);
});
