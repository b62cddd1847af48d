/** A client whose neighbour entry is permanent and wrong after a move: both nodes say so. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import { CLIENT_V4, type NodeName, SERVICE_V4 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { other, segue, sleep, withPair } from "./pair.ts";

/** The client sends to this node for ever. */
async function pinClient(world: World, node: NodeName): Promise<void> {
  const link = JSON.parse(await run("ip", "-n", world.net.node(node), "-j", "link", "show", "dev", "veth0"));
  const { client } = world.net;
  await run(
    ...[
      "ip",
      "-n",
      client,
      "neigh",
      "replace",
      SERVICE_V4,
      "lladdr",
      link[0].address,
      "dev",
      "veth0",
      "nud",
      "permanent",
    ],
  );
}

async function group(world: World, node: NodeName) {
  return (await world.status(node))!.groups[0]!;
}

async function alarmOf(world: World, node: NodeName, kind: string): Promise<string | undefined> {
  return (await world.status(node))!.alarms.find((alarm) => alarm.kind === kind)?.text;
}

Deno.test("the old node names the neighbour that still sends to it, and the alarm ends with the fault", async () => {
  await withPair(async (world, primary, standby) => {
    await pinClient(world, primary);
    await world.udp({ durationMs: 60_000, intervalUs: 20_000 });
    await sleep(1000);
    await world.switchover(standby);
    await world.until(async () => (await group(world, primary)).stragglers.length > 0, 15_000, "the neighbour's name");
    const [straggler] = (await group(world, primary)).stragglers;
    assert.equal(straggler!.address, CLIENT_V4);
    assert.ok(straggler!.packets > 50 && straggler!.seconds >= 4, JSON.stringify(straggler));
    const text = await alarmOf(world, primary, "stragglers web");
    assert.match(text!, new RegExp(`${CLIENT_V4} still sends to ${primary}: [0-9]+ packets in 5 s`));
    const { out } = await segue(world, primary, ["events", "--state-dir", world.stateDir(primary)]);
    assert.match(out, /10\.77\.0\.9 still sends to/);
    assert.deepEqual((await group(world, standby)).stragglers, []);
    assert.equal(await alarmOf(world, standby, "no-traffic web"), undefined, "it arrives there, passed on");

    await run("ip", "-n", world.net.client, "neigh", "del", SERVICE_V4, "dev", "veth0");
    await world.until(
      async () => await alarmOf(world, primary, "stragglers web") === undefined,
      20_000,
      "the end of the alarm",
    );
  });
});

Deno.test("who has followed the move is no straggler", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 11_000, intervalUs: 20_000 });
    await sleep(500);
    await world.switchover(standby);
    await traffic.result();
    for (const node of [primary, standby]) {
      assert.deepEqual((await group(world, node)).stragglers, []);
      assert.deepEqual((await world.status(node))!.alarms, []);
    }
  });
});

Deno.test("a takeover after which nothing arrives: the new primary says so, and the old one who it is once it is back", async () => {
  await withPair(async (world, primary, standby) => {
    await pinClient(world, primary);
    await world.udp({ durationMs: 90_000, intervalUs: 20_000 });
    await sleep(1500);
    world.daemon(primary).signal("SIGKILL");
    await world.until(async () => await world.role(standby) === "primary", 10_000, "the takeover");
    await sleep(5000);
    assert.equal(await alarmOf(world, standby, "no-traffic web"), undefined, "not before its time");
    await world.until(
      async () => await alarmOf(world, standby, "no-traffic web") !== undefined,
      15_000,
      "the alarm of the new primary",
    );
    world.start(primary);
    await world.settled();
    assert.equal(other(primary), standby);
    await world.until(async () => (await group(world, primary)).stragglers.length > 0, 15_000, "the neighbour's name");
    assert.equal((await group(world, primary)).stragglers[0]!.address, CLIENT_V4);
    await run("ip", "-n", world.net.client, "neigh", "del", SERVICE_V4, "dev", "veth0");
    await world.until(async () => await alarmOf(world, standby, "no-traffic web") === undefined, 10_000, "traffic");
  });
});

Deno.test("a takeover of a service that nobody used is no alarm", async () => {
  await withPair(async (world, primary, standby) => {
    world.daemon(primary).signal("SIGKILL");
    await world.until(async () => await world.role(standby) === "primary", 10_000, "the takeover");
    await sleep(11_000);
    assert.equal(await alarmOf(world, standby, "no-traffic web"), undefined);
  });
});
