/**
 * A real pair with a real etcd, which stands in a namespace of its own with a link to each node. A split takes the cable and a node's port
 * out of the bridge, with carriers up: both nodes live, each with clients on its side.
 */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { EtcdServer } from "../arbiter/etcd_server.ts";
import { askBoth, cutOff, mend } from "./cut.ts";
import { assertPerfect, assertReigns, other, segue, sleep, withWorld } from "./pair.ts";

const MEMBERS = ["10.79.0.1", "10.79.0.2", "10.79.0.3"];
const SUBNET: Readonly<Record<NodeName, string>> = { a: "10.79.1", b: "10.79.2" };
/** A machine with other things to do answers late. */
const TIMEOUT = 'timeout = "1s"\nttl = "8s"';

/** Of the namespace that the arbiter stands in. */
async function withArbiter(
  body: (world: World, server: EtcdServer, primary: NodeName, standby: NodeName) => Promise<void>,
  members = 1,
): Promise<void> {
  await withWorld(async (world) => {
    const namespace = `${world.net.switch}-etcd`;
    await run("ip", "netns", "add", namespace);
    try {
      await run("ip", "-n", namespace, "link", "set", "lo", "up");
      for (const host of MEMBERS) await run("ip", "-n", namespace, "addr", "add", `${host}/32`, "dev", "lo");
      for (const node of ["a", "b"] as const) await connect(namespace, world.net.node(node), node);
      await using server = await new EtcdServer({ host: MEMBERS.slice(0, members), port: 2379, namespace }).start();
      Deno.writeTextFileSync(world.config, `${Deno.readTextFileSync(world.config)}\n${server.table(TIMEOUT)}`);
      await world.startBoth();
      const primary = await world.settled();
      for (const node of ["a", "b"] as const) {
        await world.until(
          async () => (await world.status(node))?.arbiter?.reachable === true,
          20_000,
          `etcd for ${node}`,
        );
      }
      await body(world, server, primary, other(primary));
    } finally {
      await run("ip", "netns", "del", namespace);
    }
  });
}

async function connect(etcd: string, namespace: string, node: NodeName): Promise<void> {
  await run("ip", "-n", etcd, "link", "add", `e-${node}`, "type", "veth", "peer", "name", "veth9", "netns", namespace);
  await run("ip", "-n", etcd, "addr", "add", `${SUBNET[node]}.1/24`, "dev", `e-${node}`);
  await run("ip", "-n", etcd, "link", "set", `e-${node}`, "up");
  await run("ip", "-n", namespace, "addr", "add", `${SUBNET[node]}.2/24`, "dev", "veth9");
  await run("ip", "-n", namespace, "link", "set", "veth9", "up");
  await run("ip", "-n", namespace, "route", "add", "10.79.0.0/24", "via", `${SUBNET[node]}.1`);
}

async function reaches(world: World, node: NodeName, on: boolean): Promise<void> {
  await run("ip", "-n", `${world.net.switch}-etcd`, "link", "set", `e-${node}`, on ? "up" : "down");
}

/** Everything is whole again, and the key is nobody's. */
async function rejoin(world: World, server: EtcdServer, node: NodeName): Promise<void> {
  await mend(world, node);
  await reaches(world, node, true);
  await world.settled();
  await world.until(() => server.ctl(["get", "/segue/", "--prefix"]) === "", 20_000, "the key to be free");
}

async function becomes(world: World, node: NodeName, role: string, ms = 20_000): Promise<void> {
  await world.until(async () => await world.role(node) === role, ms, `${node} to be ${role}`);
}

async function alarm(world: World, node: NodeName, kind: string): Promise<string | undefined> {
  return (await world.status(node))?.alarms.find((one) => one.kind === kind)?.text;
}

async function why(world: World, node: NodeName, ...words: string[]): Promise<string> {
  await sleep(300);
  const { out } = await segue(world, node, ["why", ...words, "--state-dir", world.stateDir(node)]);
  return out.replaceAll(/\s+/g, " ");
}

function stepsText(steps: readonly { readonly step: string; readonly at_us: number }[]): string {
  return steps.filter(({ step }) => step !== "probe").map(({ step, at_us }) => `${step} ${Math.round(at_us / 1000)} ms`)
    .join(", ");
}

Deno.test("an etcd that stands still, is gone, or takes the password no more: an alarm with the reason, and nothing moves", async () => {
  await withArbiter(async (world, server, primary, standby) => {
    const traffic = await world.udp({ durationMs: 6000 });
    server.freeze(true);
    for (const node of [primary, standby]) {
      await world.until(async () => await alarm(world, node, "arbiter") !== undefined, 20_000, "the alarm");
    }
    assert.match((await alarm(world, primary, "arbiter"))!, /cannot be asked, .*10\.79\.0\.1:2379: no answer within/);
    const status = await segue(world, primary, ["status", "--run-dir", world.runDir(primary)]);
    assert.match(status.out, /arbiter .*DOES NOT ANSWER/);
    server.freeze(false);
    for (const node of [primary, standby]) {
      await world.until(async () => await alarm(world, node, "arbiter") === undefined, 20_000, "the alarm's end");
    }
    await server.stop();
    await world.until(async () => await alarm(world, primary, "arbiter") !== undefined, 20_000, "the alarm");
    await world.switchover(standby);
    await world.switchover(primary);
    await server.start();
    await world.until(async () => await alarm(world, primary, "arbiter") === undefined, 20_000, "the alarm's end");
    Deno.writeTextFileSync(server.passwordFile, "guess\n");
    const reload = await segue(world, primary, ["reload", "--run-dir", world.runDir(primary)]);
    assert.equal(reload.code, 0, reload.err);
    await world.until(async () => await alarm(world, primary, "arbiter") !== undefined, 20_000, "the alarm");
    assert.match((await alarm(world, primary, "arbiter"))!, /invalid user ID or password/);
    assertPerfect(await traffic.result());
    await assertReigns(world, `${primary} ${standby} ${primary}`);
  });
});

Deno.test("split from each other again and again: one serves each time, the one that etcd hears", async (t) => {
  await withArbiter(async (world, server, first) => {
    const asker = askBoth(world), expected: NodeName[] = [first];
    try {
      for (let i = 0; i < 4; i++) {
        const primary = await world.settled(), standby = other(primary), moves = i % 2 === 1;
        if (moves) await reaches(world, primary, false);
        await cutOff(world, primary);
        if (moves) {
          await becomes(world, standby, "primary");
          await becomes(world, primary, "fenced");
          assert.match(server.ctl(["get", "/segue/", "--prefix"]), new RegExp(`"node":"${standby}"`));
          expected.push(standby);
        } else {
          await world.until(async () => (await world.status(primary))?.arbiter?.ours === true, 10_000, "the key");
          await sleep(3000);
          assert.equal(await world.role(standby), "suspecting");
          assert.equal(await world.role(primary), "primary");
          const text = await segue(world, standby, ["status", "--run-dir", world.runDir(standby)]);
          assert.match(text.out, new RegExp(`arbiter .*${primary} has the arbiter's key`));
        }
        // Longer than a lease of etcd's.
        if (i === 1) await sleep(9000);
        await rejoin(world, server, primary);
      }
    } finally {
      asker.stop();
    }
    await sleep(200);
    const gaps = world.reigns.slice(1).map((reign, i) => Math.round((reign.firstUs - world.reigns[i]!.lastUs) / 1000));
    console.log(`${t.name}: silence between two owners: ${gaps.join(", ")} ms`);
    await assertReigns(world, expected.join(" "));
  });
});

Deno.test("three members, and one dies, the one that leads, in the middle of a split: one node serves each time", async () => {
  await withArbiter(async (world, server, first) => {
    const asker = askBoth(world), expected: NodeName[] = [first];
    try {
      for (let i = 0; i < 3; i++) {
        const primary = await world.settled(), standby = other(primary);
        if (i === 2) await reaches(world, primary, false);
        await cutOff(world, primary);
        const leader = server.leader();
        assert.ok(leader >= 0);
        if (i > 0) await server.stop(leader);
        // While they elect another one nobody may get the key: then both stop, and whoever gets it first serves.
        const serving: NodeName[] = [];
        await world.until(
          async () => {
            const holder = [primary, standby];
            const states = await Promise.all(holder.map((node) => world.status(node)));
            serving.splice(0, 2, ...holder.filter((_, k) => states[k]!.arbiter!.ours));
            return serving.length === 1 && await world.role(serving[0]!) === "primary";
          },
          30_000,
          "one of the two to serve with the key",
        );
        await sleep(3000);
        assert.equal(await world.role(serving[0]!), "primary");
        assert.notEqual(await world.role(other(serving[0]!)), "primary");
        // Mostly who served; on a busy machine the other one may ask first.
        if (i === 2) assert.deepEqual(serving, [standby]);
        if (serving[0] !== primary) expected.push(standby);
        await server.start();
        await rejoin(world, server, primary);
      }
    } finally {
      asker.stop();
    }
    await assertReigns(world, expected.join(" "));
  }, 3);
});

Deno.test("cut off from everything, the primary stops and says why; the key brings it back", async () => {
  await withArbiter(async (world, server, primary, standby) => {
    await server.stop();
    await cutOff(world, primary);
    await becomes(world, primary, "fenced");
    // It waits for its bound first, a new run for longer.
    await world.until(
      async () => await alarm(world, standby, "arbiter-key") !== undefined,
      10_000,
      "the standby to miss the key",
    );
    assert.equal(await world.role(standby), "suspecting");
    assert.match(
      (await alarm(world, standby, "arbiter-key"))!,
      /nothing is served here without the arbiter's key: https/,
    );
    assert.match(await why(world, primary), /cut off from .* arbiter/);
    assert.equal(JSON.parse(await why(world, primary, "--json")).cause, "no-key");
    await server.start();
    // Whoever of the two asks first.
    const serving = async () => (await world.primary()) !== null;
    await world.until(serving, 20_000, "somebody to serve");
    await mend(world, primary);
    await world.settled();
  });
});

Deno.test("power-off: the other one takes over after the bound; kill: at once, and without the arbiter", async (t) => {
  await withArbiter(async (world, server, primary, standby) => {
    // A new run takes nothing by the arbiter's word.
    await world.until(
      async () => (await world.status(standby))!.uptime_ms > 4500,
      10_000,
      "the standby to be old enough",
    );
    // Its way to the arbiter dies with it, not after it.
    await reaches(world, primary, false);
    await world.powerOff(primary);
    await becomes(world, standby, "primary");
    const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
    const steps = receipt.steps.map(({ step }) => step);
    assert.ok(steps.includes("arbiter asked") && steps.includes("arbiter: the key is ours"), steps.join("\n"));
    console.log(`${t.name}: ${stepsText(receipt.steps)}`);
    assert.match(await why(world, standby), /arbiter's key/);
    assert.match(server.ctl(["get", "/segue/", "--prefix"]), new RegExp(`"node":"${standby}"`));
    await reaches(world, primary, true);
    await world.powerOn(primary);
    await becomes(world, primary, "standby");
    await server.stop();
    world.daemon(standby).signal("SIGKILL");
    await world.daemon(standby).ended;
    await becomes(world, primary, "primary", 2000);
    const killed = (await world.status(primary))!.groups[0]!.last_switch!;
    console.log(`${t.name}: killed: ${stepsText(killed.steps)}`);
    await sleep(4000);
    assert.equal(await world.role(primary), "primary", "the kernel there says that the daemon is gone");
  });
});
