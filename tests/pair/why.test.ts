/** `segue why` on a real pair: each fault is staged, and the cause that it names is the one that was staged. */
import assert from "node:assert/strict";
import type { Explanation } from "../../control/answers/explanation.ts";
import { run } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { other, segue, sleep, withPair, withWorld } from "./pair.ts";

/** Longer than a status takes to notice that a link is silent. */
const NOTICED_MS = 3000;
/** The kernel tells of a lost carrier up to a second late, and of one that is back before that not at all. */
const CARRIER_TOLD_MS = 1500;

async function why(world: World, node: NodeName, id: number | "last" = "last"): Promise<Explanation> {
  const { code, out, err } = await segue(world, node, [
    "why",
    String(id),
    "--json",
    "--state-dir",
    world.stateDir(node),
  ]);
  assert.equal(code, 0, err);
  return JSON.parse(out);
}

/** The newest alarm of a node whose title fits. */
async function whyAlarm(world: World, node: NodeName, title: RegExp): Promise<Explanation> {
  let id: number | undefined;
  await world.until(
    async () => {
      const { out } = await segue(world, node, ["why", "--list", "--json", "--state-dir", world.stateDir(node)]);
      const found: { id: number; title: string }[] = JSON.parse(out);
      id = found.findLast((entry) => title.test(entry.title))?.id;
      return id !== undefined;
    },
    20_000,
    `an alarm like ${title} of ${node}`,
  );
  return await why(world, node, id);
}

async function becomes(world: World, node: NodeName, role: string): Promise<void> {
  await world.until(async () => await world.role(node) === role, 15_000, `${node} to be ${role}`);
  // The journal is written after the switch.
  await sleep(300);
}

/** All that was told, as one text. */
function told({ title, sentences, cannot_know: unknown }: Explanation): string {
  return [title, ...sentences, ...unknown].join("\n");
}

Deno.test("why: started, asked for here, asked for there, told to stop", async () => {
  await withPair(async (world, primary, standby) => {
    assert.equal((await why(world, primary)).cause, "start");
    await world.switchover(standby);
    await sleep(300);
    const here = await why(world, standby), there = await why(world, primary);
    assert.deepEqual([here.cause, there.cause], ["operator", "peer-asked"]);
    assert.match(there.cannot_know.join(), /whether an operator asked there/);

    // Asked of the node that serves: both know.
    await world.switchover(standby);
    await sleep(300);
    assert.equal((await why(world, standby)).cause, "operator");
    const asked = await why(world, primary);
    assert.equal(asked.cause, "operator");
    assert.match(told(asked), new RegExp(`An operator asked for it at ${standby}`));

    assert.equal(await world.daemon(primary).stop(), 0);
    await becomes(world, standby, "primary");
    assert.equal((await why(world, standby)).cause, "peer-stopping");
    assert.equal((await why(world, primary)).cause, "stopping", "its daemon is down, its journal is not");
  });
});

Deno.test("why: a track failed", async () => {
  await withWorld(async (world) => {
    for (const node of ["a", "b"] as const) {
      await run("ip", "-n", world.net.node(node), "link", "add", "t0", "type", "veth", "peer", "name", "t1");
      for (const device of ["t0", "t1"]) await run("ip", "-n", world.net.node(node), "link", "set", device, "up");
    }
    await world.startBoth();
    const primary = (await world.primary())!, standby = other(primary);
    await run("ip", "-n", world.net.node(primary), "link", "set", "t1", "down");
    await becomes(world, standby, "primary");
    // The journal of a busy machine may have the move before what led to it.
    await world.until(async () => /t0/.test(told(await why(world, primary))), 5000, "the track's name");
    const [old, new_] = [await why(world, primary), await why(world, standby)];
    assert.deepEqual([old.cause, new_.cause], ["service-failed", "peer-service-failed"]);
    assert.match(new_.cannot_know.join(), /own journal says it/);
  }, { group: 'track = [{ interface = "t0" }]' });
});

Deno.test("why: power-off", async () => {
  await withPair(async (world, primary, standby) => {
    await world.powerOff(primary);
    await becomes(world, standby, "primary");
    await sleep(CARRIER_TOLD_MS);
    const explanation = await why(world, standby);
    assert.equal(explanation.cause, "power-off");
    assert.match(told(explanation), /no carrier on veth1/);
    assert.match(told(explanation), new RegExp(`heard nothing from ${primary} for [0-9.]+ ms`));
    assert.match(told(explanation), /asked the network [2-9] times who has the address, and none was answered/);
    assert.match(told(explanation), /The machine in those/);
    assert.match(explanation.cannot_know.join(), /whether . died, or lives on/);
  });
});

Deno.test("why: the daemon was killed", async () => {
  await withPair(async (world, primary, standby) => {
    world.daemon(primary).signal("SIGKILL");
    await becomes(world, standby, "primary");
    // A busy machine closes the sockets of the dead one when it comes to it, after the takeover.
    await world.until(async () => (await why(world, standby)).cause === "daemon-killed", 5000, "the port's answer");
    const explanation = await why(world, standby);
    assert.match(told(explanation), /port unreachable at/);
    assert.match(told(explanation), /Clients met a gap of about/);
  });
});

Deno.test("why: the daemon was stopped, as the new primary sees it and as it sees itself", async () => {
  await withPair(async (world, primary, standby) => {
    world.daemon(primary).signal("SIGSTOP");
    await becomes(world, standby, "primary");
    const early = await why(world, standby);
    assert.equal(early.cause, "silence", "while it sleeps nobody can tell it from a dead one");
    assert.match(early.cannot_know.join(), /crashed, hangs, or is cut off/);
    await sleep(500);
    world.daemon(primary).signal("SIGCONT");
    await becomes(world, primary, "standby");
    assert.equal((await why(world, standby)).cause, "daemon-stopped");
    const own = await why(world, primary);
    assert.equal(own.cause, "daemon-stopped");
    assert.match(told(own), /woke [0-9.]+ (ms|s) too late/);
    assert.match(told(own), /did not wait for a processor/);
  });
});

Deno.test("why: stopped just long enough for the lease, and nobody took over", async () => {
  await withPair(async (world, primary) => {
    // What was unreachable while the peer started is a reason to be early for twice dead_after.
    await sleep(1000);
    world.daemon(primary).signal("SIGSTOP");
    await sleep(200);
    world.daemon(primary).signal("SIGCONT");
    await sleep(100);
    await becomes(world, primary, "primary");
    const explanation = await why(world, primary);
    assert.match(explanation.title, /retake/);
    assert.equal(explanation.cause, "daemon-stopped");
    assert.match(told(explanation), /lease was [0-9.]+ ms old when the kernel refused/);
  }, { timing: 'dead_after = "400ms"' });
});

Deno.test("why: the LAN port of the primary went down, on both nodes", async () => {
  await withPair(async (world, primary, standby) => {
    await world.lan(primary, false);
    await becomes(world, standby, "primary");
    await sleep(NOTICED_MS);
    assert.equal((await why(world, primary)).cause, "lan-port-down");
    const seen = await why(world, standby);
    assert.equal(seen.cause, "lan-port-down");
    assert.match(told(seen), /frame veth0/);
  });
});

Deno.test("why: all links of the primary were cut and came back", async () => {
  await withPair(async (world, primary, standby) => {
    await Promise.all([world.cable(false), world.lan(primary, false)]);
    await becomes(world, standby, "primary");
    await sleep(CARRIER_TOLD_MS);
    await Promise.all([world.cable(true), world.lan(primary, true)]);
    await becomes(world, primary, "standby");
    await sleep(500);
    const seen = await why(world, standby);
    assert.equal(seen.cause, "cut-off");
    assert.match(told(seen), /had lived on, cut off/);
  });
});

Deno.test("why: a cut cable moves nothing, and is an alarm on both nodes", async () => {
  await withPair(async (world, primary, standby) => {
    const before = await why(world, primary);
    await world.cable(false);
    for (const node of [primary, standby]) {
      const seen = await whyAlarm(world, node, /nothing comes from . on path 10\.78/);
      assert.equal(seen.cause, "path-lost");
      assert.match(told(seen), /no carrier on veth1/);
    }
    assert.equal((await why(world, primary)).id, before.id, "no switch");
    await world.cable(true);
    await world.until(async () => (await world.status(primary))!.alarms.length === 0, 5000, "the alarm to end");
  });
});

Deno.test("why: another program flushed the rules", async () => {
  await withPair(async (world, primary) => {
    await run("ip", "netns", "exec", world.net.node(primary), "nft", "flush", "ruleset");
    await world.until(
      async () => (await world.status(primary))!.counters.rules_repaired === 1,
      5000,
      "the repair",
    );
    await world.settled();
    await sleep(300);
    assert.equal((await why(world, primary)).cause, "rules-flushed");
    assert.equal((await whyAlarm(world, primary, /another program removed segue's rules/)).cause, "rules-flushed");
  });
});

Deno.test("why: heartbeats filtered, and a peer with another configuration", async () => {
  await withPair(async (world, primary, standby) => {
    await world.deafen(standby, true);
    assert.equal((await whyAlarm(world, standby, /not heard on any path/)).cause, "heartbeats-filtered");
    assert.equal((await whyAlarm(world, primary, /does not hear this node's heartbeats/)).cause, "heartbeats-filtered");
    await world.deafen(standby, false);
    await becomes(world, standby, "standby");

    await world.daemon(standby).stop();
    world.writeConfig({ profile: "lan", timing: 'dead_after = "80ms"' }, `${world.folder}/other.toml`);
    world.start(standby, `${world.folder}/other.toml`);
    const seen = await whyAlarm(world, primary, /another configuration/);
    assert.equal(seen.cause, "config-mismatch");
  });
});

Deno.test("why: called off, and taken back by preference", async () => {
  await withPair(async (world, primary, standby) => {
    assert.equal(primary, "a");
    assert.equal((await world.switchover(standby, standby, 30)).outcome, "aborted");
    await sleep(500);
    const off = await why(world, standby);
    assert.equal(off.cause, "called-off");
    assert.match(told(off), /serves on/);

    assert.equal((await world.switchover(standby, standby, 5000)).outcome, "done");
    await world.until(async () => await world.role("a") === "primary", 20_000, "a to take the group back");
    await sleep(300);
    assert.equal((await why(world, "a")).cause, "preempt");
    assert.equal((await why(world, "b")).cause, "peer-asked");
  }, { group: "preempt = true", timing: 'drain = "200ms"' });
});
