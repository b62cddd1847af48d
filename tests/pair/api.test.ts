/** The commands as people and scripts run them, on a running pair and beside it; and tracks that move a group. */
import assert from "node:assert/strict";
import type { EntryJson, ReceiptJson, StatusJson } from "../../control/api/json.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { cableAddress, type NodeName, NODES } from "../../control/lab/topology.ts";
import { assertPerfect, assertReigns, other, segue, sleep, withPair } from "./pair.ts";

Deno.test("check, status, switchover, events: exit codes and words, with the daemon and without", async (t) => {
  await withPair(async (world, primary, standby) => {
    const runDir = (node = primary) => ["--run-dir", world.runDir(node)];

    await t.step("check: good, and what both nodes must agree on is the same", async () => {
      const digests = new Set<string>();
      for (const node of NODES) {
        const args = ["check", "--config", world.config, "--node", node, ...runDir(node)];
        const ended = await segue(world, node, args);
        assert.equal(ended.code, 0, ended.out + ended.err);
        digests.add(ended.out.match(/digest ([0-9a-f]{16})/)![1]!);
        const json = JSON.parse((await segue(world, node, [...args, "--json"])).out) as { ok: boolean };
        assert.equal(json.ok, true);
      }
      assert.equal(digests.size, 1);
    });

    await t.step("check: a bad file is 78, a machine that is not ready 1", async () => {
      const bad = `${world.folder}/bad.toml`;
      Deno.writeTextFileSync(
        bad,
        Deno.readTextFileSync(world.config).replace("/32", "/99").replace("prefer", "perfer"),
      );
      const ended = await segue(world, primary, ["check", "--config", bad, "--node", primary, ...runDir()]);
      assert.equal(ended.code, 78);
      assert.match(ended.out, /bad\.toml:\d+: .*perfer/);
      assert.match(ended.out, /10\.77\.0\.100\/99/);
      Deno.writeTextFileSync(bad, Deno.readTextFileSync(world.config).replaceAll('"veth0"', '"veth9"'));
      const host = await segue(world, primary, ["check", "--config", bad, "--node", primary, ...runDir()]);
      assert.equal(host.code, 1);
      assert.match(host.out, /veth9/);
    });

    await t.step("status: for people and for programs", async () => {
      const text = await segue(world, primary, ["status", ...runDir()]);
      assert.equal(text.code, 0);
      assert.match(text.out, new RegExp(`node ${primary} of pair lab`));
      assert.match(text.out, /web\s+primary/);
      const ended = await segue(world, standby, ["status", "--json", ...runDir(standby)]);
      const status = JSON.parse(ended.out) as StatusJson;
      assert.equal(status.node, standby);
      assert.equal(status.peer.state, "alive");
      assert.equal(status.groups[0]!.role, "standby");
      assert.equal(status.paths.length, 3);
      assert.ok(status.paths.every((path) => path.state === "up"));
    });

    await t.step("switchover: done, with what it cost; a wish that is fulfilled; names that nobody has", async () => {
      const traffic = await world.udp({ durationMs: 2500 });
      const ended = await segue(world, primary, ["switchover", GROUP, "--json", ...runDir()]);
      assert.equal(ended.code, 0, ended.err);
      const receipt = JSON.parse(ended.out) as ReceiptJson;
      assert.equal(receipt.outcome, "done");
      assert.equal(await world.role(standby), "primary");
      const back = await segue(world, standby, ["switchover", GROUP, "--to", primary, ...runDir(standby)]);
      assert.equal(back.code, 0, back.err);
      assert.match(back.out, /done in .*(µs|ms)/);
      assertPerfect(await traffic.result());
      for (
        const [args, pattern] of [[["nosuch"], /no group nosuch/], [[GROUP, "--to", "zeus"], /no node zeus/]] as const
      ) {
        const refused = await segue(world, primary, ["switchover", ...args, ...runDir()]);
        assert.equal(refused.code, 1);
        assert.match(refused.err, pattern);
        assert.match(refused.err, /hint: /);
      }
      assert.equal((await segue(world, primary, ["switchover", ...runDir()])).code, 2);
      await assertReigns(world, `${primary} ${standby} ${primary}`);
    });

    let lines: readonly string[] = [];
    await t.step("events: the journal, in order", async () => {
      const args = ["events", "--json", "--state-dir", world.stateDir(primary), ...runDir()];
      let kinds: string[] = [];
      await world.until(
        async () => {
          const ended = await segue(world, primary, args);
          assert.equal(ended.code, 0, ended.err);
          lines = ended.out.trim().split("\n");
          kinds = lines.map((line) => JSON.parse(line) as EntryJson).flatMap((it) =>
            it.type === "switch" ? [it.kind] : []
          );
          return kinds.length >= 3;
        },
        5000,
        "the journal to have all three switches",
      );
      assert.deepEqual(kinds.slice(-2), ["handover", "switchover"]);
    });

    await t.step("with the daemon down: status says so, events are still there", async () => {
      assert.equal(await world.daemon(primary).stop(), 0);
      const status = await segue(world, primary, ["status", ...runDir()]);
      assert.equal(status.code, 1);
      assert.match(status.err, /no daemon: .*segue\.sock does not exist/);
      const events = await segue(world, primary, ["events", "--json", "--state-dir", world.stateDir(primary)]);
      assert.equal(events.code, 0);
      assert.ok(events.out.startsWith(lines.join("\n")), "all that was there before");
      world.daemon(standby).signal("SIGKILL");
      await world.daemon(standby).ended;
      const dead = await segue(world, standby, ["switchover", GROUP, ...runDir(standby)]);
      assert.equal(dead.code, 1);
      assert.match(dead.err, /no daemon: nobody listens/);
      const never = await segue(world, standby, ["events", "--state-dir", `${world.folder}/never`]);
      assert.equal(never.code, 1);
      assert.match(never.err, /was segue ever run/);
    });
  });
});

Deno.test("a track that fails on the primary moves the group as planned; the alarm says why; it heals", async () => {
  const folder = Deno.makeTempDirSync({ prefix: "segtest-track-" });
  // Fails on a node while there is a file that names it.
  const marker = `${folder}/bad`;
  const script = `${folder}/ok`;
  Deno.writeTextFileSync(
    script,
    `#!/bin/sh\ntest ! -e ${marker}-$(ip -o -4 address show dev veth1 | sed 's/.*inet \\([0-9.]*\\).*/\\1/')\n`,
  );
  Deno.chmodSync(script, 0o755);
  const mark = (node: NodeName) => `${marker}-${cableAddress(node)}`;
  const track = `track = [{ exec = ["${script}"], every = "100ms", fall = 2, rise = 2 }]`;
  try {
    await withPair(async (world, primary, standby) => {
      const traffic = await world.udp({ durationMs: 3000 });
      await sleep(300);
      Deno.writeTextFileSync(mark(primary), "");
      await world.until(async () => await world.role(standby) === "primary", 10_000, "the group to move");
      const status = (await world.status(primary))!.groups[0]!;
      assert.equal(status.eligible, false);
      assert.match(status.eligible_reason, /ok: exit code 1/);
      const alarm = (await world.status(primary))!.alarms.find((one) => one.kind === "eligible web");
      assert.match(alarm!.text, /web: may not be served here: .*ok: exit code 1/);
      assertPerfect(await traffic.result());
      const said = await segue(world, primary, ["events", "--state-dir", world.stateDir(primary)]);
      assert.match(said.out, /web: may not be served here: .*ok: exit code 1/);
      assert.ok(world.daemon(primary).lines.some((line) => /alarm .*may not be served here/.test(line)));
      // Nobody is asked to serve where it cannot be served.
      await assert.rejects(world.switchover(standby, primary), /not|cannot|refused/);
      Deno.removeSync(mark(primary));
      await world.until(async () => (await world.status(primary))!.groups[0]!.eligible, 10_000, "it to be well again");
      assert.deepEqual((await world.status(primary))!.alarms, []);
      assert.equal((await world.switchover(primary, primary)).outcome, "done");
      // It fails on both: better where it is than nowhere.
      for (const node of [standby, primary]) {
        Deno.writeTextFileSync(mark(node), "");
        await world.until(async () => !(await world.status(node))!.groups[0]!.eligible, 10_000, "the track to fail");
      }
      const second = await world.udp({ durationMs: 2000 });
      assertPerfect(await second.result());
      assert.equal(await world.role(primary), "primary");
      assert.equal(await world.role(other(primary)), "standby");
      await assertReigns(world, `${primary} ${standby} ${primary}`);
    }, { group: track });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});
