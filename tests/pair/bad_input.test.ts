/** What is not right: configuration, key, rights, and everything that strangers may send. */
import assert from "node:assert/strict";
import { readKeys } from "../../config/key.ts";
import { generateKey } from "../../config/key_change.ts";
import { run } from "../../control/lab/command.ts";
import { lanAddress, type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { attack, captureFrom, rejected, waitRejected } from "./attack.ts";
import {
  assertPerfect,
  assertReigns,
  daemonArgs,
  exists,
  footprint,
  GAP_MS_MAX,
  other,
  segue,
  sleep,
  withPair,
  withWorld,
} from "./pair.ts";

/** Writes the pair's file again with something changed; returns its path. */
function changedConfig(world: World, name: string, change: (text: string) => string): string {
  const path = `${world.folder}/${name}`, text = Deno.readTextFileSync(world.config), changed = change(text);
  assert.notEqual(changed, text, "the change changes something");
  Deno.writeTextFileSync(path, changed);
  return path;
}

Deno.test("a start that cannot be: the reason, the exit code, and nothing is touched", async (t) => {
  await withWorld(async (world) => {
    const before = await footprint(world, "a");
    const key = `${world.folder}/pair.key`;

    async function assertRefused(
      code: number,
      patterns: readonly RegExp[],
      args: readonly string[],
      cmd: string[] = [],
    ) {
      const ended = await segue(world, "a", args, cmd);
      for (const pattern of patterns) assert.match(ended.err, pattern);
      assert.equal(ended.code, code, ended.err);
      assert.doesNotMatch(ended.err, /\n\s+at /, "no stack for what is no bug");
      assert.equal(await footprint(world, "a"), before);
      return ended;
    }

    function assertNoFiles(): void {
      for (const path of [world.runDir("a"), world.stateDir("a")]) {
        assert.equal(exists(path), false, `${path} was made`);
      }
    }

    await t.step("config errors: all of them, with line and hint", async () => {
      const bad = changedConfig(
        world,
        "bad.toml",
        (text) =>
          text.replace('profile = "lan"', 'profile = "lan"\nlease = "5ms"\nheartbaet = "1ms"').replace("/32", "/40"),
      );
      await assertRefused(
        78,
        [/lease/, /heartbaet.*\n?.*heartbeat/s, /10\.77\.0\.100\/40/, /:\d+: /],
        daemonArgs(world, "a", bad),
      );
      assertNoFiles();
    });

    await t.step("no such file", async () => {
      await assertRefused(78, [/missing\.toml/], daemonArgs(world, "a", `${world.folder}/missing.toml`));
      assertNoFiles();
    });

    await t.step("a node that the file does not have", async () => {
      const args = daemonArgs(world, "a").map((arg) => arg === "a" ? "zeus" : arg);
      await assertRefused(78, [/zeus/, /hint: --node a or --node b/], args);
      assertNoFiles();
    });

    await t.step("a key that others can read", async () => {
      Deno.chmodSync(key, 0o644);
      await assertRefused(78, [/pair\.key has mode 0644/, /chmod 600/], daemonArgs(world, "a"));
      Deno.chmodSync(key, 0o600);
      assertNoFiles();
    });

    await t.step("no key", async () => {
      Deno.renameSync(key, `${key}.away`);
      await assertRefused(78, [/pair\.key is not there/, /segue keygen/], daemonArgs(world, "a"));
      Deno.renameSync(`${key}.away`, key);
      assertNoFiles();
    });

    await t.step("no rights: which ones are missing", async () => {
      const user = await ordinaryUser(world);
      // The key is root's: both reasons are told.
      await assertRefused(
        78,
        [/pair\.key may not be read/, /needs CAP_NET_ADMIN and CAP_NET_RAW/],
        daemonArgs(world, "a"),
        user,
      );
      Deno.chownSync(key, NOBODY, NOBODY);
      await assertRefused(1, [/needs CAP_NET_ADMIN and CAP_NET_RAW/], daemonArgs(world, "a"), user);
      Deno.chownSync(key, 0, 0);
      const one = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw"];
      const ended = await assertRefused(1, [/needs CAP_NET_RAW/], daemonArgs(world, "a"), one);
      assert.doesNotMatch(ended.err, /CAP_NET_ADMIN/);
      assertNoFiles();
    });

    await t.step("an interface that is not there", async () => {
      const config = changedConfig(world, "interface.toml", (text) => text.replaceAll('"veth0"', '"veth9"'));
      await assertRefused(1, [/veth9/], daemonArgs(world, "a", config));
      assert.equal(exists(`${world.runDir("a")}/segue.sock`), false);
    });
  });
});

const NOBODY = 65534;

/** Stands before a command to run it as a user without any rights, who has what Deno needs to start. */
async function ordinaryUser(world: World): Promise<string[]> {
  const own = `${world.folder}/deno`;
  const { denoDir } = JSON.parse(await run(Deno.execPath(), "info", "--json")) as { readonly denoDir: string };
  Deno.mkdirSync(own);
  await run("cp", "-r", `${denoDir}/npm`, own);
  await run("chown", "-R", String(NOBODY), own);
  // The runtime may stand where only root looks.
  const runtime = `${world.folder}/runtime`;
  await run("cp", Deno.execPath(), runtime);
  Deno.chmodSync(world.folder, 0o755);
  const drop = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups", "--inh-caps=-all"];
  return [...drop, "env", `DENO_DIR=${own}`, "sh", "-c", `shift; exec ${runtime} "$@"`, "sh"];
}

async function becomes(world: World, node: NodeName, role: string): Promise<void> {
  await world.until(async () => await world.role(node) === role, 10_000, `${node} to be ${role}`);
}

/** Starts `a`, then `b` with another file; while both live, `a` goes on and `b` never speaks; then `a` is no more. */
async function strangers(world: World, config: string, seen: () => Promise<void>, takesOver: boolean): Promise<void> {
  world.start("a");
  await becomes(world, "a", "primary");
  const traffic = await world.udp({ durationMs: 4000 });
  world.start("b", config);
  await seen();
  assertPerfect(await traffic.result());
  assert.equal(await world.role("a"), "primary");
  assert.notEqual(await world.role("b"), "primary");
  await assertReigns(world, "a");
  if (!takesOver) return;
  // Nobody answers for the address any more: whoever that was, it is gone.
  world.daemon("a").signal("SIGKILL");
  await becomes(world, "b", "primary");
  await assertReigns(world, "a b");
}

Deno.test("another key on one node: counted on both, visible, and the address is asked before it is taken", async () => {
  await withWorld(async (world) => {
    generateKey(`${world.folder}/other.key`);
    const config = changedConfig(world, "other_key.toml", (text) => text.replace("pair.key", "other.key"));
    await strangers(world, config, async () => {
      for (const node of NODES) await waitRejected(world, node, "otherKey", 100);
      await world.until(
        async () => (await world.status("b"))!.alarms.some((alarm) => alarm.kind === "heartbeats-lost"),
        5000,
        "an alarm of b",
      );
      const shown = await segue(world, "b", ["status", "--run-dir", world.runDir("b")]);
      assert.match(shown.out, /dropped datagrams: .*otherKey \d+/);
    }, true);
  });
});

Deno.test("two nodes with different keys, started at the same moment: one of them serves, the other one asks and waits", async () => {
  await withWorld(async (world) => {
    generateKey(`${world.folder}/other.key`);
    const config = changedConfig(world, "other_key.toml", (text) => text.replace("pair.key", "other.key"));
    for (let round = 0; round < 2; round++) {
      const before = world.reigns.length;
      world.start("a");
      await sleep(Math.random() * 40);
      world.start("b", config);
      await world.until(async () => await world.primary() !== null, 10_000, "one of them to serve");
      await sleep(1500);
      const roles = [await world.role("a"), await world.role("b")];
      assert.equal(roles.filter((role) => role === "primary").length, 1, `${roles}`);
      // If both had asked and both had taken in the same millisecond, one of them would have given way by now.
      assert.ok(world.reigns.length <= before + 2, `the address changed hands: ${JSON.stringify(world.reigns)}`);
      for (const node of NODES) world.daemon(node).signal("SIGKILL");
      for (const node of NODES) await world.daemon(node).ended;
    }
  });
});

Deno.test("another pair on the same paths: counted on both, no effect", async () => {
  await withWorld(async (world) => {
    const config = changedConfig(
      world,
      "other_pair.toml",
      (text) => text.replace('name = "lab"', 'name = "elsewhere"'),
    );
    await strangers(world, config, async () => {
      for (const node of NODES) await waitRejected(world, node, "otherPair", 100);
    }, false);
  });
});

Deno.test("a peer with another address list: both stay as they are and say so", async () => {
  await withWorld(async (world) => {
    const config = changedConfig(world, "addresses.toml", (text) => text.replace("fd00:77::100", "fd00:77::200"));
    await strangers(world, config, async () => {
      for (const node of NODES) {
        await world.until(
          async () => (await world.status(node))?.peer.state === "incompatible",
          10_000,
          `${node} to find the peer incompatible`,
        );
        const alarm = (await world.status(node))!.alarms.find((one) => one.kind === "incompatible");
        assert.match(alarm!.text, /another configuration/);
      }
      assert.equal(await world.role("b"), "starting");
    }, false);
    // With the right file it is a standby like any other, and the alarm ends.
    assert.equal(await world.daemon("b").stop(), 0);
    world.start("b");
    await world.settled();
    await world.until(async () => (await world.status("a"))!.alarms.length === 0, 5000, "the alarm to end");
    await assertReigns(world, "a");
  });
});

async function macOf(world: World, node: NodeName): Promise<string> {
  const text = await run("ip", "-n", world.net.node(node), "-o", "link", "show", "veth0");
  return text.match(/link\/ether (\S+)/)![1]!;
}

/** Frames of the switch's attacker towards one node, as if they came from the other one. */
async function forge(world: World, node: NodeName, count: number): Promise<Readonly<Record<string, number>>> {
  const process = await attack(world, {
    what: "forge",
    port: `p-${node}`,
    toMac: await macOf(world, node),
    toIp: lanAddress(node),
    fromIp: lanAddress(other(node)),
    node: node === "a" ? 0 : 1,
    key: [...readKeys(`${world.folder}/pair.key`)[0]!],
    count,
    perSecond: 5000,
  });
  return JSON.parse(await process.line((line) => line.startsWith("{"), 30_000));
}

Deno.test("10,000 forged, foreign, malformed and random datagrams to each node: all counted, no effect", async () => {
  await withPair(async (world, primary, standby) => {
    const epoch = (await world.status(primary))!.groups[0]!.epoch;
    const traffic = await world.udp({ durationMs: 7000 });
    const sent = { [primary]: await forge(world, primary, 10_000), [standby]: await forge(world, standby, 10_000) };
    assertPerfect(await traffic.result());
    for (const node of NODES) {
      const counted = await rejected(world, node);
      console.log(`${node}: sent ${JSON.stringify(sent[node])}, counted ${JSON.stringify(counted)}`);
      for (const [reason, number] of Object.entries(sent[node]!)) {
        // What a full socket drops nobody can count; most of it is read.
        assert.ok((counted[reason] ?? 0) >= number * 0.8, `${reason}: ${counted[reason]} of ${number}`);
        assert.ok(counted[reason]! <= number + 100);
      }
      const status = (await world.status(node))!;
      assert.equal(status.peer.state, "alive");
      assert.equal(status.groups[0]!.epoch, epoch);
    }
    assert.equal(await world.role(primary), "primary");
    assert.equal(await world.role(standby), "standby");
    await assertReigns(world, primary);
  });
});

Deno.test("authentic heartbeats sent again: after a switchover, while the primary dies, after a restart of both", async () => {
  await withPair(async (world, primary, standby) => {
    const files = {
      [primary]: await captureFrom(world, primary, "as-primary.json"),
      [standby]: await captureFrom(world, standby, "as-standby.json"),
    };
    // To a node what the other one once said.
    const replayTo = (node: NodeName) =>
      attack(world, { what: "replay", port: `p-${node}`, file: files[other(node)]!, perSecond: 1000 });

    // Its own heartbeats of this very run, as primary of an epoch that is past.
    await world.switchover(standby);
    const traffic = await world.udp({ durationMs: 2500 });
    let attacker = await replayTo(standby);
    await sleep(1000);
    assertPerfect(await traffic.result());
    await waitRejected(world, standby, "replayed", 100);
    assert.equal(await world.role(standby), "primary");
    assert.equal(await world.role(primary), "standby");
    await attacker.kill();
    await world.switchover(primary);
    await assertReigns(world, `${primary} ${standby} ${primary}`);

    // No sign of life: the primary dies while its heartbeats go on.
    attacker = await replayTo(standby);
    const second = await world.udp({ durationMs: 1500 });
    await sleep(400);
    world.daemon(primary).signal("SIGKILL");
    const seen = await second.result();
    assert.ok(seen.longestGapMs < GAP_MS_MAX, `the client saw nothing for ${seen.longestGapMs} ms`);
    assert.equal(await world.role(standby), "primary");
    await assertReigns(world, `${primary} ${standby} ${primary} ${standby}`);

    // Both start anew, still under fire: they meet, and one serves.
    world.daemon(standby).signal("SIGKILL");
    await world.daemon(standby).ended;
    const before = world.reigns.length;
    await world.startBoth();
    const serving = await world.settled(), waiting = other(serving);
    await attacker.kill();

    // The same when the pair is at rest: what an old run said is nothing to answer, or to count as life.
    const attackers = [await replayTo(serving), await replayTo(waiting)];
    const third = await world.udp({ durationMs: 2000 });
    const roles = new Set<string | null>();
    for (let i = 0; i < 40; i++) {
      await sleep(40);
      roles.add(await world.role(waiting));
    }
    assertPerfect(await third.result());
    assert.deepEqual([...roles], ["standby"], "the standby goes on hearing its peer");
    assert.ok(world.reigns.length <= before + 1, "one primary at most after the restart");
    const counts = { [serving]: await rejected(world, serving), [waiting]: await rejected(world, waiting) };
    const suspicions = (await world.status(waiting))!.counters.suspicions;
    console.log(`at rest, under replay: ${JSON.stringify(counts)}, suspicions ${suspicions}`);
    for (const node of NODES) assert.ok((counts[node]!.replayed ?? 0) > 500, `${node} counts them`);
    assert.equal((await world.switchover(waiting)).outcome, "done");
    for (const one of attackers) await one.kill();
  });
});

Deno.test("what a run of the peer said that never came here is sent again by somebody: the run that lives is heard all the same", async () => {
  await withWorld(async (world) => {
    world.start("b");
    await becomes(world, "b", "primary");
    // Run one of a hears b, and b does not hear it.
    await world.deafen("b", true);
    world.start("a");
    await becomes(world, "a", "suspecting");
    const file = await captureFrom(world, "a", "unheard.json");
    await world.daemon("a").kill();
    await world.deafen("b", false);
    world.start("a");
    assert.equal(await world.settled(), "b");
    const traffic = await world.udp({ durationMs: 3000, intervalUs: 2000 });
    const attacker = await attack(world, { what: "replay", port: "p-b", file, perSecond: 200 });
    await waitRejected(world, "b", "replayed", 50);
    const { peer } = (await world.status("b"))!;
    assert.equal(peer.state, "alive");
    assert.ok(peer.last_heard_ms! < 500, `heard ${peer.last_heard_ms} ms ago`);
    assertPerfect(await traffic.result());
    assert.equal((await world.switchover("b", "a")).outcome, "done");
    await attacker.kill();
    await assertReigns(world, "b a");
  });
});
