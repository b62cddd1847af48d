/** State of real daemons whose disk is full, or whose state.db was damaged or is another version's. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { ApiError } from "../../control/api/client.ts";
import { NODES } from "../../control/lab/topology.ts";
import { alarmOf, damagedFiles, fill, scribble, withSmallDisks } from "./disks.ts";
import { damage } from "../journal/samples.ts";
import { other, segue, sleep, withPair } from "./pair.ts";
import { read, state, synced, write } from "./state_world.ts";

const ALARM = "state-journal";
const KIB = "x".repeat(1024);

Deno.test("disk full: durable writes fail with a clear error, replicated ones go on, an alarm shows; with room again all is durable", async () => {
  await withSmallDisks(async (world) => {
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    await synced(world, primary);
    await write(world, primary, "k", "before", "durable");
    const makeRoom = fill(world.stateDir(primary));
    // What room there is inside the files is used up by writes that do not ask for the disk.
    let written = 0;
    const refused = async () => (await world.status(primary))!.alarms.some(({ kind }) => kind === ALARM);
    while (!await refused() && written < 4000) {
      for (let i = 0; i < 50; i++) await write(world, primary, `k${written++}`, KIB);
    }
    assert.match(await alarmOf(world, primary, ALARM), /^cannot write .*state\.db.*full.*rows wait in memory/);
    await assert.rejects(write(world, primary, "durable", "v", "durable"), (error) => {
      assert.ok(error instanceof ApiError);
      assert.deepEqual([error.status, error.type], [507, "urn:segue:problem:not-durable"]);
      assert.match(`${error.message}: ${error.hint}`, /this node's disk takes no writes.*ack=replicated goes on/);
      return true;
    });
    assert.equal(await read(world, primary, "durable"), null, "what can be known to fail is not written");
    const answer = await write(world, primary, "more", "v");
    assert.equal(answer.degraded, false);
    assert.equal(await read(world, standby, "more"), "v");
    const shown = await segue(world, primary, ["status", "--run-dir", world.runDir(primary)]);
    assert.match(shown.out, /state-journal.*full/);
    // Nor does it keep the group from moving, or from moving back.
    for (const to of [standby, primary]) assert.equal((await world.switchover(to, to)).outcome, "done");
    makeRoom();
    await world.until(async () => !await refused(), 20_000, "the alarm to end");
    assert.equal((await write(world, primary, "last", "v", "durable")).degraded, false);
    const there = await state(world, primary);
    assert.equal(there.durable_lsn, there.lsn);
    console.log(`${written} writes until the disk was full`);
  }, "3m");
});

Deno.test("the standby's disk is full: a durable write says that it is not, and who wants the standby's memory has it", async () => {
  await withSmallDisks(async (world) => {
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    await synced(world, primary);
    await write(world, primary, "k", "before", "durable");
    const makeRoom = fill(world.stateDir(standby));
    let written = 0;
    const refused = async () => (await world.status(standby))!.alarms.some(({ kind }) => kind === ALARM);
    while (!await refused() && written < 4000) {
      for (let i = 0; i < 50; i++) await write(world, primary, `k${written++}`, KIB);
    }
    assert.equal((await write(world, primary, "memory", "v")).degraded, false);
    assert.equal((await write(world, primary, "disk", "v", "durable")).degraded, true);
    makeRoom();
    await world.until(async () => !await refused(), 20_000, "the alarm to end");
    assert.equal((await write(world, primary, "disk", "w", "durable")).degraded, false);
  }, "3m");
});

Deno.test("state.db damaged before the start: set aside, said, never served as it is; copied from the peer it is whole again", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    for (let i = 0; i < 200; i++) await write(world, primary, `k${i}`, `${i}`);
    await world.daemon(standby).stop();
    await world.daemon(primary).stop();
    scribble(`${world.stateDir(standby)}/state.db`);

    world.start(standby);
    assert.match(await alarmOf(world, standby, ALARM), /damaged.*set aside.*kept as .*state\.db\.damaged-/);
    assert.equal(damagedFiles(world, standby, "state.db").length, 1);
    await sleep(1500);
    const { role, eligible_reason } = (await world.status(standby))!.groups[0]!;
    assert.notEqual(role, "primary", "alone, but nobody knows what it had");
    assert.match(eligible_reason, /copied from the peer/);
    const events = await segue(world, standby, ["events", "--json", "--state-dir", world.stateDir(standby)]);
    assert.match(events.out, /"kind":"state-lost"/);

    world.start(primary);
    // Whichever of them: by then the mended one has everything as well.
    const now = await world.settled();
    await synced(world, standby);
    for (let i = 0; i < 200; i++) assert.equal(await read(world, standby, `k${i}`), `${i}`);
    // On the disk too: it serves alone after a cold start.
    assert.equal((await write(world, now, "last", "v", "durable")).degraded, false);
    for (const node of [standby, primary]) {
      world.daemon(node).signal("SIGKILL");
      await world.daemon(node).ended;
    }
    world.start(standby);
    await world.until(async () => await world.role(standby) === "primary", 10_000, "the mended node to serve alone");
    for (const [key, value] of [["k0", "0"], ["k199", "199"], ["last", "v"]] as const) {
      assert.equal(await read(world, standby, key), value);
    }
  });
});

Deno.test("state.db damaged and the peer lost for good: served as it is by an operator's word alone, which an event notes", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    await write(world, primary, "k", "v", "durable");
    await world.daemon(standby).stop();
    await world.daemon(primary).stop();
    scribble(`${world.stateDir(standby)}/state.db`);
    world.start(standby);
    await alarmOf(world, standby, ALARM);
    await sleep(1000);
    assert.notEqual(await world.role(standby), "primary");
    await segue(world, standby, ["switchover", "web", "--force", "--run-dir", world.runDir(standby)]);
    await world.until(async () => await world.role(standby) === "primary", 10_000, "it to serve");
    assert.equal(await read(world, standby, "k"), null);
    await write(world, standby, "k", "anew", "durable");
    const events = await segue(world, standby, ["events", "--json", "--state-dir", world.stateDir(standby)]);
    assert.match(events.out, /"kind":"state-part".*by an operator's word/);
    // It was said once; what was written since is a whole table like any other.
    world.daemon(standby).signal("SIGKILL");
    await world.daemon(standby).ended;
    world.start(standby);
    await world.until(async () => await world.role(standby) === "primary", 10_000, "it to serve after a restart");
    assert.equal(await read(world, standby, "k"), "anew");
  });
});

Deno.test("pages of state.db damaged before the start: found while it is read, and mended in the same way", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    for (let i = 0; i < 400; i++) await write(world, primary, `k${i}`, KIB, i === 399 ? "durable" : "replicated");
    await world.daemon(standby).stop();
    damage(`${world.stateDir(standby)}/state.db`, 20 * 4096, 60 * 4096);
    world.start(standby);
    await world.until(async () => await world.role(standby) === "standby", 10_000, "the standby to be back");
    assert.match(await alarmOf(world, standby, ALARM), /damaged.*set aside/);
    await synced(world, standby);
    for (let i = 0; i < 400; i += 40) assert.equal(await read(world, standby, `k${i}`), KIB);
    assert.equal((await state(world, standby)).keys, 400);
  });
});

Deno.test("started for the first time on a full disk: standby with what the peer has, an alarm shows, and it is written later", async () => {
  await withSmallDisks(async (world) => {
    world.start("a");
    await world.until(async () => await world.role("a") === "primary", 10_000, "a to serve alone");
    await write(world, "a", "k", "v");
    const makeRoom = fill(world.stateDir("b"));
    world.start("b");
    assert.match(await alarmOf(world, "b", ALARM), /full|os error 28/);
    await synced(world, "b");
    assert.equal(await read(world, "b", "k"), "v");
    makeRoom();
    await world.until(
      async () => !(await world.status("b"))!.alarms.some(({ kind }) => kind === ALARM),
      20_000,
      "the alarm to end",
    );
    assert.equal((await write(world, "a", "k", "w", "durable")).degraded, false);
  });
});

Deno.test("state.db damaged while both run: set aside, said, written anew from memory, nothing lost and nothing refused", async () => {
  await withPair(async (world, primary) => {
    await synced(world, primary);
    for (let i = 0; i < 200; i++) await write(world, primary, `k${i}`, `${i}`, i % 20 === 0 ? "durable" : "replicated");
    for (const node of NODES) {
      for (const name of ["state.db", "state.db-wal"]) scribble(`${world.stateDir(node)}/${name}`);
      // Noticed when a page is read that was not in memory, at the latest by the check of the whole file.
      await segue(world, node, ["state", "orphans", "web", "--run-dir", world.runDir(node)]);
    }
    for (let i = 0; i < 100; i++) await write(world, primary, `late${i}`, "v", i % 2 === 0 ? "durable" : "replicated");
    for (const node of NODES) assert.match(await alarmOf(world, node, ALARM), /damaged.*set aside/);
    assert.equal((await write(world, primary, "last", "v", "durable")).degraded, false);
    for (const node of NODES) {
      world.daemon(node).signal("SIGKILL");
      await world.daemon(node).ended;
    }
    for (const node of NODES) world.start(node);
    await world.settled();
    for (const node of NODES) {
      await synced(world, node);
      for (let i = 0; i < 200; i++) assert.equal(await read(world, node, `k${i}`), `${i}`);
      for (const key of ["late0", "late99", "last"]) assert.equal(await read(world, node, key), "v");
    }
  });
});

Deno.test("state.db of a newer segue: the daemon refuses to start, says why, and touches nothing", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    await write(world, primary, "k", "v", "durable");
    await world.daemon(standby).stop();
    const path = `${world.stateDir(standby)}/state.db`;
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 99; PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    const before = Deno.readFileSync(path);
    const daemon = world.start(standby);
    assert.equal(await daemon.ended, 1);
    const said = daemon.lines.join("\n");
    assert.match(said, /cannot start: .*state\.db: written by a newer segue \(schema 99.*run the newer one/);
    assert.deepEqual(Deno.readFileSync(path), before);
    assert.deepEqual(damagedFiles(world, standby), []);
    assert.equal(await world.role(primary), "primary");
    assert.equal((await write(world, primary, "k", "w")).degraded, true);
  });
});
