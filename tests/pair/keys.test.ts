/** The pair's keys change while two real daemons serve; and what becomes of it when steps are forgotten or come in another order. */
import assert from "node:assert/strict";
import { readKeys } from "../../config/key.ts";
import { fingerprintOf } from "../../config/key_change.ts";
import { ApiClient } from "../../control/api/client.ts";
import type { StatusJson } from "../../control/api/json.ts";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { writeState } from "../../control/api/state_calls.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { attack, captureFrom, rejected, waitRejected } from "./attack.ts";
import { assertPerfect, assertReigns, type Ended, other, segue, withWorld } from "./pair.ts";

/** A pair with a key file on each node, as on two servers. */
class KeyedPair {
  readonly #pipes = new Map<NodeName, ApiClient>();
  constructor(readonly world: World) {
    const text = Deno.readTextFileSync(world.config);
    for (const node of NODES) {
      Deno.writeTextFileSync(this.config(node), text.replace("/pair.key", `/${node}.key`));
      Deno.copyFileSync(`${world.folder}/pair.key`, this.file(node));
    }
  }

  config(node: NodeName): string {
    return `${this.world.folder}/${node}.toml`;
  }

  file(node: NodeName): string {
    return `${this.world.folder}/${node}.key`;
  }

  async start(): Promise<NodeName> {
    for (const node of NODES) this.world.start(node, this.config(node));
    return await this.world.settled();
  }

  /** Changes a node's file and makes its daemon read it. */
  async step(node: NodeName, command: "add" | "promote" | "retire"): Promise<Ended> {
    const ended = await segue(this.world, node, ["key", command, this.file(node)]);
    assert.equal(ended.code, 0, ended.err);
    return await this.reload(node);
  }

  async copy(from: NodeName, to: NodeName): Promise<Ended> {
    Deno.copyFileSync(this.file(from), this.file(to));
    return await this.reload(to);
  }

  reload(node: NodeName): Promise<Ended> {
    return segue(this.world, node, ["reload", "--run-dir", this.world.runDir(node)]);
  }

  fingerprints(node: NodeName): string[] {
    return readKeys(this.file(node)).map(fingerprintOf);
  }

  async keys(node: NodeName): Promise<NonNullable<StatusJson["keys"]>> {
    return (await this.world.status(node) as unknown as StatusJson).keys!;
  }

  /** Waits until both sign with these, as each says of itself and of the other. */
  async signs(a: string, b: string): Promise<void> {
    const wanted = JSON.stringify([a, b, b, a]);
    await this.world.until(
      async () => {
        const [ofA, ofB] = [await this.keys("a"), await this.keys("b")];
        return JSON.stringify([ofA.signs, ofB.signs, ofA.peer?.signs, ofB.peer?.signs]) === wanted;
      },
      5000,
      `a to sign with ${a} and b with ${b}`,
    );
  }

  async alarm(node: NodeName, kind: string, text: RegExp): Promise<void> {
    const find = async () => (await this.world.status(node))?.alarms.find((one) => one.kind === kind);
    await this.world.until(async () => text.test((await find())?.text ?? ""), 5000, `alarm ${kind} ${text} of ${node}`);
  }

  async calm(): Promise<void> {
    for (const node of NODES) {
      await this.world.until(
        async () => (await this.world.status(node))!.alarms.length === 0,
        5000,
        `the alarms of ${node} to end`,
      );
    }
  }

  async shown(node: NodeName): Promise<string> {
    return (await segue(this.world, node, ["status", "--run-dir", this.world.runDir(node)])).out;
  }

  /** Written and on the other node at once: the stream's connection stands. */
  async writes(node: NodeName): Promise<void> {
    const pipe = this.#pipes.get(node) ?? new ApiClient(`${this.world.runDir(node)}/${SOCKET_NAME}`);
    this.#pipes.set(node, pipe);
    for (let i = 0; i < 20; i++) {
      const answer = await writeState(pipe, GROUP, `k${i}`, "v", { ack: "replicated" });
      assert.equal(answer.degraded, false);
    }
  }

  async synced(node: NodeName): Promise<void> {
    await this.world.until(
      async () => (await this.world.status(node) as unknown as StatusJson).groups[0]!.state.sync === "synced",
      10_000,
      "the stream",
    );
  }

  [Symbol.dispose](): void {
    for (const pipe of this.#pipes.values()) pipe.close();
  }
}

async function withKeys(body: (pair: KeyedPair, primary: NodeName) => Promise<void>): Promise<void> {
  await withWorld(async (world) => {
    using pair = new KeyedPair(world);
    const primary = await pair.start();
    await pair.synced(primary);
    await body(pair, primary);
  });
}

Deno.test("a rotation under traffic: nothing is refused, nothing moves, no write waits; the retired key opens nothing", async () => {
  await withKeys(async (pair, primary) => {
    const { world } = pair, standby = other(primary);
    const recorded = await captureFrom(world, primary, "old.json");
    const traffic = await world.udp({ durationMs: 9000 });
    const [old] = pair.fingerprints(primary) as [string];

    assert.equal((await pair.step(primary, "add")).out, "changed: the keys of pair.key_file\n");
    const [, fresh] = pair.fingerprints(primary) as [string, string];
    assert.match(
      await pair.shown(primary),
      new RegExp(`${standby} does not have ${fresh}: a new key has to be copied`),
    );
    await pair.writes(primary);
    assert.equal((await pair.copy(primary, standby)).code, 0);
    await pair.signs(old, old);
    assert.match(await pair.shown(standby), new RegExp(`both nodes have both: ${fresh} may be promoted`));

    assert.equal((await pair.step(standby, "promote")).code, 0);
    await pair.writes(primary);
    assert.match(await pair.shown(primary), /promoted on one node only/);
    // By signal, as a service manager does.
    assert.equal((await segue(world, primary, ["key", "promote", pair.file(primary)])).code, 0);
    Deno.kill(world.daemon(primary).pid, "SIGHUP");
    await pair.signs(fresh, fresh);
    await pair.writes(primary);

    assert.equal((await pair.step(primary, "retire")).code, 0);
    await pair.writes(primary);
    assert.equal((await pair.step(standby, "retire")).code, 0);
    await pair.writes(primary);
    assert.match(await pair.shown(primary), new RegExp(`keys: both nodes have ${fresh} alone`));

    for (const node of NODES) {
      const { replayed: _, stream_noConnection: __, ...refused } = await rejected(world, node);
      assert.deepEqual(refused, {}, `${node} has read every datagram of the other one`);
      assert.deepEqual((await world.status(node))!.alarms, []);
    }
    // What was said under the old key, sent again.
    const attacker = await attack(world, { what: "replay", port: `p-${standby}`, file: recorded, perSecond: 1000 });
    await waitRejected(world, standby, "retiredKey", 500);
    await attacker.kill();
    assertPerfect(await traffic.result());
    assert.equal(await world.role(primary), "primary");
    assert.equal((await world.status(standby))!.peer.state, "alive");
    await assertReigns(world, primary);
    // And all that a switch needs is said under the new one.
    assert.equal((await world.switchover(standby)).outcome, "done");
  });
});

Deno.test("steps in the wrong order: told, refused where they would part the pair, and nobody is deaf", async (t) => {
  await withKeys(async (pair, primary) => {
    const { world } = pair, standby = other(primary);
    const traffic = await world.udp({ durationMs: 10_000 });
    const [old] = pair.fingerprints(primary) as [string];

    await t.step("promoted though the other node never got the new key: the old one goes on signing", async () => {
      await pair.step(primary, "add");
      assert.equal((await pair.step(primary, "promote")).code, 0);
      await pair.alarm(
        primary,
        "key",
        new RegExp(`^${standby} does not have key .*: signing with ${old} until it has`),
      );
      assert.equal((await pair.keys(primary)).signs, old);
      await pair.writes(primary);
    });
    const [fresh] = pair.fingerprints(primary) as [string];

    await t.step("the standby gets it: the new key signs on both by itself, and the alarm ends", async () => {
      assert.equal((await pair.copy(primary, standby)).code, 0);
      await pair.signs(fresh, fresh);
      await pair.calm();
      await pair.writes(primary);
    });

    await t.step(
      "back, and retired where the other one still signs with it: refused, and the running keys stay",
      async () => {
        assert.equal((await pair.step(standby, "promote")).code, 0);
        const ended = await pair.step(primary, "retire");
        assert.equal(ended.code, 1);
        assert.match(ended.err, new RegExp(`${standby} signs with key ${old}, which .* does not have any more`));
        assert.match(ended.err, /hint: promote the new key there first .*; the running keys stay/);
        await pair.alarm(primary, "key-file", /not taken over/);
        assert.equal((await pair.keys(primary)).accepts.length, 2);
        await pair.writes(primary);
        assert.equal((await pair.step(standby, "promote")).code, 0);
        await pair.signs(fresh, fresh);
        assert.equal((await pair.reload(primary)).code, 0);
        await pair.calm();
      },
    );

    await t.step("a file that is no key file: refused, told, and over with the next good one", async () => {
      const good = Deno.readFileSync(pair.file(standby));
      Deno.writeTextFileSync(pair.file(standby), "three\nblind\nmice\n");
      const ended = await pair.reload(standby);
      assert.deepEqual([ended.code, /line 1 does not hold base64/.test(ended.err)], [1, true], ended.err);
      await pair.alarm(standby, "key-file", /does not hold base64/);
      Deno.writeFileSync(pair.file(standby), good);
      assert.equal((await pair.step(standby, "retire")).code, 0);
      await pair.calm();
    });

    await t.step("a second key made on each node by itself: told on both", async () => {
      for (const node of NODES) await pair.step(node, "add");
      for (const node of NODES) await pair.alarm(node, "key", /one file for both/);
      assert.equal((await pair.copy(primary, standby)).code, 0);
      await pair.calm();
    });

    for (const node of NODES) {
      // On a busy machine a stream may have fallen silent and begun anew: what was still under way was of no connection then.
      const { replayed: _, stream_noConnection: __, ...refused } = await rejected(world, node);
      assert.deepEqual(refused, {}, `${node} has read every datagram of the other one`);
    }
    assertPerfect(await traffic.result());
    assert.equal(await world.role(primary), "primary");
    await assertReigns(world, primary);
  });
});

Deno.test("daemons that start in the middle of a rotation meet wherever they share a key", async () => {
  await withWorld(async (world) => {
    using pair = new KeyedPair(world);
    const old = Deno.readTextFileSync(pair.file("a"));
    // Promoted on each, each with a new key of its own: only the old one is common, and neither signs with it.
    for (const node of NODES) {
      for (const command of ["add", "promote"]) await segue(world, node, ["key", command, pair.file(node)]);
    }
    const [common] = readKeys(`${world.folder}/pair.key`).map(fingerprintOf) as [string];
    const primary = await pair.start(), standby = other(primary);
    await pair.signs(common, common);
    await pair.synced(primary);
    await pair.writes(primary);
    for (const node of NODES) await pair.alarm(node, "key", /does not have key/);

    // The standby starts with a file in which the key that the primary signs with is the second one, then with that one alone.
    const [fresh] = Deno.readTextFileSync(pair.file(primary)).split("\n") as [string];
    for (const text of [`${fresh}\n${old}`, `${fresh}\n`]) {
      assert.equal(await world.daemon(standby).stop(), 0);
      Deno.writeTextFileSync(pair.file(standby), text);
      world.start(standby, pair.config(standby));
      await world.settled();
      await pair.synced(primary);
      await pair.writes(primary);
      assert.equal(await world.role(primary), "primary");
    }
    await assertReigns(world, primary);
  });
});

Deno.test("a daemon that starts without any of the other's keys is not heard, and both say which key is strange", async () => {
  await withKeys(async (pair, primary) => {
    const { world } = pair, standby = other(primary);
    const [old] = pair.fingerprints(primary) as [string];
    assert.equal(await world.daemon(standby).stop(), 0);
    Deno.removeSync(pair.file(standby));
    assert.equal((await segue(world, standby, ["keygen", pair.file(standby)])).code, 0);
    const [strange] = pair.fingerprints(standby) as [string];
    world.start(standby, pair.config(standby));
    await pair.alarm(standby, "foreign-key", new RegExp(`under key ${old}, which is not in this node's key file`));
    await pair.alarm(primary, "foreign-key", new RegExp(`under key ${strange}, which`));
    assert.equal(await world.role(primary), "primary");
    // With the pair's keys it is heard again, and the primary has nothing to say any more.
    assert.equal(await world.daemon(standby).stop(), 0);
    Deno.copyFileSync(pair.file(primary), pair.file(standby));
    world.start(standby, pair.config(standby));
    await world.settled();
    await pair.calm();
    await assertReigns(world, primary);
  });
});
