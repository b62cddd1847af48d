/** `segue floor` on a real pair with a stall of known length, from the daemon and from what it left behind. */
import assert from "node:assert/strict";
import type { Floor } from "../../control/answers/floor.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { segue, sleep, withPair } from "./pair.ts";

const STALL_MS = 250;

async function floor(world: World, node: NodeName): Promise<Floor> {
  const where = ["--run-dir", world.runDir(node), "--state-dir", world.stateDir(node)];
  const { code, out, err } = await segue(world, node, ["floor", "--json", ...where]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

Deno.test("a stall is seen by both nodes, is no takeover of the profile that stands it, and is kept", async () => {
  await withPair(async (world, primary, standby) => {
    await sleep(1500);
    world.daemon(primary).signal("SIGSTOP");
    await sleep(STALL_MS);
    world.daemon(primary).signal("SIGCONT");
    await sleep(1000);
    const seen = await floor(world, standby);
    assert.ok(seen.heartbeats.counted > 100, `${seen.heartbeats.counted} heartbeats`);
    assert.ok(seen.heartbeats.max_us > (STALL_MS - 20) * 1000 && seen.heartbeats.max_us < 2 * STALL_MS * 1000);
    const of = (name: string) => seen.profiles.find(({ profile }) => profile === name)!;
    assert.deepEqual(seen.profiles.map(({ profile }) => profile), ["configured", "fast", "lan", "wan"]);
    assert.equal(of("configured").dead_after_us, 450_000);
    for (const name of ["fast", "lan"]) assert.ok(of(name).takeovers >= 1, name);
    for (const name of ["configured", "wan"]) assert.equal(of(name).takeovers, 0, name);
    assert.ok(seen.tightest[0]!.suspect_us > seen.heartbeats.max_us);
    assert.ok(Object.keys(seen.links).length === 3, "a frame link and two paths");

    const own = await floor(world, primary);
    assert.ok(own.leases.max_us > (STALL_MS - 20) * 1000, "its own lease grew old meanwhile");
    assert.ok(own.profiles.find(({ profile }) => profile === "lan")!.lapses >= 1);

    await world.daemon(standby).stop();
    const left = await floor(world, standby);
    assert.ok(left.heartbeats.counted >= seen.heartbeats.counted);
    assert.equal(left.heartbeats.max_us, seen.heartbeats.max_us);
    assert.deepEqual(left.profiles.map(({ profile }) => profile), ["fast", "lan", "wan"]);
  }, { timing: 'dead_after = "450ms"\nlease = "400ms"' });
});
