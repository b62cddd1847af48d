/** Faults in the midst of a copy to an empty standby, under writes: who may serve does, and what each write was told is so. */
import assert from "node:assert/strict";
import { listOrphans, writeBatch, writeState } from "../../control/api/state_calls.ts";
import { run } from "../../control/lab/command.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { HEARTBEAT_PORT, type NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { cutOff, mend } from "./cut.ts";
import { alarmOf, fill, withSmallDisks } from "./disks.ts";
import { assertReigns, sleep, withWorld } from "./pair.ts";
import { clientOf, read, state, write } from "./state_world.ts";

/** Values that still share a page of the database: larger ones take one each. */
const BATCHES = 6, ROWS = 1000, VALUE = 900;
const PATIENCE_MS = 60_000;

/** `a` serves alone and has many keys. */
async function filled(world: World, groups: readonly string[] = [GROUP]): Promise<void> {
  world.start("a");
  for (const [index, group] of groups.entries()) {
    await world.until(
      async () => (await groupOf(world, "a", index))?.role === "primary",
      PATIENCE_MS,
      `a to serve ${group}`,
    );
  }
  const client = clientOf(world, "a"), value = "x".repeat(VALUE);
  for (const group of groups) {
    for (let n = 0; n < BATCHES; n++) {
      const lines = Array.from({ length: ROWS }, (_, i) => JSON.stringify({ op: "put", key: `k${n}.${i}`, value }));
      await writeBatch(client, group, lines.join("\n"), n === BATCHES - 1 ? "durable" : "local");
    }
  }
  client.close();
}

async function groupOf(world: World, node: NodeName, index: number) {
  return (await world.status(node))?.groups[index];
}

/** Of what is sent of state, `b` gets little by each path, or everything. Heartbeats pass. */
async function narrow(world: World, on: boolean): Promise<void> {
  const stream = HEARTBEAT_PORT + 1;
  const chain = (device: string) => [
    `add chain netdev narrow ${device} { type filter hook ingress device ${device} priority -600; }`,
    `add rule netdev narrow ${device} udp dport ${stream} limit rate over 300 kbytes/second burst 64 kbytes drop`,
  ];
  const rules = on
    ? ["add table netdev narrow", ...chain("veth0"), ...chain("veth1")].join("\n")
    : "delete table netdev narrow";
  await run("ip", "netns", "exec", world.net.node("b"), "nft", rules);
}

/** Starts `b`; the copy to it has begun, and would take ten seconds unless `narrow` ends. */
async function copying(world: World): Promise<void> {
  await narrow(world, true);
  world.start("b");
  await world.until(async () => ((await state(world, "b")).keys ?? 0) > 0, PATIENCE_MS, "the copy to be under way");
  assert.equal((await state(world, "b")).sync, "copying");
}

/** Nothing is in its way any more: `b` gets everything. */
async function whole(world: World): Promise<void> {
  const synced = async () => (await state(world, "b")).sync === "synced" && (await state(world, "a")).sync === "synced";
  await world.until(synced, PATIENCE_MS, "b to have everything");
}

/** Writes all the time, and remembers what was replicated; refused or unanswered writes are not. */
function keepWriting(world: World) {
  const replicated: string[] = [], accepted: string[] = [];
  let done = false, written = 0;
  const ended = (async () => {
    while (!done) {
      const key = `w${written++}`;
      try {
        const { degraded } = await write(world, "a", key, key);
        accepted.push(key);
        if (!degraded) replicated.push(key);
      } catch {
        // Neither is claimed.
      }
      await sleep(5);
    }
  })();
  return {
    accepted,
    replicated,
    stop: () => (done = true, ended),
    /** Until writes reach the standby again. */
    flowing: async () => {
      const before = replicated.length;
      await world.until(() => Promise.resolve(replicated.length > before + 5), PATIENCE_MS, "writes to be replicated");
    },
  };
}

async function assertWhole(world: World, node: NodeName, keys: readonly string[]): Promise<void> {
  for (const key of keys) assert.equal(await read(world, node, key), key);
  for (const key of ["k0.0", `k${BATCHES - 1}.${ROWS - 1}`]) {
    assert.equal((await read(world, node, key))?.length, VALUE);
  }
  assert.ok((await state(world, node)).keys! >= BATCHES * ROWS + keys.length);
}

/** The primary is lost: whatever was replicated is on `b`, which serves. */
async function assertSurvives(world: World, replicated: readonly string[]): Promise<void> {
  world.daemon("a").signal("SIGKILL");
  await world.until(async () => await world.role("b") === "primary", PATIENCE_MS, "b to take over");
  await assertWhole(world, "b", replicated);
}

Deno.test("the standby is cut off in the midst of a copy: it does not serve half of it, and gets the rest when it is back", async () => {
  await withWorld(async (world) => {
    await filled(world);
    const writing = keepWriting(world);
    await copying(world);
    await cutOff(world, "b");
    await sleep(2000);
    assert.equal((await state(world, "b")).sync, "copying");
    assert.notEqual(await world.role("b"), "primary", "half a copy");
    await narrow(world, false);
    await mend(world, "b");
    await whole(world);
    await writing.flowing();
    await writing.stop();
    await assertReigns(world, "a");
    await assertSurvives(world, writing.replicated);
  });
});

Deno.test("the primary is killed in the midst of a copy: half of it is not served; it returns with all that it had, and the copy is finished", async () => {
  await withWorld(async (world) => {
    await filled(world);
    await copying(world);
    world.daemon("a").signal("SIGKILL");
    await world.daemon("a").ended;
    await sleep(1500);
    const alone = (await world.status("b"))!.groups[0]!;
    assert.notEqual(alone.role, "primary");
    assert.match(alone.eligible_reason, /cop/);
    await narrow(world, false);
    world.start("a");
    await world.until(async () => await world.role("a") === "primary", PATIENCE_MS, "a to serve again");
    await whole(world);
    await assertWhole(world, "a", []);
    await assertReigns(world, "a");
    await assertSurvives(world, []);
  });
});

for (const node of ["b", "a"] as const) {
  Deno.test(`${node} is stopped for two seconds in the midst of a copy: it is finished, and nothing is lost`, async () => {
    await withWorld(async (world) => {
      await filled(world);
      const writing = keepWriting(world);
      await copying(world);
      world.daemon(node).signal("SIGSTOP");
      await sleep(2000);
      assert.notEqual(node === "a" ? await world.role("b") : "standby", "primary", "half a copy");
      await narrow(world, false);
      world.daemon(node).signal("SIGCONT");
      await whole(world);
      await writing.flowing();
      await writing.stop();
      await assertWhole(world, "a", writing.accepted);
      await assertSurvives(world, writing.replicated);
    });
  });
}

Deno.test("values of 16 MiB are written in the midst of a copy", async () => {
  await withWorld(async (world) => {
    await filled(world);
    await copying(world);
    const client = clientOf(world, "a"), large = (n: number) => `${n}`.padEnd(16 * 1024 * 1024, "y");
    for (let n = 0; n < 3; n++) await writeState(client, GROUP, `large${n}`, large(n), { ack: "local" });
    assert.equal((await state(world, "b")).sync, "copying");
    await narrow(world, false);
    await whole(world);
    assert.equal((await writeState(client, GROUP, "large3", large(3))).degraded, false);
    client.close();
    await assertReigns(world, "a");
    await assertSurvives(world, []);
    for (let n = 0; n < 4; n++) assert.equal(await read(world, "b", `large${n}`), large(n));
  }, { group: 'state = { wait = "30s" }' });
});

Deno.test("the standby's disk is filled in the midst of a copy: it is whole in memory and says so of the disk; with room again it is there too", async () => {
  await withSmallDisks(async (world) => {
    await filled(world);
    await copying(world);
    const makeRoom = fill(world.stateDir("b"));
    await narrow(world, false);
    await whole(world);
    assert.match(await alarmOf(world, "b", "state-journal"), /full/);
    assert.equal((await write(world, "a", "memory", "memory")).degraded, false);
    assert.equal((await write(world, "a", "disk", "disk", "durable")).degraded, true);
    // What is on that disk is half a copy.
    for (const node of ["b", "a"] as const) {
      world.daemon(node).signal("SIGKILL");
      await world.daemon(node).ended;
    }
    world.start("b");
    await sleep(2500);
    assert.notEqual(await world.role("b"), "primary");
    world.start("a");
    await whole(world);
    makeRoom();
    const durable = async () => !(await write(world, "a", "last", "last", "durable")).degraded;
    await world.until(durable, PATIENCE_MS, "b's disk to have everything");
    for (const node of ["a", "b"] as const) {
      world.daemon(node).signal("SIGKILL");
      await world.daemon(node).ended;
    }
    world.start("b");
    await world.until(async () => await world.role("b") === "primary", PATIENCE_MS, "b to serve alone");
    await assertWhole(world, "b", ["memory", "disk", "last"]);
  }, "48m");
});

Deno.test("two groups are copied at once, and the primary of both is killed in the midst: neither is served by halves", async () => {
  const more =
    `[[group]]\nname = "mail"\nprefer = "a"\naddresses = [{ address = "10.77.0.101/32", interface = "veth0" }]\n`;
  await withWorld(async (world) => {
    await filled(world, [GROUP, "mail"]);
    await copying(world);
    world.daemon("a").signal("SIGKILL");
    await world.daemon("a").ended;
    await sleep(1500);
    const alone = (await world.status("b"))!.groups;
    assert.ok(alone.some(({ state }) => state.sync === "copying"));
    for (const { role, name, state } of alone) if (state.keys < BATCHES * ROWS) assert.notEqual(role, "primary", name);
    await narrow(world, false);
    world.start("a");
    for (const index of [0, 1]) {
      const done = async () => {
        const group = await groupOf(world, "b", index);
        return group?.state.sync === "synced" && group.state.keys === BATCHES * ROWS;
      };
      await world.until(done, PATIENCE_MS, `group ${index} of b to have everything`);
    }
    world.daemon("a").signal("SIGKILL");
    for (const index of [0, 1]) {
      await world.until(
        async () => (await groupOf(world, "b", index))?.role === "primary",
        PATIENCE_MS,
        "b to take over",
      );
    }
  }, { group: more });
});

Deno.test("the primary is killed while a batch is under way to the standby: none of it is there, and it is set aside when the old one is back", async () => {
  await withWorld(async (world) => {
    await world.startBoth();
    const primary = (await world.primary())!;
    assert.equal(primary, "a");
    await whole(world);
    await write(world, "a", "before", "before", "durable");
    await narrow(world, true);
    const client = clientOf(world, "a"), value = "x".repeat(500);
    const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify({ op: "put", key: `k${i}`, value }));
    const answer = writeBatch(client, GROUP, lines.join("\n"), "durable").catch(() => null);
    // Here it is on the disk, and the other node has some of it.
    await world.until(
      async () => (await state(world, "a")).durable_lsn === 3001,
      PATIENCE_MS,
      "the batch to be on a's disk",
    );
    await sleep(500);
    assert.notEqual((await state(world, "a")).peer_lsn, 3001, "too few bytes for this path");
    world.daemon("a").signal("SIGKILL");
    await world.until(async () => await world.role("b") === "primary", PATIENCE_MS, "b to take over");
    await answer;
    client.close();
    const there = await state(world, "b");
    assert.deepEqual([there.keys, there.lsn], [1, 1]);
    assert.equal((await write(world, "b", "k7", "of b")).lsn, 2);
    await narrow(world, false);
    world.start("a");
    await world.until(async () => (await state(world, "a")).sync === "synced", PATIENCE_MS, "a to be in step");
    assert.equal((await state(world, "a")).keys, 2);
    assert.equal(await read(world, "a", "k7"), "of b");
    const back = clientOf(world, "a");
    assert.equal((await listOrphans(back, GROUP)).total, 3000);
    back.close();
  });
});
