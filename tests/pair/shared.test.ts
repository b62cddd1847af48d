/** A pair on a shared wire: both nodes hear, one answers, and a crash loses nothing. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { World } from "../../control/lab/world.ts";
import { assertPerfect, assertReigns, GAP_MS_MAX, sleep, withPair } from "./pair.ts";

const SHARED = { group: 'wire = "shared"' };

/** The switch's forwarding table must never know where the virtual MACs are. */
async function assertNeverLearnt(world: World): Promise<void> {
  const table = await run("bridge", "-n", world.net.switch, "fdb", "show");
  assert.doesNotMatch(table, /0[26]:53:45:/);
}

Deno.test("shared wire: power-off loses nothing, IPv4 and IPv6", async () => {
  await withPair(async (world, primary, standby) => {
    const v4 = await world.udp({ durationMs: 1500 }), v6 = await world.udp({ durationMs: 1500, v6: true });
    await sleep(400);
    await world.powerOff(primary);
    for (const seen of [await v4.result(), await v6.result()]) {
      assert.equal(seen.lost, 0);
      assert.ok(seen.longestGapMs < GAP_MS_MAX);
    }
    const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
    await assertReigns(world, `${primary} ${standby}`);
    await assertNeverLearnt(world);
  }, SHARED);
});

Deno.test("shared wire: planned", async () => {
  await withPair(async (world, primary, standby) => {
    const v4 = await world.udp({ durationMs: 1500 }), v6 = await world.udp({ durationMs: 1500, v6: true });
    await sleep(400);
    const receipt = await world.switchover(standby);
    const a = await v4.result(), b = await v6.result();
    assertPerfect(a);
    assertPerfect(b);
    await assertReigns(world, `${primary} ${standby}`);
    await assertNeverLearnt(world);
  }, SHARED);
});
