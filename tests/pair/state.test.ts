/** State of real daemons: what is acknowledged is on the other node, through switches, kills, restarts and returns. */
import assert from "node:assert/strict";
import { ApiError } from "../../control/api/client.ts";
import { listOrphans, watchState, writeBatch, writeState } from "../../control/api/state_calls.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { assertReigns, other, segue, sleep, withPair, withWorld } from "./pair.ts";
import { clientOf, read, state, synced, write } from "./state_world.ts";

/** Silence after which the peer stream by itself finds the peer gone (control/core/stream/limits.ts). */
const STREAM_SILENCE_MS = 1500;

Deno.test("written on the primary: read on the standby, watched, and refused there with who is primary", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    const answer = await write(world, primary, "k", "v");
    assert.deepEqual([answer.lsn, answer.degraded, answer.ack], [1, false, "replicated"]);
    assert.equal(await read(world, standby, "k"), "v", "acknowledged means that it is there");
    const durable = await write(world, primary, "k", "w", "durable");
    assert.equal(durable.degraded, false);
    const there = await state(world, standby);
    assert.deepEqual([there.lsn, there.durable_lsn, there.sync], [2, 2, "synced"]);
    await assert.rejects(write(world, standby, "k", "x"), (error) => {
      assert.ok(error instanceof ApiError);
      assert.equal(error.type, "urn:segue:problem:not-primary");
      assert.match(error.message, new RegExp(`${primary} is primary`));
      return true;
    });
    const client = clientOf(world, standby);
    const stop = new AbortController();
    const seen: string[] = [];
    for await (const { kind, key, value, lsn } of watchState(client, GROUP, 0, stop.signal)) {
      seen.push(kind === "synced" ? `synced ${lsn}` : `${key}=${value}`);
      if (seen.length === 2) await write(world, primary, "k2", "late");
      if (seen.length >= 4) stop.abort();
    }
    client.close();
    assert.deepEqual(seen, ["k=w", "synced 2", "k2=late", "synced 3"]);
    const shown = await segue(world, primary, ["state", "get", GROUP, "k2", "--run-dir", world.runDir(primary)]);
    assert.deepEqual([shown.code, shown.out], [0, "late"]);
    const empty = await segue(world, primary, ["state", "batch", GROUP, "--run-dir", world.runDir(primary)]);
    assert.deepEqual([empty.code, empty.out], [0, "nothing to write: no lines came on standard input\n"]);
  });
});

Deno.test("ten switches under writes: every write that was acknowledged is there, in every version of the table", async () => {
  await withPair(async (world, primary) => {
    await synced(world, primary);
    let at = primary, written = 0, refused = 0, stop = false;
    const writing = (async () => {
      while (!stop) {
        try {
          const answer = await write(world, at, `k${written}`, `${written}`);
          assert.equal(answer.degraded, false);
          written++;
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          // The switch is under way, or over: the other node takes it.
          refused++;
          at = await world.primary() ?? at;
        }
      }
    })();
    try {
      for (let i = 0; i < 10; i++) {
        await sleep(100);
        const now = (await world.primary())!;
        const receipt = await world.switchover(now, other(now));
        assert.equal(receipt.outcome, "done", receipt.reason);
        assert.ok(
          receipt.steps.some(({ step }: { step: string }) => /state (whole|sealed)/.test(step)),
          JSON.stringify(receipt.steps),
        );
      }
    } finally {
      // Also when a switch has failed: the writer would go on for ever.
      stop = true;
    }
    await writing;
    const now = await world.settled();
    for (let i = 0; i < written; i++) assert.equal(await read(world, now, `k${i}`), `${i}`);
    console.log(`${written} writes, ${refused} asked again`);
    assert.ok(written > 20);
  });
});

Deno.test("the primary is killed: acknowledged writes are on the other node; what it had alone is set aside when it returns", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    for (let i = 0; i < 20; i++) await write(world, primary, `k${i}`, "kept", "durable");
    // The standby cannot be heard, so this one is the primary's alone, and says so.
    world.daemon(standby).signal("SIGKILL");
    const alone = await write(world, primary, "alone", "tail");
    assert.equal(alone.degraded, true);
    const said = await segue(world, primary, ["state", "put", GROUP, "k1", "tail", "--run-dir", world.runDir(primary)]);
    assert.match(
      said.out,
      /^written with LSN 22, epoch [0-9]+, degraded: not replicated, as the standby is away or did/,
    );
    world.daemon(primary).signal("SIGKILL");
    await Promise.all([world.daemon(primary).ended, world.daemon(standby).ended]);
    world.start(standby);
    await world.until(async () => await world.role(standby) === "primary", 10_000, "the old standby to serve alone");
    assert.equal(await read(world, standby, "k1"), "kept");
    await write(world, standby, "k2", "newer");
    world.start(primary);
    await world.until(async () => await world.role(primary) === "standby", 10_000, "the old primary to be standby");
    await synced(world, primary);
    assert.equal(await read(world, primary, "k1"), "kept");
    assert.equal(await read(world, primary, "k2"), "newer");
    assert.equal(await read(world, primary, "alone"), null);
    const client = clientOf(world, primary);
    const { orphans } = await listOrphans(client, GROUP);
    client.close();
    assert.deepEqual(orphans.map(({ key, value }) => [key, value]).toSorted(), [["alone", "tail"], ["k1", "tail"]]);
    assert.ok(world.linesOf(primary).some((line) => line.includes("segue state orphans")), "an event says so");
  });
});

Deno.test("after a failover the first write does not wait for the node that is gone", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    await write(world, primary, "k", "old");
    world.daemon(primary).signal("SIGKILL");
    await world.until(async () => await world.role(standby) === "primary", 10_000, "the standby to take over");
    const begun = performance.now();
    const answer = await write(world, standby, "k", "new");
    const tookMs = performance.now() - begun;
    assert.equal(answer.degraded, true);
    assert.ok(tookMs < STREAM_SILENCE_MS / 2, `${Math.round(tookMs)} ms`);
    console.log(`first write after ${Math.round(tookMs)} ms`);
    // Whatever it was told: only what has a copy of its own is in step.
    assert.equal((await state(world, standby)).sync, "alone");
  }, { group: '[group.state]\nwait = "30s"\n' });
});

Deno.test("both start cold: the one with the newer state serves, whoever is preferred", async () => {
  await withPair(async (world, primary, standby) => {
    await synced(world, primary);
    await write(world, primary, "k", "old", "durable");
    // The preferred node misses the last write.
    const late = other(primary);
    world.daemon(late).signal("SIGKILL");
    await world.daemon(late).ended;
    await write(world, primary, "k", "new", "durable");
    world.daemon(primary).signal("SIGKILL");
    await world.daemon(primary).ended;
    assert.equal(standby, late);
    world.start(late);
    world.start(primary);
    const first = await world.settled();
    for (const node of [primary, late]) {
      await synced(world, node);
      assert.equal(await read(world, node, "k"), "new", `${node}, ${first} serves`);
    }
  });
});

Deno.test("an empty standby gets everything while writes go on; large values too", async () => {
  await withWorld(async (world) => {
    world.start("a");
    await world.until(async () => await world.role("a") === "primary", 10_000, "a to serve alone");
    const client = clientOf(world, "a");
    for (let n = 0; n < 20; n++) {
      const lines = Array.from(
        { length: 1000 },
        (_, i) => JSON.stringify({ op: "put", key: `k${n}.${i}`, value: "x".repeat(64) }),
      );
      await writeBatch(client, GROUP, lines.join("\n"), "local");
    }
    const large = "y".repeat(16 * 1024 * 1024);
    await writeState(client, GROUP, "large", large, { ack: "local" });
    world.start("b");
    let more = 0, done = false;
    const writing = (async () => {
      while (!done) {
        await writeState(client, GROUP, `more${more}`, `${more}`, { ack: "local" });
        more++;
        await sleep(1);
      }
    })();
    writing.catch(() => {});
    await synced(world, "b");
    done = true;
    await writing;
    client.close();
    await write(world, "a", "last", "one");
    const there = await state(world, "b");
    assert.equal(there.keys, 20_000 + 1 + more + 1);
    assert.equal(await read(world, "b", "large"), large);
    assert.equal(await read(world, "b", "last"), "one");
    await assertReigns(world, "a");
  });
});
