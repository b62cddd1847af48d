/** What a daemon that is killed or stopped leaves behind: what it held, its gate, its addresses; with its guard and without. */
import assert from "node:assert/strict";
import { planGateTable } from "../../control/switch/ruleset.ts";
import { GuardWord, startGuard } from "../../kernel_ffi/guard.ts";
import { GATE_TABLE, queuesOf } from "../../control/switch/ruleset_spec.ts";
import { interfaceIndex, monotonicUs } from "../../kernel_ffi/libc.ts";
import { encodeGetTable } from "../../kernel_ffi/nftables/query.ts";
import { openNftables } from "../../kernel_ffi/nftables/socket.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { nfqLibrary } from "../../kernel_ffi/nfqueue_library.ts";
import { withGuardProgram } from "./guard_program.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import type { HolderWord } from "./queue_holder.ts";
import {
  arpRequest,
  clientFrame,
  firstBytes,
  OWN_MAC,
  PEER_MAC,
  QUEUES,
  RulesFixture,
  SLOT,
  speaksAs,
  VIP4,
  VIP6,
} from "./rules_fixture.ts";
import { until } from "./wire.ts";

// Opened once for the whole run: in a test it would look like a leak.
nfqLibrary();

const HOLDER = new URL("./queue_holder.ts", import.meta.url).pathname;

const NO_WORD: HolderWord = { addresses: [], gate: "" };

/** What a daemon whose rules are those of the fixture tells its guard. */
function wordOf(node: RulesFixture): HolderWord {
  const places = [[interfaceIndex("veth0"), VIP4, 32], [interfaceIndex("veth0"), VIP6, 128], [1, VIP4, 32], [
    1,
    VIP6,
    128,
  ]] as const;
  return {
    addresses: places.map(([ifindex, address, prefixLength]) => ({
      ifindex,
      address: address.toBase64(),
      prefixLength,
    })),
    gate: planGateTable(node.spec, false).finish().toBase64(),
  };
}

/** A process that holds both queues; resolves once it does. */
async function startHolder(guard: string | null, word = NO_WORD) {
  const args = [
    "run",
    "-A",
    "--no-check",
    "--no-config",
    HOLDER,
    ...(guard === null ? [] : [guard, JSON.stringify(word)]),
  ];
  const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "inherit", stdin: "null" }).spawn();
  const reader = child.stdout.getReader();
  const { value } = await reader.read();
  const guardPid = Number(new TextDecoder().decode(value));
  return {
    guardPid,
    signal: (signal: Deno.Signal) => child.kill(signal),
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
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const holder = await startHolder(path);
      assert.ok(isAlive(holder.guardPid));
      const socket = node.bind(VIP4);
      node.rules.setHold(["web"], 10_000);
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

Deno.test("the guard lets go what was held for several groups, each in its order", () =>
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const other = new Uint8Array([10, 77, 0, 101]);
      const slots = [
        { slot: SLOT, group: "web", queues: queuesOf(0), v4: [VIP4], v6: [] },
        { slot: SLOT + 1, group: "dns", queues: queuesOf(1), v4: [other], v6: [] },
      ];
      const node = new RulesFixture({ interfaces: [{ name: "veth0", mac: OWN_MAC, peerMac: PEER_MAC, slots }] });
      run("ip", "addr", "add", "10.77.0.101/32", "dev", "veth0");
      const holder = await startHolder(path);
      const sockets = [node.bind(VIP4), node.bind(other)];
      node.rules.setHold(["web", "dns"], 10_000);
      for (const { slot } of slots) node.order("hold", slot);
      for (let i = 0; i < 40; i++) {
        const by = i % 2 === 0 ? { by: PEER_MAC } : {};
        node.far.send(clientFrame(i, by));
        node.far.send(clientFrame(i, { ...by, to: other }));
      }
      await holder.kill();
      const even = Array.from({ length: 20 }, (_, i) => 2 * i);
      for (const socket of sockets) {
        const heard: number[] = [];
        await until("held packets", () => heard.push(...firstBytes(socket)) >= 40);
        assert.deepEqual(heard, [...even, ...even.map((it) => it + 1)]);
      }
      node.close();
    })
  ));

Deno.test("without a guard what a killed daemon held is lost", () =>
  inFreshNamespace(async () => {
    const node = new RulesFixture();
    const holder = await startHolder(null);
    const socket = node.bind(VIP4);
    node.rules.setHold(["web"], 10_000);
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
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const queues = [QUEUES.passed, QUEUES.direct].map((queue) => new HoldQueue(queue, { maxLength: 100 }));
      const word = new GuardWord([]), guard = startGuard(path, queues, word);
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
      node.rules.setHold(["web"], 10_000);
      node.order("hold");
      holdFrames(node, 0, 4);
      guard.stop();
      await until("the guard's end", () => !isAlive(guard.pid));
      guard.stop();
      assert.deepEqual(firstBytes(socket), []);
      assert.equal(queues[0]!.releaseAll() + queues[1]!.releaseAll(), 4);
      assert.deepEqual(firstBytes(socket), [0, 2, 1, 3]);
      for (const queue of queues) queue.close();
      word.close();
      node.close();
    })
  ));

Deno.test("the guard of a daemon that held nothing soon leaves the queues to the next one", () =>
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const holder = await startHolder(path);
      await holder.kill();
      const start = performance.now();
      await until("the guard's end", () => !isAlive(holder.guardPid));
      assert.ok(performance.now() - start < 2000);
      new HoldQueue(QUEUES.passed, { maxLength: 10 }).close();
    })
  ));

Deno.test("a guard whose daemon is dead already ends; bad arguments are refused", () =>
  withGuardProgram((path) => {
    for (const args of [["1"], ["1", "3"], ["1", "3", "5"], ["1", "3", "5", "1", "6"]]) {
      assert.equal(new Deno.Command(path, { args }).outputSync().code, 2);
    }
    // Process 1 is not the parent, so the parent that it was meant for is gone; and there is no such queue.
    assert.equal(new Deno.Command(path, { args: ["1", "98", "99", "1"] }).outputSync().code, 0);
  }));

/** Who asks for the address is answered, by the kernel whose end of the wire this is. */
async function answers(node: RulesFixture): Promise<boolean> {
  node.far.received();
  for (let i = 0; i < 5; i++) {
    node.far.send(arpRequest());
    await new Promise((resolve) => setTimeout(resolve, 4));
    if (node.far.received().some((frame) => speaksAs(frame) === "arp")) return true;
  }
  return false;
}

function hasGate(): boolean {
  return run("nft", "list", "tables").includes("table netdev segue");
}

/** Takes the table away. For how long it is gone, in µs: somebody else must put it back. */
function openFor(node: RulesFixture): number {
  const socket = openNftables();
  const question = encodeGetTable(GATE_TABLE);
  node.rules.remove();
  const start = monotonicUs();
  while (socket.exchange(question) !== 0) assert.ok(monotonicUs() - start < 2e6, "the gate stays open");
  const openUs = Math.round(monotonicUs() - start);
  socket.close();
  return openUs;
}

Deno.test("a daemon is stopped and its rules are flushed: its kernel answers for the address, and with a guard it does not", () =>
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const alone = await startHolder(null);
      alone.signal("SIGSTOP");
      assert.equal(await answers(node), false);
      run("nft", "flush", "ruleset");
      assert.equal(await answers(node), true);
      await alone.kill();

      node.rules.install();
      const holder = await startHolder(path, wordOf(node));
      holder.signal("SIGSTOP");
      run("nft", "flush", "ruleset");
      await until("the gate", hasGate);
      assert.equal(await answers(node), false);
      assert.ok(run("ip", "-o", "address", "show", "dev", "veth0").includes("10.77.0.100/32"));
      // Not the table, only what stands in it.
      run("nft", "flush", "table", "netdev", "segue");
      await until("the rules", () => run("nft", "list", "table", "netdev", "segue").includes("vmap @"));
      assert.equal(await answers(node), false);
      const openUs = Array.from({ length: 20 }, () => openFor(node)).toSorted((x, y) => x - y);
      console.log(`without a gate for ${openUs[10]} µs (median of 20), ${openUs[19]} µs at most`);
      // Whoever thaws finds rules in which there is no lease.
      holder.signal("SIGCONT");
      assert.equal(node.rules.leaseLeftMs(7), null);
      await holder.kill();
      node.close();
    })
  ));

Deno.test("the gate of a daemon that runs is its own: the guard waits, and then puts back a table that is still gone, nothing less", () =>
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      const holder = await startHolder(path, wordOf(node));
      run("nft", "flush", "table", "netdev", "segue");
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.ok(!run("nft", "list", "table", "netdev", "segue").includes("vmap @"));
      // A replacement takes the table away too, and brings it at once: the lease that is in it stays.
      node.rules.installGate();
      node.takeLease();
      await new Promise((resolve) => setTimeout(resolve, 100));
      assert.ok(node.rules.leaseLeftMs(7) !== null);
      run("nft", "flush", "ruleset");
      await until("the gate", hasGate);
      await holder.kill();
      node.close();
    })
  ));

Deno.test("the addresses of a daemon that is killed are taken off the machine, before the queues are free; a flush meanwhile opens nothing", () =>
  withGuardProgram((path) =>
    inFreshNamespace(async () => {
      const node = new RulesFixture();
      run("ip", "link", "set", "lo", "up");
      run("ip", "address", "add", "10.77.0.100/32", "dev", "lo");
      run("ip", "address", "add", "fd00:77::100/128", "dev", "lo", "nodad");
      const holder = await startHolder(path, wordOf(node));
      await holder.kill();
      run("nft", "flush", "ruleset");
      await until("the gate or the end", () => hasGate() || !isAlive(holder.guardPid));
      assert.equal(await answers(node), false);
      await until("the guard's end", () => !isAlive(holder.guardPid));
      assert.deepEqual(
        run("ip", "-o", "address").split("\n").filter((line) => /10\.77\.0\.100|77::100/.test(line)),
        [],
      );
      run("nft", "flush", "ruleset");
      assert.equal(await answers(node), false);
      node.close();
    })
  ));
