import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { Measurement } from "../../control/lab/measurement.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { assertPerfect, assertReigns, GAP_MS_MAX, sleep, withPair } from "./pair.ts";

/** Traffic, a fault in its midst, and what the client saw. */
async function under(world: World, durationMs: number, fault: () => Promise<void> | void): Promise<Measurement> {
  const traffic = await world.udp({ durationMs });
  await sleep(300);
  await fault();
  return await traffic.result();
}

function assertShortGap(m: Measurement): void {
  assert.ok(m.longestGapMs < GAP_MS_MAX, `the client saw nothing for ${m.longestGapMs} ms`);
  assert.equal(m.reordered, 0);
  assert.equal(m.duplicates, 0);
}

async function becomes(world: World, node: NodeName, role: string): Promise<void> {
  await world.until(async () => await world.role(node) === role, 10_000, `${node} to be ${role}`);
}

Deno.test("power-off: the standby takes over, the node comes back as standby", async () => {
  await withPair(async (world, primary, standby) => {
    assertShortGap(await under(world, 1500, () => world.powerOff(primary)));
    assert.equal(await world.role(standby), "primary");
    await world.powerOn(primary);
    await becomes(world, primary, "standby");
    const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
    assert.equal(receipt.kind, "failover");
    // Either the address was asked for twice, or the dying node's last word by the cable was consent.
    const probes = receipt.steps.filter((step) => step.step === "probe").length;
    assert.ok(probes >= 2 || /consented/.test(receipt.reason), receipt.reason);
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("kill -9 of the whole process group: one owner at every moment", async () => {
  await withPair(async (world, primary, standby) => {
    const seen = await under(world, 1500, () => world.daemon(primary).signal("SIGKILL"));
    assertShortGap(seen);
    world.start(primary);
    await becomes(world, primary, "standby");
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("IPv6 clients fare alike", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 1500, v6: true });
    await sleep(300);
    world.daemon(primary).signal("SIGKILL");
    assertShortGap(await traffic.result());
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("stopped at random moments and continued: not one word as the address after SIGCONT", async () => {
  await withPair(async (world) => {
    const reigns: string[] = [(await world.primary())!];
    for (let i = 0; i < 4; i++) {
      const primary = await world.settled();
      const seen = await under(world, 1400, async () => {
        await sleep(Math.random() * 20);
        world.daemon(primary).signal("SIGSTOP");
        await sleep(150 + Math.random() * 500);
        world.daemon(primary).signal("SIGCONT");
      });
      assertShortGap(seen);
      const next = await world.settled();
      assert.notEqual(next, primary);
      reigns.push(next);
    }
    await assertReigns(world, reigns.join(" "));
  });
});

Deno.test("a standby that is gone for longer than neighbour entries live costs nothing", async () => {
  await withPair(async (world, primary, standby) => {
    for (const device of ["veth0", "veth1"]) {
      for (const setting of ["base_reachable_time_ms=300", "delay_first_probe_time=1", "gc_stale_time=1"]) {
        await run(
          "ip",
          "netns",
          "exec",
          world.net.node(primary),
          "sysctl",
          "-qw",
          `net.ipv4.neigh.${device}.${setting}`,
        );
      }
    }
    const seen = await under(world, 6000, () => world.powerOff(standby));
    assertPerfect(seen);
    assert.equal(await world.role(primary), "primary");
    await assertReigns(world, primary);
  });
});

Deno.test("the primary's LAN port goes down, and up again after the takeover: it comes back mute", async () => {
  await withPair(async (world, primary, standby) => {
    const seen = await under(world, 1500, () => world.lan(primary, false));
    assertShortGap(seen);
    assert.equal(await world.role(standby), "primary");
    await world.lan(primary, true);
    await sleep(1000);
    assert.equal(await world.role(primary), "standby");
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("a cut sync cable switches nothing and loses nothing", async () => {
  await withPair(async (world, primary) => {
    assertPerfect(await under(world, 1500, () => world.cable(false)));
    assert.equal(await world.role(primary), "primary");
    await assertReigns(world, primary);
    await world.cable(true);
    await world.until(
      async () => (await world.status(primary))!.paths.every((path) => path.state === "up"),
      5000,
      "all paths to be up again",
    );
  });
});

Deno.test("all heartbeats towards the standby filtered: no switch, nothing lost, an alarm on both nodes", async () => {
  await withPair(async (world, primary, standby) => {
    const seen = await under(world, 2500, () => world.deafen(standby, true));
    assertPerfect(seen);
    assert.equal(await world.role(primary), "primary");
    await world.until(
      async () => (await world.status(standby))!.alarms.some((alarm) => alarm.kind === "heartbeats-lost"),
      5000,
      "the standby's alarm",
    );
    await world.until(
      async () => (await world.status(primary))!.alarms.some((alarm) => alarm.kind === "peer-deaf"),
      5000,
      "the primary's alarm",
    );
    await world.deafen(standby, false);
    await becomes(world, standby, "standby");
    await world.until(async () => (await world.status(standby))!.alarms.length === 0, 5000, "the alarm to end");
    await assertReigns(world, primary);
  });
});

Deno.test("nft flush ruleset on the standby: nothing lost, repaired, reported", async () => {
  await withPair(async (world, primary, standby) => {
    const seen = await under(world, 1500, async () => {
      await run("ip", "netns", "exec", world.net.node(standby), "nft", "flush", "ruleset");
    });
    assertPerfect(seen);
    assert.equal((await world.status(standby))!.counters.rules_repaired, 1);
    const rules = await run("ip", "netns", "exec", world.net.node(standby), "nft", "list", "tables");
    assert.match(rules, /netdev segue/);
    assert.match(rules, /inet segue/);
    await assertReigns(world, primary);
    // It takes over as well as before.
    assertShortGap(await under(world, 1500, () => world.daemon(primary).signal("SIGKILL")));
    await assertReigns(world, `${primary} ${standby}`);
  });
});

Deno.test("nft flush ruleset on the primary: fenced, mended, one owner", async () => {
  await withPair(async (world, primary) => {
    const seen = await under(world, 1500, async () => {
      await run("ip", "netns", "exec", world.net.node(primary), "nft", "flush", "ruleset");
    });
    assertShortGap(seen);
    await world.settled();
    assert.equal((await world.status(primary))!.counters.rules_repaired, 1);
    assert.ok(world.reigns.length <= 2, "no more than one switch");
  });
});

Deno.test("a daemon that dies in the middle of a switchover: the packets that it held are served", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(300);
    // The old node drains for 300 ms; the new one holds meanwhile, and dies with what it holds.
    const asked = world.switchover(primary).catch(() => null);
    await sleep(100);
    world.daemon(standby).signal("SIGKILL");
    await asked;
    const seen = await traffic.result();
    assert.equal(await world.role(primary), "primary");
    assertShortGap({ ...seen, longestGapMs: 0 });
    await assertReigns(world, primary);
    assert.ok(seen.longestGapMs < 600, `the old node serves again: ${seen.longestGapMs} ms`);
  }, { timing: 'drain = "300ms"' });
});

Deno.test("the old node dies in the middle of a switchover: what the new one holds is served", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 2500 });
    await sleep(300);
    const asked = world.switchover(standby).catch(() => null);
    await sleep(50);
    world.daemon(primary).signal("SIGKILL");
    const receipt = await asked;
    const seen = await traffic.result();
    assert.equal(await world.role(standby), "primary");
    assert.equal(receipt?.kind, "failover");
    assert.ok(receipt.packets.released > 20, `${receipt.packets.released} packets had been held and were served`);
    assert.equal(seen.reordered, 0);
    await assertReigns(world, `${primary} ${standby}`);
  }, { timing: 'drain = "300ms"' });
});

Deno.test("stopped for longer than any watchdog's patience: the daemon lives, as standby", async () => {
  await withPair(async (world, primary, standby) => {
    world.daemon(primary).signal("SIGSTOP");
    await becomes(world, standby, "primary");
    await sleep(7000);
    world.daemon(primary).signal("SIGCONT");
    await becomes(world, primary, "standby");
    await sleep(1500);
    assert.ok(world.daemon(primary).running, "it goes on running");
    assert.equal(await world.role(primary), "standby");
  });
});
