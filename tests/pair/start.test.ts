/** Starts and ends of daemons: together, alone, after a crash, twice, on request. */
import assert from "node:assert/strict";
import { readEvents } from "../../control/journal/reader.ts";
import { JOURNAL_NAME } from "../../control/journal/files.ts";
import { type LabProcess, segueCommand } from "../../control/lab/process.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import {
  assertPerfect,
  assertReigns,
  daemonArgs,
  exists,
  footprint,
  GAP_MS_MAX,
  other,
  segue,
  sleep,
  withPair,
  withWorld,
} from "./pair.ts";

async function becomes(world: World, node: NodeName, role: string, timeoutMs = 10_000): Promise<void> {
  let seen: string | null = null;
  await world.until(
    async () => (seen = await world.role(node)) === role,
    timeoutMs,
    () => `${node} to be ${role}, it is ${seen}`,
  );
}

async function epochOf(world: World, node: NodeName): Promise<number> {
  return (await world.status(node))!.groups[0]!.epoch;
}

/** Both daemons at once, as by a power cut. */
async function killBoth(world: World): Promise<void> {
  for (const name of NODES) world.daemon(name).signal("SIGKILL");
  for (const name of NODES) await world.daemon(name).ended;
}

/** Milliseconds from the start of the process to a node that can take over, by its own word. */
async function readyMs(daemon: LabProcess): Promise<number> {
  const line = await daemon.line((text) => text.includes("is ready after"), 15_000);
  return Number(line.match(/ready after (\d+) ms/)![1]);
}

/** Collects who should have spoken, in order; the same node twice in a row is one reign to the watcher. */
function noteReign(expected: NodeName[], node: NodeName): void {
  if (expected.at(-1) !== node) expected.push(node);
}

/** Epochs of all reigns that a node's journal knows, in the order of the journal. */
function reignEpochs(world: World, node: NodeName): number[] {
  return readEvents(`${world.stateDir(node)}/${JOURNAL_NAME}`).flatMap((entry) =>
    entry.type === "switch" && entry.receipt.outcome === "done" && entry.receipt.kind !== "handover" &&
      entry.receipt.kind !== "yield"
      ? [entry.receipt.epoch]
      : []
  );
}

function assertGrows(epochs: readonly number[], whose: string): void {
  for (let i = 1; i < epochs.length; i++) {
    assert.ok(epochs[i]! > epochs[i - 1]!, `${whose}: epoch ${epochs[i]} after ${epochs[i - 1]}`);
  }
}

Deno.test("both started at once, again and again after kill -9 of both: one primary each time, epochs only grow", async () => {
  await withWorld(async (world) => {
    const expected: NodeName[] = [], epochs: number[] = [], ready: number[] = [];
    for (let round = 0; round < 5; round++) {
      // Every round another one is first, by a random head start.
      const first: NodeName = round % 2 === 0 ? "a" : "b";
      world.start(first);
      await sleep(Math.random() * 300);
      world.start(other(first));
      for (const name of NODES) ready.push(await readyMs(world.daemon(name)));
      const primary = await world.settled();
      await sleep(150);
      assert.equal(await world.primary(), primary);
      assert.equal(await world.role(other(primary)), "standby");
      noteReign(expected, primary);
      epochs.push(await epochOf(world, primary));
      await world.until(
        async () => await epochOf(world, other(primary)) === epochs.at(-1),
        2000,
        "the standby to know the epoch",
      );
      await killBoth(world);
    }
    assertGrows(epochs, "status");
    await assertReigns(world, expected.join(" "));
    for (const name of NODES) assertGrows(reignEpochs(world, name), `journal of ${name}`);
    const known = NODES.flatMap((name) => reignEpochs(world, name));
    assert.equal(new Set(known).size, known.length, "no epoch was used twice");
    console.log(`ready after ${ready.join(", ")} ms`);
    assert.ok(ready.every((ms) => ms < 5000), `${ready}`);
  });
});

Deno.test("one alone becomes primary after start_wait; the other one joins as standby, nothing lost", async () => {
  await withWorld(async (world) => {
    world.start("b");
    await readyMs(world.daemon("b"));
    const sinceReady = performance.now();
    await becomes(world, "b", "primary");
    const receipt = (await world.status("b"))!.groups[0]!.last_switch!;
    assert.equal(receipt.kind, "start");
    assert.match(receipt.reason, /no peer heard/);
    assert.ok(receipt.steps.filter((step) => step.step === "probe").length >= 2, "it asked for the address first");
    assert.ok(performance.now() - sinceReady < 5000);
    const epoch = await epochOf(world, "b");
    const traffic = await world.udp({ durationMs: 3000 });
    // The preferred one, and without preempt: it does not take the group.
    world.start("a");
    await becomes(world, "a", "standby");
    assertPerfect(await traffic.result());
    assert.equal(await world.role("b"), "primary");
    assert.equal(await epochOf(world, "b"), epoch);
    await assertReigns(world, "b");
  });
});

Deno.test("both killed, then one after the other, both orders: the first serves, the second joins, epochs only grow", async () => {
  await withPair(async (world, primary) => {
    const expected: NodeName[] = [primary], epochs = [await epochOf(world, primary)];
    // The old standby alone first, then the old primary alone; each time the rest comes later, when all is settled.
    for (const first of [other(primary), other(primary), primary]) {
      await killBoth(world);
      world.start(first);
      await becomes(world, first, "primary");
      noteReign(expected, first);
      epochs.push(await epochOf(world, first));
      world.start(other(first));
      await becomes(world, other(first), "standby");
      assert.equal(await world.role(first), "primary");
      assert.equal(await epochOf(world, first), epochs.at(-1));
    }
    assertGrows(epochs, "status");
    await assertReigns(world, expected.join(" "));
    for (const name of NODES) assertGrows(reignEpochs(world, name), `journal of ${name}`);
  });
});

Deno.test("a standby that is killed and started again, three times: the primary does not notice", async () => {
  await withPair(async (world, primary, standby) => {
    const epoch = await epochOf(world, primary);
    const traffic = await world.udp({ durationMs: 5000 });
    for (let i = 0; i < 3; i++) {
      world.daemon(standby).signal("SIGKILL");
      await world.daemon(standby).ended;
      world.start(standby);
      await becomes(world, standby, "standby");
    }
    assertPerfect(await traffic.result());
    assert.equal(await world.role(primary), "primary");
    assert.equal(await epochOf(world, primary), epoch);
    await assertReigns(world, primary);
  });
});

Deno.test("a second daemon on the same run directory is refused and touches nothing; the first serves on", async () => {
  await withPair(async (world, primary) => {
    const before = await footprint(world, primary), traffic = await world.udp({ durationMs: 2500 });
    await sleep(200);
    const second = await segue(world, primary, daemonArgs(world, primary));
    assert.equal(second.code, 1);
    assert.match(second.err, new RegExp(`another segue runs with .*process ${world.daemon(primary).pid}\\b`));
    // Another state directory makes no difference, and is not made.
    const elsewhere = `${world.folder}/state-elsewhere`;
    const third = await segue(world, primary, [...daemonArgs(world, primary), "--state-dir", elsewhere]);
    assert.equal(third.code, 1);
    assert.equal(exists(elsewhere), false);
    assertPerfect(await traffic.result());
    assert.equal(withoutCounters(await footprint(world, primary)), withoutCounters(before));
    assert.equal(await world.role(primary), "primary", "the socket is still the first one's");
    await assertReigns(world, primary);
  });
});

function withoutCounters(rules: string): string {
  return rules.replaceAll(/packets \d+ bytes \d+/g, "").replaceAll(/ expires \d+\w*/g, "");
}

Deno.test("SIGTERM of a standby, then of the primary that is alone: 0, and nothing is left behind", async () => {
  await withWorld(async (world) => {
    const before = { a: await footprint(world, "a"), b: await footprint(world, "b") };
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    assert.notEqual(await footprint(world, standby), before[standby]);
    const traffic = await world.udp({ durationMs: 1500 });
    await sleep(200);
    assert.equal(await world.daemon(standby).stop(), 0);
    assert.equal(await footprint(world, standby), before[standby]);
    assertPerfect(await traffic.result());
    assert.equal(await world.role(primary), "primary");
    const since = performance.now();
    assert.equal(await world.daemon(primary).stop(), 0);
    assert.ok(performance.now() - since < 3000, "there is nobody to wait for");
    assert.equal(await footprint(world, primary), before[primary]);
    assert.ok(world.daemon(primary).lines.some((line) => line.includes("nobody took over")));
    for (const name of NODES) {
      const left = [...Deno.readDirSync(world.runDir(name))].map((entry) => entry.name);
      assert.deepEqual(left, ["segue.lock"], "the socket goes, the lock file stays");
    }
    await assertReigns(world, primary);
    // And the pair starts again from there.
    await world.startBoth();
  });
});

Deno.test("kill -9 of the daemon alone while it holds packets: the old node serves on, and the next run waits for the guard", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(300);
    // The old node drains for 300 ms; the new one holds meanwhile.
    const asked = world.switchover(primary).catch(() => null);
    await sleep(150);
    // Only the daemon: its guard is a process of its own and lives on.
    Deno.kill(world.daemon(standby).pid, "SIGKILL");
    await asked;
    const seen = await traffic.result();
    assert.equal(await world.role(primary), "primary");
    assert.deepEqual([seen.reordered, seen.duplicates], [0, 0]);
    console.log(`lost ${seen.lost} of ${seen.sent}, longest gap ${seen.longestGapMs} ms`);
    assert.ok(seen.longestGapMs < 600 + GAP_MS_MAX);
    await assertReigns(world, primary);
    // It starts again beside whatever its guard still does.
    world.start(standby);
    await becomes(world, standby, "standby");
  }, { timing: 'drain = "300ms"' });
});

Deno.test("the switch thread comes first on a busy machine; where the system refuses that, the daemon says so", () =>
  withWorld(async (world) => {
    world.start("a");
    world.startProgram("b", ["taskset", "--cpu-list", "0", ...segueCommand(...daemonArgs(world, "b"))]);
    await world.settled();
    const [a, b] = NODES.map((name) => policies(world.daemon(name).pid));
    // SCHED_DEADLINE and SCHED_FIFO (linux/sched.h): of one thread each.
    assert.deepEqual([a!.filter((it) => it !== "0"), b!.filter((it) => it !== "0")], [["6"], ["1"]]);
    const notices = NODES.map((node) => world.daemon(node).lines.filter((line) => line.includes("SCHED_")));
    assert.deepEqual(notices[0], []);
    assert.match(
      notices[1]!.join(),
      /notice a busy machine may stop the switch thread for 50 ms and more: SCHED_DEADLINE refused \(EPERM\), SCHED_FIFO 50 instead$/,
    );
  }));

/** Scheduling policy of each thread: field 41 of its stat (proc(5)). */
function policies(pid: number): string[] {
  return [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => {
    const stat = Deno.readTextFileSync(`/proc/${pid}/task/${name}/stat`);
    return stat.slice(stat.lastIndexOf(")")).split(" ")[39]!;
  });
}
