/** A standby that is copied to is killed in the midst of it, again and again, while writes go on: what each write was told is so. */
import assert from "node:assert/strict";
import { writeBatch } from "../../control/api/state_calls.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { assertReigns, sleep, withWorld } from "./pair.ts";
import { clientOf, read, state, write } from "./state_world.ts";

const BATCHES = 30, ROWS = 1000, VALUE = "x".repeat(1024);
const PATIENCE_MS = 30_000;

Deno.test("a standby killed thrice in the midst of its copy: what each write was told is so", async () => {
  await withWorld(async (world) => {
    world.start("a");
    await world.until(async () => await world.role("a") === "primary", PATIENCE_MS, "a to serve alone");
    const client = clientOf(world, "a");
    for (let n = 0; n < BATCHES; n++) {
      const lines = Array.from(
        { length: ROWS },
        (_, i) => JSON.stringify({ op: "put", key: `k${n}.${i}`, value: VALUE }),
      );
      await writeBatch(client, GROUP, lines.join("\n"), "local");
    }
    client.close();
    const replicated: string[] = [];
    let written = 0, done = false;
    const writing = (async () => {
      while (!done) {
        const key = `w${written++}`;
        const { degraded } = await write(world, "a", key, key);
        if (!degraded) replicated.push(key);
        await sleep(5);
      }
    })();
    writing.catch(() => {});
    for (let round = 0; round < 3; round++) {
      world.start("b");
      await world.until(async () => ((await state(world, "b")).keys ?? 0) > 0, PATIENCE_MS, "the copy to be under way");
      world.daemon("b").signal("SIGKILL");
      await world.daemon("b").ended;
    }
    world.start("b");
    await world.until(async () => (await state(world, "b")).sync === "synced", PATIENCE_MS, "b to have everything");
    const before = replicated.length;
    await world.until(() => Promise.resolve(replicated.length > before + 5), PATIENCE_MS, "writes to be replicated");
    done = true;
    await writing;
    assert.equal((await state(world, "b")).keys, BATCHES * ROWS + written);
    await assertReigns(world, "a");
    world.daemon("a").signal("SIGKILL");
    await world.until(async () => await world.role("b") === "primary", PATIENCE_MS, "b to take over");
    for (const key of replicated) assert.equal(await read(world, "b", key), key);
    assert.equal((await state(world, "b")).keys, BATCHES * ROWS + written);
    console.log(`${written} writes, ${replicated.length} of them replicated`);
  });
});
