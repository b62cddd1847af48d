/** A node whose daemon cannot act any more, and whose rules somebody flushes: the kernel that is left answers for nothing. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { withGuardProgram } from "../netns/guard_program.ts";
import { assertPerfect, assertReigns, sleep, withPair } from "./pair.ts";

/** Everybody asks for the address anew, for a while, and one who may not answer has the time to. */
async function askAround(world: World): Promise<void> {
  const traffic = await world.udp({ durationMs: 1500, intervalUs: 2000 });
  for (let i = 0; i < 10; i++) {
    await run("ip", "-n", world.net.client, "neigh", "flush", "dev", "veth0");
    await sleep(100);
  }
  assertPerfect(await traffic.result());
}

async function flush(world: World, node: NodeName): Promise<void> {
  await run("ip", "netns", "exec", world.net.node(node), "nft", "flush", "ruleset");
}

async function placesOf(world: World, node: NodeName): Promise<string[]> {
  const lines = (await run("ip", "-n", world.net.node(node), "-o", "address")).split("\n");
  return lines.filter((line) => /10\.77\.0\.100|77::100/.test(line)).map((line) => line.split(/ +/)[1]!);
}

Deno.test("the primary's daemon is stopped, the peer takes over, somebody flushes the stopped node's rules: one owner; it thaws: still", () =>
  withGuardProgram(() =>
    withPair(async (world, primary, standby) => {
      world.daemon(primary).signal("SIGSTOP");
      await world.until(async () => await world.role(standby) === "primary", 5000, "the takeover");
      assert.deepEqual(await placesOf(world, primary), ["lo", "lo", "veth0", "veth0"]);
      for (let i = 0; i < 3; i++) {
        await flush(world, primary);
        await askAround(world);
      }
      world.daemon(primary).signal("SIGCONT");
      assert.equal(await world.settled(), standby);
      await askAround(world);
      await assertReigns(world, `${primary} ${standby}`);
      await world.until(async () => (await placesOf(world, primary)).length === 2, 5000, "addresses on lo alone");
      assert.equal((await world.switchover(standby, primary)).outcome, "done");
      await askAround(world);
    })
  ));

Deno.test("the primary's daemon is killed and stays dead: its addresses leave with its guard, and a flush changes nothing", () =>
  withGuardProgram(() =>
    withPair(async (world, primary, standby) => {
      await world.daemon(primary).kill();
      // At once, and again when nobody is left to put anything back.
      await flush(world, primary);
      await world.until(async () => await world.role(standby) === "primary", 5000, "the takeover");
      await askAround(world);
      await world.until(async () => (await placesOf(world, primary)).length === 0, 8000, "no address on the dead node");
      await flush(world, primary);
      await askAround(world);
      world.start(primary);
      assert.equal(await world.settled(), standby);
      assert.deepEqual(await placesOf(world, primary), ["lo", "lo"]);
      assert.equal((await world.switchover(standby, primary)).outcome, "done");
      await askAround(world);
      await assertReigns(world, `${primary} ${standby} ${primary}`);
    })
  ));
