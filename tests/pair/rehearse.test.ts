/** A rehearsal, and the switch that follows it. */
import assert from "node:assert/strict";
import type { Rehearsal } from "../../control/answers/rehearsal.ts";
import { run } from "../../control/lab/command.ts";
import { LabProcess } from "../../control/lab/process.ts";
import { type NodeName, SERVICE_V4 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { segue, sleep, withPair } from "./pair.ts";

interface Receipt {
  readonly outcome: string;
  readonly duration_us: number;
  readonly predicted_us?: number;
  readonly predicted_gap_us?: number;
  readonly prediction_missed?: string;
}

async function rehearse(world: World, node: NodeName, code = 0): Promise<Rehearsal> {
  const ended = await segue(world, node, ["rehearse", "web", "--json", "--run-dir", world.runDir(node)]);
  assert.equal(ended.code, code, ended.err + ended.out);
  return JSON.parse(ended.out);
}

async function switchover(world: World, node: NodeName, ...more: string[]): Promise<{ receipt: Receipt; out: string }> {
  const { code, out, err } = await segue(world, node, ["switchover", "web", ...more, "--run-dir", world.runDir(node)]);
  assert.equal(code, 0, err);
  return { receipt: more.includes("--json") ? JSON.parse(out) : {}, out };
}

/** They agree, or the receipt says why not. */
function assertAgrees(rehearsal: Rehearsal, receipt: Receipt): void {
  assert.equal(receipt.predicted_us, rehearsal.predicted_us);
  assert.equal(receipt.predicted_gap_us, rehearsal.predicted_gap_us);
  const took = receipt.duration_us, predicted = rehearsal.predicted_us;
  const near = Math.abs(took - predicted) <= 1000 || Math.max(took, predicted) <= 2 * Math.min(took, predicted);
  assert.ok(near || receipt.prediction_missed !== undefined, `predicted ${predicted} µs, took ${took} µs`);
}

Deno.test("the rehearsal and the receipt of the switch that follows agree, on both nodes", async () => {
  await withPair(async (world, primary, standby) => {
    const traffic = await world.udp({ durationMs: 15_000, intervalUs: 2000 });
    await sleep(300);
    for (const asked of [primary, standby, primary, standby]) {
      const rehearsal = await rehearse(world, asked);
      assert.equal(rehearsal.possible, true);
      assert.notEqual(rehearsal.from, rehearsal.to);
      assert.equal(await world.role(rehearsal.from as NodeName), "primary");
      const { receipt } = await switchover(world, asked, "--json");
      assert.equal(receipt.outcome, "done");
      assertAgrees(rehearsal, receipt);
      // Status says the same of it, also when nobody has kept the receipt.
      const { predicted_us, predicted_gap_us, prediction_missed } = (await world.status(asked))!.groups[0]!
        .last_switch!;
      assert.deepEqual(
        [predicted_us, predicted_gap_us, prediction_missed],
        [receipt.predicted_us, receipt.predicted_gap_us, receipt.prediction_missed],
      );
      const { out: status } = await segue(world, asked, ["status", "--run-dir", world.runDir(asked)]);
      assert.match(status, /^last switch .*\n.*\n {13}expected [0-9.]+ (µs|ms) .*, took [0-9.]+ (µs|ms)/m);
      await sleep(200);
    }
    // By now there is a history on each node.
    assert.match((await rehearse(world, primary)).basis, /last .*planned moves?/);
    const { out } = await switchover(world, primary);
    assert.match(out, /^expected [0-9.]+ (µs|ms) \(clients wait .*\), took [0-9.]+ (µs|ms)/m);
    // A rehearsal is good for one switch.
    const { receipt } = await switchover(world, primary, "--json");
    assert.equal(receipt.predicted_us, undefined);
    assert.equal((await traffic.result()).lost, 0);
  });
});

Deno.test("connections that end in the node are counted, and said to be lost", async () => {
  await withPair(async (world, primary, standby) => {
    assert.doesNotMatch((await rehearse(world, primary)).does_not.map(({ what }) => what).join(), /TCP/);
    const traffic = await world.tcp({ durationMs: 6000 });
    await sleep(500);
    const here = (await rehearse(world, primary)).does_not[0]!;
    assert.match(here.what, new RegExp(`^[1-9][0-9]* TCP connections? that ends? in ${primary}$`));
    // Status says the same number, and the console shows it.
    const counted = async (node: NodeName) => (await world.status(node))!.groups[0]!.connections;
    await world.until(async () => await counted(primary) === parseInt(here.what), 4000, "the connections in status");
    assert.equal(await counted(standby), 0);
    assert.match(
      (await rehearse(world, standby)).does_not[0]!.what,
      new RegExp(`TCP connections that end in ${primary}`),
    );
    await traffic.result();
  });
});

Deno.test("what is not ready is said, and the exit code says it too", async () => {
  await withPair(async (world, primary, standby) => {
    await world.daemon(standby).stop();
    await world.until(async () => (await world.status(primary))!.peer.state === "silent", 5000, "silence");
    const rehearsal = await rehearse(world, primary, 1);
    assert.equal(rehearsal.possible, false);
    assert.match(rehearsal.not_ready.join(), new RegExp(`${standby} is not heard`));
    const none = await segue(world, primary, ["rehearse", "wbe", "--run-dir", world.runDir(primary)]);
    assert.deepEqual([none.code, /no group wbe/.test(none.err)], [1, true]);
  });
});

Deno.test("a service with unread requests holds the move up: the receipt says why it took longer", async () => {
  await withPair(async (world, primary, standby) => {
    // Two moves make a history on the node that is asked.
    for (let i = 0; i < 2; i++) {
      await switchover(world, standby);
      await switchover(world, primary);
    }
    const program = new URL("./unread.ts", import.meta.url).pathname;
    const service = new LabProcess(
      "unread",
      world.net.node(primary),
      [Deno.execPath(), "run", "-A", "--no-check", program, SERVICE_V4, "9999"],
      {},
    );
    try {
      await service.line((line) => line.startsWith("ready"), 10_000);
      await run("ip", "netns", "exec", world.net.client, "bash", "-c", `echo x > /dev/udp/${SERVICE_V4}/9999`);
      const rehearsal = await rehearse(world, standby);
      const { receipt } = await switchover(world, standby, "--json");
      assertAgrees(rehearsal, receipt);
      assert.match(receipt.prediction_missed!, /unread requests/);
    } finally {
      await service.kill();
    }
  }, { timing: 'drain = "20ms"' });
});

const SLOW_SERVICE = `
[[group.service]]
name = "front"
exec = ["/bin/sleep", "1000"]
on_primary = [["/bin/sleep", "0.12"]]
`;

Deno.test("a service that takes long to become primary: the first rehearsal says what it cannot know, the receipt why, and the next one knows", async () => {
  await withPair(async (world, primary, standby) => {
    const first = await rehearse(world, standby);
    assert.match(first.basis, /what the services take to stop and start comes on top/);
    const { receipt: moved } = await switchover(world, standby, "--json");
    assertAgrees(first, moved);
    await switchover(world, primary);
    const { basis, predicted_us: predicted } = await rehearse(world, standby);
    assert.equal(basis, "the last planned move");
    assert.equal(predicted, Math.round(moved.duration_us));
    assertAgrees(await rehearse(world, standby), (await switchover(world, standby, "--json")).receipt);
  }, { group: SLOW_SERVICE });
});
