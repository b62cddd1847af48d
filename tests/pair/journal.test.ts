/** Nodes whose journal cannot be written, or was damaged: they serve on, say so, and take over only with an epoch that is proven. */
import assert from "node:assert/strict";
import { readEvents } from "../../control/journal/reader.ts";
import { run } from "../../control/lab/command.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { alarmOf, damagedFiles, fill, scribble, withSmallDisks } from "./disks.ts";
import { assertPerfect, assertReigns, exists, other, segue, sleep, withPair } from "./pair.ts";

async function becomes(world: World, node: NodeName, role: string): Promise<void> {
  await world.until(async () => await world.role(node) === role, 10_000, `${node} to be ${role}`);
}

async function epochOf(world: World, node: NodeName): Promise<number> {
  return (await world.status(node))!.groups[0]!.epoch;
}

const journalAlarm = (world: World, node: NodeName) => alarmOf(world, node, "journal");

Deno.test("disk full on both nodes: they serve, switch and fail over all the same, and say so; with room again all is written", async () => {
  await withSmallDisks(async (world) => {
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    const makeRoom = NODES.map((node) => fill(world.stateDir(node)));
    const traffic = await world.udp({ durationMs: 4000 });
    // There is room inside the files; in the end it is used up.
    let epoch = await epochOf(world, primary), moves = 0;
    const full = async () =>
      (await Promise.all(NODES.map(async (node) => (await world.status(node))!.journal.ok))).every((ok) => !ok);
    while (!await full() && moves < 400) {
      const receipt = await world.switchover("a", moves++ % 2 === 0 ? standby : primary);
      assert.equal(receipt.outcome, "done");
      assert.ok(receipt.epoch > epoch, `epoch ${receipt.epoch} after ${epoch}`);
      epoch = receipt.epoch;
    }
    for (const node of NODES) assert.match(await journalAlarm(world, node), /full|ENOSPC|os error 28/);
    assertPerfect(await traffic.result());
    const now = await world.settled(), next = other(now);
    world.daemon(now).signal("SIGKILL");
    await becomes(world, next, "primary");
    assert.ok(await epochOf(world, next) > epoch, "the failover has an epoch that was reserved ahead");
    const receipt = (await world.status(next))!.groups[0]!.last_switch!;
    for (const make of makeRoom) make();
    let health = "";
    const mended = world.until(
      async () => {
        const { journal } = (await world.status(next))!;
        health = journal.text;
        return journal.ok;
      },
      15_000,
      "the journal to be written again",
    );
    await mended.catch((error) => assert.fail(`${error.message}: ${health}`));
    await world.until(
      () =>
        readEvents(`${world.stateDir(next)}/journal.db`).some((entry) =>
          entry.type === "switch" && entry.receipt.epoch === receipt.epoch && entry.receipt.kind === "failover"
        ),
      5000,
      "the failover's receipt in the journal",
    );
    await world.until(async () => (await world.status(next))!.alarms.length === 0, 5000, "the alarm to end");
    console.log(`${moves} switches until both disks were full`);
  });
});

Deno.test("started on a full disk: no epoch can be reserved, so it is standby and never primary; with room again it takes over", async () => {
  await withSmallDisks(async (world) => {
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    await world.daemon(standby).stop();
    const makeRoom = fill(world.stateDir(standby));
    world.start(standby);
    await becomes(world, standby, "standby");
    assert.match(await journalAlarm(world, standby), /full|os error 28/);
    await assert.rejects(world.switchover(standby, standby), /epoch|able|ready|cannot/i);
    assert.equal(await world.role(primary), "primary");
    world.daemon(primary).signal("SIGKILL");
    await sleep(1500);
    assert.notEqual(await world.role(standby), "primary", "it has no epoch that it could prove");
    const before = await epochOf(world, standby);
    makeRoom();
    await becomes(world, standby, "primary");
    assert.ok(await epochOf(world, standby) > before);
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("the journal is damaged while both run: nothing lost, set aside, said, and a failover has a new epoch", async () => {
  await withPair(async (world, primary, standby) => {
    const epoch = await epochOf(world, primary);
    // Behind the look at the whole file that follows a start: from here on only a later one can notice.
    await world.until(async () => (await world.status(standby))!.uptime_ms > 3000, 5000, "the first check to be over");
    const traffic = await world.udp({ durationMs: 2000 });
    for (const node of NODES) {
      for (const name of ["journal.db", "journal.db-wal"]) scribble(`${world.stateDir(node)}/${name}`);
    }
    // A switch that was written is looked for on the disk.
    await world.switchover(standby);
    await world.switchover(primary);
    for (const node of NODES) assert.match(await journalAlarm(world, node), /set aside|kept as/);
    assertPerfect(await traffic.result());
    for (const node of NODES) assert.equal(damagedFiles(world, node).length, 1);
    world.daemon(primary).signal("SIGKILL");
    await becomes(world, standby, "primary");
    assert.ok(await epochOf(world, standby) > epoch + 2);
    world.start(primary);
    await becomes(world, primary, "standby");
    const events = await segue(world, standby, ["events", "--json", "--state-dir", world.stateDir(standby)]);
    assert.equal(events.code, 0);
    assert.match(events.out, /"failover"/);
    await assertReigns(world, `${primary} ${standby} ${primary} ${standby}`);
  });
});

Deno.test("damaged before the start, epochs and all: the node serves nobody alone; once it has heard its peer it can", async () => {
  await withPair(async (world, primary, standby) => {
    await world.daemon(standby).stop();
    scribble(`${world.stateDir(standby)}/journal.db`);
    Deno.writeTextFileSync(`${world.stateDir(standby)}/epochs`, "garbage");
    await world.daemon(primary).stop();
    const epoch = Math.max(
      ...readEvents(`${world.stateDir(primary)}/journal.db`).map((entry) =>
        entry.type === "switch" ? entry.receipt.epoch : 0
      ),
    );

    world.start(standby);
    assert.match(await journalAlarm(world, standby), /damaged/);
    assert.equal(damagedFiles(world, standby).length, 1);
    await sleep(1500);
    assert.notEqual(await world.role(standby), "primary", "its epochs are not proven");
    await assertReigns(world, primary);

    world.start(primary);
    const now = await world.settled();
    assert.equal(now, primary);
    assert.ok(await epochOf(world, primary) > epoch);
    const receipt = await world.switchover(standby);
    assert.equal(receipt.outcome, "done");
    assert.ok(receipt.epoch > await epochOf(world, primary) - 1 && receipt.epoch > epoch);
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("a state directory that cannot be written: said at once; a standby that never takes over, and serves nobody ill", async () => {
  await withPair(async (world, primary, standby) => {
    await world.daemon(standby).stop();
    const state = world.stateDir(standby);
    await run("mount", "--bind", state, state);
    try {
      await run("mount", "-o", "remount,bind,ro", state);
      const traffic = await world.udp({ durationMs: 2500 });
      world.start(standby);
      await becomes(world, standby, "standby");
      assert.match(await journalAlarm(world, standby), /read-?only/i);
      const events = await segue(world, standby, ["events", "--state-dir", state]);
      assert.equal(events.code, 0, events.err);
      assertPerfect(await traffic.result());
      world.daemon(primary).signal("SIGKILL");
      await sleep(1000);
      assert.notEqual(await world.role(standby), "primary");
      await assertReigns(world, primary);
    } finally {
      await world.daemon(standby).kill();
      await run("umount", state);
    }
    // And with a disk that can be written all is well again.
    world.start(standby);
    await becomes(world, standby, "primary");
    assert.equal(exists(`${state}/journal.db`), true);
  });
});
