/** A configuration that is read again while the node serves: whole or not at all, and never a switch. */
import assert from "node:assert/strict";
import { assertPerfect, assertReigns, segue, sleep, withPair } from "./pair.ts";

Deno.test("reload: a bad file and one that needs a restart are refused, a good one is taken; nothing moves", async (t) => {
  await withPair(async (world, primary) => {
    const good = Deno.readTextFileSync(world.config), runDir = ["--run-dir", world.runDir(primary)];
    const traffic = await world.udp({ durationMs: 6000 });
    const epoch = (await world.status(primary))!.groups[0]!.epoch;
    const reload = () => segue(world, primary, ["reload", ...runDir]);

    async function assertRefused(text: string, ...patterns: readonly RegExp[]): Promise<void> {
      Deno.writeTextFileSync(world.config, text);
      const ended = await reload();
      assert.equal(ended.code, 1);
      for (const pattern of patterns) assert.match(ended.err, pattern);
      assert.match(ended.err, /hint: .*the running configuration stays/);
      // Said by the daemon too, where nobody waits for an answer.
      const before = world.daemon(primary).lines.length;
      Deno.kill(world.daemon(primary).pid, "SIGHUP");
      await world.until(
        () => world.daemon(primary).lines.slice(before).some((line) => line.includes("reload refused")),
        5000,
        "the refusal in the log",
      );
    }

    await t.step("nothing has changed", async () => {
      const ended = await reload();
      assert.deepEqual([ended.code, ended.out], [0, "nothing has changed\n"]);
    });

    await t.step("a bad file: every problem, with its line", async () => {
      await assertRefused(
        good.replace("[timing]", '[timing]\ndrian = "3ms"').replace("/32", "/77"),
        /line \d+: .*drian/,
        /10\.77\.0\.100\/77/,
      );
    });

    await t.step("other addresses: only by a restart", async () => {
      await assertRefused(good.replace("10.77.0.100", "10.77.0.101"), /group\S*addresses\S*/i);
    });

    await t.step("no file at all", async () => {
      Deno.removeSync(world.config);
      const ended = await reload();
      assert.equal(ended.code, 1);
      assert.match(ended.err, /no such file/);
    });

    await t.step("times that a node may decide alone", async () => {
      Deno.writeTextFileSync(world.config, good.replace("[timing]", '[timing]\ndrain = "40ms"'));
      const ended = await reload();
      assert.equal(ended.code, 0, ended.err);
      assert.match(ended.out, /changed: timing\.drainUs/);
      Deno.kill(world.daemon(primary).pid, "SIGHUP");
      await world.daemon(primary).line((line) => line.includes("reload: nothing has changed"), 5000);
    });

    assertPerfect(await traffic.result());
    assert.equal((await world.status(primary))!.groups[0]!.epoch, epoch);
    await assertReigns(world, primary);

    // It goes by the new time: the old node of a switchover is the one that drains.
    const receipt = await world.switchover(primary);
    assert.equal(receipt.outcome, "done");
    assert.ok(receipt.duration_us >= 40_000, `${receipt.duration_us} µs`);
  });
});

Deno.test("reload: a track that spoke against this node is gone with its lines", async () => {
  await withPair(async (world, primary) => {
    const good = Deno.readTextFileSync(world.config);
    const reload = () => segue(world, primary, ["reload", "--run-dir", world.runDir(primary)]);
    const withTrack = (command: string) =>
      Deno.writeTextFileSync(
        world.config,
        `${good}track = [{ exec = ["${command}"], every = "50ms", fall = 2, rise = 3 }]\n`,
      );
    const eligible = async () => (await world.status(primary))!.groups[0]!.eligible;
    withTrack("/bin/false");
    assert.equal((await reload()).code, 0);
    await world.until(async () => !await eligible(), 5000, "the track to speak against it");
    // The same again: it does not become well by being read once more.
    assert.equal((await reload()).code, 0);
    assert.equal(await eligible(), false);
    await sleep(300);
    assert.equal(await eligible(), false);
    // Another command, which succeeds.
    withTrack("/bin/true");
    assert.equal((await reload()).code, 0);
    await world.until(eligible, 5000, "the track to speak for it");
    withTrack("/bin/false");
    assert.equal((await reload()).code, 0);
    await world.until(async () => !await eligible(), 5000, "the track to speak against it again");
    Deno.writeTextFileSync(world.config, good);
    assert.equal((await reload()).code, 0);
    await world.until(eligible, 5000, "nothing to speak against it");
    await world.until(async () => (await world.status(primary))!.alarms.length === 0, 5000, "the alarm to end");
    await world.settled();
  });
});
