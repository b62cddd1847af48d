/** A short chaos run, the same faults each time; and proof that its instruments see what they are there for. Long runs: `deno task chaos`. */
import assert from "node:assert/strict";
import { ApiClient } from "../../control/api/client.ts";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { writeState } from "../../control/api/state_calls.ts";
import { run } from "../../control/lab/command.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { announce } from "../netns/announce.ts";
import { other, withWorld } from "../pair/pair.ts";
import { runChaos } from "./chaos.ts";
import { Ledger } from "./ledger.ts";
import { Observer } from "./observer.ts";
import { summary } from "./report.ts";

const SEED = 3;
const ROUNDS = 8;
/** Enough for a machine that is five times slower. */
const MINUTES_MAX = 4;

Deno.test("eight rounds of faults: one owner at each moment, and what was acknowledged is there", async () => {
  const report = await runChaos({ seed: SEED, rounds: ROUNDS, minutes: MINUTES_MAX, profile: "lan" });
  const text = summary(report, `deno task chaos --seed ${SEED} --rounds ${ROUNDS}`);
  assert.deepEqual(report.violations, [], text);
  assert.equal(report.rounds.length, ROUNDS, text);
  assert.ok(report.owners.framesSpoken > 1000 && report.writes.acknowledged > 100, text);
  assert.equal(report.daemons.length, 2, text);
});

async function killGuard(world: World, node: NodeName): Promise<void> {
  for (const pid of (await run("ip", "netns", "pids", world.net.node(node))).split("\n").filter((it) => it !== "")) {
    if (/\/guard\0/.test(Deno.readTextFileSync(`/proc/${pid}/cmdline`))) Deno.kill(Number(pid), "SIGKILL");
  }
}

Deno.test("the instruments: a standby that speaks as the address is seen, and a write that is gone is missed", async () => {
  await withWorld(async (world) => {
    // A claim is heard only when it is made.
    const observer = await Observer.start(world, "lab");
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary), ledger = new Ledger(world);
    const client = new ApiClient(`${world.runDir(primary)}/${SOCKET_NAME}`);
    try {
      await world.until(
        () => observer.claims.length > 0 && ledger.acknowledged > 20,
        10_000,
        "a claim and some writes",
      );
      assert.deepEqual([observer.intrusions, await ledger.missing(true)], [[], []]);

      const daemon = world.daemon(standby);
      // Stopped, it cannot put its gate back; nor can its guard any more.
      daemon.signal("SIGSTOP");
      await killGuard(world, standby);
      await run("ip", "netns", "exec", world.net.node(standby), "nft", "flush", "ruleset");
      announce(world, standby);
      daemon.signal("SIGCONT");
      await world.until(() => observer.intrusions.length > 0, 5000, "the watcher to tell");
      assert.deepEqual(observer.intrusions.map(({ node, kind, owner }) => [node, kind, owner]), [[
        standby,
        "arp",
        primary,
      ]]);

      await world.settled();
      const key = ledger.lastKey;
      await writeState(client, GROUP, key, null);
      const missing = (await ledger.missing(true)).map((text) => text.replace(/ \([0-9]+\) at [0-9]+ …$/, ""));
      assert.deepEqual(missing, ["a", "b"].map((node) => `1 acknowledged writes are not on ${node}: ${key}`));
    } finally {
      await ledger.stop();
      client.close();
      await observer.stop();
    }
  });
});
