/**
 * The second opinion on a real pair: one node is cut off with its carrier up, and its cable with it. The gateway is an address of the
 * switch.
 */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { askBoth, cutOff, mend } from "./cut.ts";
import { assertPerfect, assertReigns, GAP_MS_MAX, other, segue, sleep, withWorld } from "./pair.ts";

const V4 = "10.77.0.254", V6 = "fd00:77::fe";

async function gatewayOn(world: World, on: boolean): Promise<void> {
  for (const [address, options] of [[`${V4}/24`, []], [`${V6}/64`, ["nodad"]]] as const) {
    await run("ip", "-n", world.net.switch, "addr", on ? "add" : "del", address, "dev", "br0", ...(on ? options : []));
  }
}

async function withGateway(
  gateway: string,
  body: (world: World, primary: NodeName, standby: NodeName) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    // A port outside the bridge shall not be answered for what the bridge has.
    await run("ip", "netns", "exec", world.net.switch, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1");
    await gatewayOn(world, true);
    await world.startBoth();
    const primary = (await world.primary())!;
    for (const node of ["a", "b"] as const) {
      await world.until(async () => await reachable(world, node) === true, 5000, `${node} to know its gateway`);
    }
    await body(world, primary, other(primary));
  }, { group: `track = [{ gateway = "${gateway}" }]` });
}

async function reachable(world: World, node: NodeName): Promise<boolean | null | undefined> {
  return (await world.status(node))?.groups[0]?.gateway?.reachable;
}

async function becomes(world: World, node: NodeName, role: string): Promise<void> {
  await world.until(async () => await world.role(node) === role, 10_000, `${node} to be ${role}`);
}

for (const gateway of [V4, V6]) {
  Deno.test(`a standby that is cut off from peer and gateway ${gateway} takes nothing over`, async () => {
    await withGateway(gateway, async (world, primary, standby) => {
      const traffic = await world.udp({ durationMs: 2500 });
      await sleep(300);
      await cutOff(world, standby);
      await world.until(async () => await reachable(world, standby) === false, 5000, "the gateway to be missed");
      await sleep(1000);
      assert.equal(await world.role(standby), "suspecting");
      assert.equal(await world.role(primary), "primary");
      const text = await segue(world, standby, ["status", "--run-dir", world.runDir(standby)]);
      assert.match(text.out, new RegExp(`gateway ${gateway} DOES NOT ANSWER`));
      const why = await segue(world, standby, ["why", "--list", "--state-dir", world.stateDir(standby)]);
      assert.match(why.out, /not taken over, this node is cut off/);
      assertPerfect(await traffic.result());
      await mend(world, standby);
      await becomes(world, standby, "standby");
      await assertReigns(world, primary);
    });
  });
}

Deno.test("a primary that is cut off from peer and gateway gives up; the other one serves, and goes on when it is back", async () => {
  await withGateway(V4, async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(300);
    await cutOff(world, primary);
    await becomes(world, standby, "primary");
    await becomes(world, primary, "fenced");
    assert.equal((await world.status(primary))!.groups[0]!.lease.held, false);
    await sleep(300);
    const why = await segue(world, primary, ["why", "--json", "--state-dir", world.stateDir(primary)]);
    assert.equal(JSON.parse(why.out).cause, "isolated", why.out);
    // It stays silent, whatever becomes of the probes that nobody answers.
    await sleep(1000);
    assert.equal(await world.role(primary), "fenced");
    assert.ok((await traffic.result()).longestGapMs < GAP_MS_MAX);
    await mend(world, primary);
    await becomes(world, primary, "standby");
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("cut off again and again, each in turn: the old owner has said its last word before the new one says its first", async (t) => {
  await withGateway(V4, async (world, first) => {
    const asker = askBoth(world);
    const expected: NodeName[] = [first];
    try {
      for (let i = 0; i < 6; i++) {
        const primary = await world.settled(), standby = other(primary);
        await sleep(300 + Math.random() * 50);
        await cutOff(world, primary);
        await becomes(world, standby, "primary");
        await becomes(world, primary, "fenced");
        await sleep(200);
        await mend(world, primary);
        await becomes(world, primary, "standby");
        expected.push(standby);
      }
    } finally {
      asker.stop();
    }
    await sleep(200);
    const gaps = world.reigns.slice(1).map((reign, i) =>
      Math.round((reign.firstUs - world.reigns[i]!.lastUs) / 100) / 10
    );
    console.log(`${t.name}: silence between two owners: ${gaps.join(", ")} ms`);
    assert.equal(world.missed, 0);
    await assertReigns(world, expected.join(" "));
  });
});

Deno.test("a gateway that is gone moves nothing while the nodes hear each other; alone, the standby waits for it", async () => {
  await withGateway(V4, async (world, primary, standby) => {
    await gatewayOn(world, false);
    for (const node of ["a", "b"] as const) {
      await world.until(async () => await reachable(world, node) === false, 10_000, `${node} to miss its gateway`);
    }
    await sleep(500);
    assert.equal(await world.settled(), primary);
    const alarms = (await world.status(primary))!.alarms.map((it) => it.kind);
    assert.ok(alarms.includes("gateway web"), alarms.join(", "));
    await world.switchover(primary);
    await assertReigns(world, `${primary} ${standby}`);

    await world.powerOff(standby);
    await sleep(700);
    assert.equal(await world.role(primary), "suspecting");
    await gatewayOn(world, true);
    await becomes(world, primary, "primary");
    await assertReigns(world, `${primary} ${standby} ${primary}`);
  });
});

Deno.test("power-off with a gateway that answers: as quick as ever, and the survivor serves on alone", async () => {
  await withGateway(V4, async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 1500 });
    await sleep(300);
    await world.powerOff(primary);
    assert.ok((await traffic.result()).longestGapMs < GAP_MS_MAX);
    assert.equal(await world.role(standby), "primary");
    await sleep(1000);
    assert.equal(await world.role(standby), "primary");
    await assertReigns(world, `${primary} ${standby}`);
  });
});
