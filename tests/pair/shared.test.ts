/** A pair on a shared wire: both nodes hear, one answers, and a crash loses nothing. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { Measurement } from "../../control/lab/measurement.ts";
import { CLIENT_V4, CLIENT_V6, type NodeName } from "../../control/lab/topology.ts";
import type { World, WorldOptions } from "../../control/lab/world.ts";
import { assertPerfect, assertReigns, GAP_MS_MAX, sleep, withPair } from "./pair.ts";

/** Profile `lan`: its heartbeat in milliseconds, and what the lease and the look at it add. */
const BEAT_MS = 10;
const LEASE_MS = 60;
/** On a busy machine a service gets no time for longer than a quarter of a heartbeat, and what it has not read dies with it. */
const LAG_MS = 100;
const LAG = `lag = "${LAG_MS}ms"`;
const SHARED = `wire = "shared"\nshared = { ${LAG} }`;

function sharedTest(
  name: string,
  body: (world: World, primary: NodeName, standby: NodeName) => Promise<void>,
  options: Partial<WorldOptions> = {},
): void {
  Deno.test(`shared wire: ${name}`, () =>
    withPair(async (world, primary, standby) => {
      await body(world, primary, standby);
      // The switch's forwarding table must never know where the virtual MACs are.
      assert.doesNotMatch(await run("bridge", "-n", world.net.switch, "fdb", "show"), /0[26]:53:45:/);
    }, { group: SHARED, ...options }));
}

/** Traffic of both families, one packet a millisecond each, and a fault in its midst. */
async function under(world: World, durationMs: number, fault: () => Promise<unknown> | void): Promise<Measurement[]> {
  const clients = [await world.udp({ durationMs, intervalUs: 1000 })];
  clients.push(await world.udp({ durationMs, intervalUs: 1000, v6: true }));
  await sleep(400);
  await fault();
  return await Promise.all(clients.map((it) => it.result()));
}

/** Nothing lost; served twice at most what was sent in that time, and what is kept for the service's sake. */
function assertReplayed(seen: readonly Measurement[], twiceMsMax: number): void {
  for (const { lost, reordered, duplicates, longestGapMs } of seen) {
    assert.deepEqual({ lost, reordered }, { lost: 0, reordered: 0 });
    assert.ok(duplicates <= LAG_MS + twiceMsMax, `${duplicates} datagrams were served twice`);
    assert.ok(longestGapMs < GAP_MS_MAX, `the client saw nothing for ${longestGapMs} ms`);
  }
}

async function flush(world: World, node: NodeName): Promise<void> {
  await run("ip", "netns", "exec", world.net.node(node), "nft", "flush", "ruleset");
}

sharedTest("a power-off loses nothing, and the receipt says what was served of it", async (world, primary, standby) => {
  const seen = await under(world, 1500, () => world.powerOff(primary));
  // One heartbeat, a quarter of one, and what a busy machine adds.
  assertReplayed(seen, 3 * BEAT_MS);
  const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
  assert.equal(receipt.kind, "failover");
  const { shadowed, replayed, replayed_oldest_us: oldest, dropped } = receipt.packets;
  assert.ok(replayed! > 20, `${replayed} packets of two clients and the silence of a failover`);
  assert.deepEqual([shadowed, dropped], [replayed, 0]);
  assert.ok(oldest! > 1000 * BEAT_MS);
  const steps = receipt.steps.map(({ step }) => step.replace(/ \d+$/, ""));
  assert.deepEqual(steps.slice(-3), ["addresses", "lease, epoch", "replayed"], "nothing has to be announced");
  await assertReigns(world, `${primary} ${standby}`);
});

sharedTest("as configured by itself, about one heartbeat is served twice", async (world, primary) => {
  for (const { reordered, duplicates } of await under(world, 1500, () => world.powerOff(primary))) {
    assert.equal(reordered, 0);
    assert.ok(duplicates <= 3 * BEAT_MS, `${duplicates} datagrams were served twice`);
  }
}, { group: 'wire = "shared"' });

sharedTest("a killed daemon's kernel serves on for a lease: nothing lost", async (world, primary, standby) => {
  const seen = await under(world, 1500, () => world.daemon(primary).signal("SIGKILL"));
  assertReplayed(seen, 2 * LEASE_MS);
  await assertReigns(world, `${primary} ${standby}`);
});

sharedTest("a daemon that is stopped and continued: nothing lost, one owner", async (world, primary, standby) => {
  const seen = await under(world, 2000, async () => {
    world.daemon(primary).signal("SIGSTOP");
    await sleep(500);
    world.daemon(primary).signal("SIGCONT");
  });
  assertReplayed(seen, 2 * LEASE_MS);
  await assertReigns(world, `${primary} ${standby}`);
});

sharedTest(
  "a lease that lapses with nobody to take over: what comes until it is back is served",
  async (world, primary, standby) => {
    world.daemon(standby).signal("SIGKILL");
    await sleep(200);
    await under(world, 1500, async () => {
      world.daemon(primary).signal("SIGSTOP");
      await sleep(3 * LEASE_MS);
      world.daemon(primary).signal("SIGCONT");
    });
    const receipt = (await world.status(primary))!.groups[0]!.last_switch!;
    assert.equal(receipt.kind, "retake");
    // Eight questions have to stay unanswered, 7.5 ms each.
    assert.ok(receipt.packets.replayed! > 30, `${receipt.packets.replayed} packets were replayed`);
    await assertReigns(world, primary);
  },
);

sharedTest("planned moves lose, double and reorder nothing", async (world, primary, standby) => {
  const seen = await under(world, 2500, async () => {
    for (const node of [standby, primary, standby]) {
      assert.equal((await world.switchover(node)).outcome, "done");
      await sleep(300);
    }
  });
  seen.forEach(assertPerfect);
  await assertReigns(world, [primary, standby, primary, standby].join(" "));
});

sharedTest(
  "a new node that dies in the midst of a move: the old one serves on, each packet once",
  async (world, primary, standby) => {
    const seen = await under(world, 2500, async () => {
      // The old node drains for 300 ms; the new one holds meanwhile.
      const asked = world.switchover(primary, standby).catch(() => null);
      await sleep(100);
      world.daemon(standby).signal("SIGKILL");
      await asked;
    });
    assert.equal(await world.role(primary), "primary");
    for (const { duplicates, reordered } of seen) assert.deepEqual([duplicates, reordered], [0, 0]);
    await assertReigns(world, primary);
  },
  { timing: 'drain = "300ms"' },
);

sharedTest("an old node that dies in the midst of a move: nothing lost", async (world, primary, standby) => {
  const seen = await under(world, 2500, async () => {
    const asked = world.switchover(standby).catch(() => null);
    await sleep(50);
    await world.powerOff(primary);
    await asked;
  });
  for (const { lost, reordered, duplicates } of seen) {
    assert.deepEqual({ lost, reordered }, { lost: 0, reordered: 0 });
    assert.ok(duplicates <= LAG_MS + 3 * BEAT_MS, `${duplicates} were served twice`);
  }
  await assertReigns(world, `${primary} ${standby}`);
}, { timing: 'drain = "300ms"' });

sharedTest(
  "a standby's shadow is emptied all the time, and a flush of its rules costs nothing",
  async (world, primary, standby) => {
    const seen = await under(world, 2000, () => flush(world, standby));
    seen.forEach(assertPerfect);
    await assertReigns(world, primary);
    const { shadow } = (await world.status(standby))!.groups[0]!;
    assert.ok(shadow!.total > 1000, `${shadow!.total} packets were kept`);
    assert.ok(shadow!.served > 1000 && shadow!.replayed === 0 && shadow!.oldest_ms < 4 * LEASE_MS);
    assert.equal((await world.status(primary))!.groups[0]!.shadow!.now, 0);
    // It is there again, and as good as before.
    assertReplayed(await under(world, 1500, () => world.powerOff(primary)), 3 * BEAT_MS);
    await assertReigns(world, `${primary} ${standby}`);
  },
);

sharedTest("a standby knows the neighbours whom it would have to answer", async (world, _, standby) => {
  const known = () => run("ip", "-n", world.net.node(standby), "neigh", "show", "dev", "veth0");
  for (const client of [CLIENT_V4, CLIENT_V6]) assert.ok(!(await known()).includes(`${client} lladdr`), await known());
  await under(world, 2000, () => {});
  for (const client of [CLIENT_V4, CLIENT_V6]) assert.match(await known(), new RegExp(`^${client} lladdr`, "m"));
});

sharedTest("rules flushed on the primary: one owner at every moment", async (world, primary) => {
  await under(world, 1500, () => flush(world, primary));
  await world.settled();
  assert.ok(world.reigns.length <= 2, "no more than one switch");
});

/** The switch believes to know where the virtual MACs are: at this port, and at no other. */
async function teach(world: World, macs: readonly string[], port: string, verb: "add" | "del"): Promise<void> {
  for (const mac of macs) {
    await run("bridge", "-n", world.net.switch, "fdb", verb, mac, "dev", port, "master", "static");
  }
}

for (const where of ["primary", "standby"] as const) {
  sharedTest(
    `a switch that learns the MAC at the ${where}'s port: both fall back by themselves, and return`,
    async (world, primary, standby) => {
      const wireOf = async (node: NodeName) => (await world.status(node))!.groups[0]!.wire!;
      const inForce = async (wire: string) => {
        const words = await Promise.all([primary, standby].map(wireOf));
        return words.every((it) => it.in_force === wire);
      };
      await world.until(() => inForce("shared"), 1000, "the shared wire");
      const { macs } = await wireOf(primary);
      await teach(world, macs, `p-${where === "primary" ? primary : standby}`, "add");
      await world.until(() => inForce("announce"), 15_000, "both to fall back");
      for (const node of [primary, standby]) {
        const alarms = (await world.status(node))!.alarms.map(({ kind }) => kind);
        assert.ok(alarms.includes("wire web"), `${node}: ${alarms}`);
      }
      // As on any other wire.
      const seen = await under(world, 2000, () => world.switchover(standby));
      seen.forEach(assertPerfect);
      assert.equal((await world.switchover(primary)).outcome, "done");
      await assertReigns(world, `${primary} ${standby} ${primary}`);
      await teach(world, macs, `p-${where === "primary" ? primary : standby}`, "del");
      await world.until(() => inForce("shared"), 60_000, "the shared wire again");
      const alarms = (await world.status(primary))!.alarms.map(({ kind }) => kind);
      assert.ok(!alarms.includes("wire web"), `${alarms}`);
      assertReplayed(await under(world, 1500, () => world.powerOff(primary)), 3 * BEAT_MS);
    },
  );
}

sharedTest(
  "two groups, one on each node: the one moves with its node, the other stays, nothing lost",
  async (world, primary) => {
    const groupsOf = async (node: NodeName) => (await world.status(node))!.groups.map(({ role }) => role);
    const moved = primary === "a" ? "b" : "a";
    await world.until(async () => (await groupsOf(moved))[1] === "primary", 10_000, "dns on its own node");
    const macs = (await world.status(primary))!.groups.flatMap(({ wire }) => wire!.macs);
    assert.equal(new Set(macs).size, 2);
    assertReplayed(await under(world, 1500, () => world.powerOff(primary)), 3 * BEAT_MS);
    assert.deepEqual(await groupsOf(moved), ["primary", "primary"]);
  },
  {
    group: [
      SHARED,
      "[[group]]",
      'name = "dns"',
      'prefer = "b"',
      SHARED,
      'addresses = [{ address = "10.77.0.101/32", interface = "veth0" }]',
    ].join("\n"),
  },
);

/** As primary it takes its time once FILE is there. */
const slowService = (file: string) =>
  `wire = "shared"
[[group.service]]
name = "told"
exec = ["/bin/sleep", "1000"]
on_primary = [["/bin/sh", "-c", "test ! -e ${file} || sleep 8"]]
command_timeout = "20s"
`;

Deno.test("shared wire: a peer that is back while packets are held for services has served none of them, whatever an earlier move was like", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segtest-shared-" });
  try {
    await withPair(async (world, primary, standby) => {
      for (const node of [standby, primary]) assert.equal((await world.switchover(node, node)).outcome, "done");
      Deno.writeTextFileSync(`${folder}/slow`, "");
      const traffic = await world.udp({ durationMs: 10_000, intervalUs: 5000 });
      await sleep(300);
      world.daemon(primary).signal("SIGKILL");
      await world.until(async () => await world.role(standby) === "primary", 10_000, "the failover");
      world.start(primary);
      await world.until(async () => await world.role(primary) === "standby", 10_000, "the peer to be back");
      const { held, last_switch } = (await world.status(standby))!.groups[0]!;
      assert.ok(held.now > 100, `${held.now} are held: ${JSON.stringify(last_switch)}`);
      const { lost, reordered } = await traffic.result();
      assert.deepEqual({ lost, reordered }, { lost: 0, reordered: 0 });
    }, { profile: "wan", timing: 'start_wait = "500ms"', group: slowService(`${folder}/slow`) });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

sharedTest("without replay nothing is kept and nothing is served twice", async (world, primary, standby) => {
  const seen = await under(world, 1500, () => world.powerOff(primary));
  for (const { duplicates } of seen) assert.equal(duplicates, 0);
  // Not of each client: one that gets no time just then has sent nothing into it.
  assert.ok(seen.some(({ lost }) => lost > 0), "what is sent into the crash is lost");
  assert.equal((await world.status(standby))!.groups[0]!.shadow, undefined);
  await assertReigns(world, `${primary} ${standby}`);
}, { group: 'wire = "shared"\nshared = { replay = false, mac = "02:00:5e:00:53:01" }' });

sharedTest(
  "more than the shadow may keep: the oldest go, with a word, and the newest are served",
  async (world, primary, standby) => {
    const seen = await under(world, 1500, () => world.powerOff(primary));
    for (const { reordered } of seen) assert.equal(reordered, 0);
    const lost = seen.reduce((sum, it) => sum + it.lost, 0);
    assert.ok(lost > 0, `${lost} lost`);
    const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
    assert.ok(receipt.packets.replayed! > 0 && receipt.packets.replayed! <= 40, `${receipt.packets.replayed} replayed`);
    assert.ok(receipt.packets.dropped > 0, "it is in the receipt");
    assert.equal(receipt.packets.shadowed, receipt.packets.replayed! + receipt.packets.dropped);
    const words = world.linesOf(standby).filter((line) => /more packets came than the shadow keeps/.test(line));
    assert.ok(words.length > 0, "it is said");
  },
  { group: 'wire = "shared"\nshared = { max = "1KiB" }' },
);
