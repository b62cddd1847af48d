/** What is held by a daemon that is killed: let go in order by its guard, lost without one. */
import assert from "node:assert/strict";
import { startGuard } from "../../kernel_ffi/guard.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import { clientFrame, firstBytes, PEER_MAC, RulesFixture, VIP4 } from "./rules_fixture.ts";
import { until } from "./wire.ts";

// Opened once for the whole run: in a test it would look like a leak.
nfqLibrary();

const HOLDER = new URL("./queue_holder.ts", import.meta.url).pathname;

/** Builds the guard and calls `body` with its path. */
async function withGuard(body: (path: string) => void | Promise<void>): Promise<void> {
  const directory = Deno.makeTempDirSync({ prefix: "guard-" });
  try {
    const source = new URL("../../packaging/guard.c", import.meta.url).pathname;
    run("gcc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", `${directory}/guard`, source);
    await body(`${directory}/guard`);
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

/** A process that holds both queues; resolves once it does. */
async function startHolder(guard: string | null) {
  const args = ["run", "-A", "--no-check", "--no-config", HOLDER, ...(guard === null ? [] : [guard])];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit", stdin: "null" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const guardPid = Number(new TextDecoder().decode(value));
  return {
    guardPid,
    async kill() {
      child.kill("SIGKILL");
      await child.status;
      await reader.cancel();
    },
  };
}

function isAlive(pid: number): boolean {
  try {
    // Killed but not waited for yet is dead too.
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}

function holdFrames(node: RulesFixture, from: number, to: number): void {
  for (let i = from; i < to; i++) node.far.send(clientFrame(i, i % 2 === 0 ? { by: PEER_MAC } : {}));
}

Deno.test("the guard lets go what a killed daemon held, in order, and goes on until the hold ends", () =>
  withGuard((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const holder = await startHolder(path);
      assert.ok(isAlive(holder.guardPid));
      const socket = node.bind(VIP4);
      node.rules.setHold({ v4: [VIP4], v6: [] }, 10_000);
      node.order("hold");
      holdFrames(node, 0, 100);
      assert.deepEqual(firstBytes(socket), []);
      await holder.kill();

      const heard: number[] = [];
      await until("held packets", () => heard.push(...firstBytes(socket)) >= 100);
      const even = Array.from({ length: 50 }, (_, i) => 2 * i);
      assert.deepEqual(heard, [...even, ...even.map((it) => it + 1)]);

      // Nobody ended the hold; the guard passes on what comes in.
      heard.length = 0;
      holdFrames(node, 100, 110);
      await until("later packets", () => heard.push(...firstBytes(socket)) >= 10);
      assert.deepEqual(heard.sort(), Array.from({ length: 10 }, (_, i) => 100 + i));

      await until("the guard's end", () => !isAlive(holder.guardPid));
      node.close();
    })
  ));

Deno.test("without a guard what a killed daemon held is lost", () =>
  inFreshNamespace(async () => {
    const node = new RulesFixture();
    const holder = await startHolder(null);
    const socket = node.bind(VIP4);
    node.rules.setHold({ v4: [VIP4], v6: [] }, 10_000);
    node.order("hold");
    holdFrames(node, 0, 10);
    await holder.kill();
    // The queue is gone, so the rule passes by.
    const heard: number[] = [];
    await until("a packet past the queues", () => {
      node.far.send(clientFrame(200));
      return heard.push(...firstBytes(socket)) > 0;
    });
    assert.deepEqual([...new Set(heard)], [200]);
    node.close();
  }));

Deno.test("a guard that is stopped ends at once and lets nothing go", () =>
  withGuard((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const queues = [1, 2].map((queue) => new HoldQueue(queue, { maxLength: 100 }));
      const guard = startGuard(path, queues);
      const fds = Array.from(Deno.readDirSync(`/proc/${guard.pid}/fd`), ({ name }) => Number(name));
      await until("the guard's own program", () => Deno.readLinkSync(`/proc/${guard.pid}/exe`) === path);
      assert.ok(queues.every(({ fd }) => fds.includes(fd)));
      const other = new Deno.Command("sleep", { args: ["60"] }).spawn();
      await until("another child", () => Deno.readLinkSync(`/proc/${other.pid}/exe`).endsWith("sleep"));
      const inherited = Array.from(Deno.readDirSync(`/proc/${other.pid}/fd`), ({ name }) => Number(name));
      assert.ok(queues.every(({ fd }) => !inherited.includes(fd)), "another child keeps the packets too");
      other.kill("SIGKILL");
      await other.status;

      const socket = node.bind(VIP4);
      node.rules.setHold({ v4: [VIP4], v6: [] }, 10_000);
      node.order("hold");
      holdFrames(node, 0, 4);
      guard.stop();
      await until("the guard's end", () => !isAlive(guard.pid));
      guard.stop();
      assert.deepEqual(firstBytes(socket), []);
      assert.equal(queues[0]!.releaseAll() + queues[1]!.releaseAll(), 4);
      assert.deepEqual(firstBytes(socket), [0, 2, 1, 3]);
      for (const queue of queues) queue.close();
      node.close();
    })
  ));

Deno.test("the guard of a daemon that held nothing soon leaves the queues to the next one", () =>
  withGuard((path) =>
    inFreshNamespace(async () => {
      const holder = await startHolder(path);
      await holder.kill();
      const start = performance.now();
      await until("the guard's end", () => !isAlive(holder.guardPid));
      assert.ok(performance.now() - start < 2000);
      new HoldQueue(1, { maxLength: 10 }).close();
    })
  ));

Deno.test("a guard whose daemon is dead already ends; bad arguments are refused", () =>
  withGuard((path) => {
    assert.equal(new Deno.Command(path, { args: ["1"] }).outputSync().code, 2);
    // Process 1 is not the parent, so the parent that it was meant for is gone; and there is no such queue.
    assert.equal(new Deno.Command(path, { args: ["1", "99", "1"] }).outputSync().code, 0);
  }));
