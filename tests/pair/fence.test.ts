/** Fencing by command on a real pair. The command is a script that writes down when it was called, and with what. */
import assert from "node:assert/strict";
import { other, segue, sleep, withWorld } from "./pair.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";

interface Fence {
  /** Lines that the script has written. */
  calls(): string[];
  /** What it does from now on, after it has written its line. */
  does(shell: string): void;
}

/** A pair in which each node may fence the other, with `fence_timeout = "1s"`. */
async function withFence(
  body: (world: World, fence: Fence, primary: NodeName, standby: NodeName) => Promise<void>,
): Promise<void> {
  await withWorld(async (world) => {
    const script = `${world.folder}/fence`, log = `${world.folder}/fence.log`, act = `${world.folder}/fence.act`;
    Deno.writeTextFileSync(
      script,
      `#!/bin/sh\necho "$1 $SEGUE_NODE fences $SEGUE_PEER for $SEGUE_GROUP" >> ${log}\n. ${act}\n`,
    );
    Deno.chmodSync(script, 0o755);
    Deno.writeTextFileSync(log, "");
    const fence: Fence = {
      calls: () => Deno.readTextFileSync(log).split("\n").filter((line) => line !== ""),
      does: (shell) => Deno.writeTextFileSync(act, `${shell}\n`),
    };
    fence.does("exit 0");
    let config = Deno.readTextFileSync(world.config);
    for (const node of ["a", "b"]) {
      config = config.replace(
        `name = "${node}"\npaths`,
        `name = "${node}"\nfence = ["${script}", "off-${node}"]\nfence_timeout = "1s"\npaths`,
      );
    }
    Deno.writeTextFileSync(world.config, config);
    await world.startBoth();
    for (const node of ["a", "b"] as const) {
      // A node takes nothing over before its copy of the state has been compared with the peer's, or start_wait is over.
      const compared = async () => (await world.status(node))!.groups[0]!.state.sync === "synced";
      await world.until(compared, 10_000, `${node} to have compared its state`);
    }
    const primary = (await world.primary())!;
    await body(world, fence, primary, other(primary));
    // Daemons that start at different moments shall not fence each other.
  }, { timing: 'start_wait = "20s"' });
}

async function becomes(world: World, node: NodeName, role: string, timeoutMs = 10_000): Promise<void> {
  await world.until(async () => await world.role(node) === role, timeoutMs, `${node} to be ${role}`);
}

async function fenceAlarm(world: World, node: NodeName): Promise<string | undefined> {
  return (await world.status(node))?.alarms.find(({ kind }) => kind === "fence")?.text;
}

Deno.test("power-off: the peer is fenced once before the takeover, and the receipt says when; planned moves fence nobody", async () => {
  await withFence(async (world, fence, primary, standby) => {
    await world.switchover(standby);
    await world.switchover(primary);
    assert.deepEqual(fence.calls(), []);
    assert.equal(await world.settled(), primary);

    fence.does("sleep 0.3");
    await world.powerOff(primary);
    await becomes(world, standby, "primary");
    assert.deepEqual(fence.calls(), [`off-${primary} ${standby} fences ${primary} for web`]);
    const receipt = (await world.status(standby))!.groups[0]!.last_switch!;
    assert.equal(receipt.kind, "failover");
    const at = (step: string) => receipt.steps.find((it) => it.step === step)!.at_us;
    const order = ["suspect", "fence ordered", "fence command started", `fenced ${primary}`, "addresses"].map(at);
    assert.deepEqual(order, order.toSorted((a, b) => a - b));
    assert.ok(at(`fenced ${primary}`) - at("fence command started") >= 300_000);
    await sleep(300);
    const why = await segue(world, standby, ["why", "--state-dir", world.stateDir(standby)]);
    assert.match(why.out.replaceAll(/\s+/g, " "), new RegExp(`it fenced ${primary} by command`));
  });
});

Deno.test("a command that fails: no takeover, an alarm, another try; with its success the takeover", async () => {
  await withFence(async (world, fence, primary, standby) => {
    fence.does("echo no such outlet >&2; exit 3");
    await world.powerOff(primary);
    await world.until(async () => await fenceAlarm(world, standby) !== undefined, 5000, "the alarm");
    assert.match((await fenceAlarm(world, standby))!, /exit code 3: no such outlet/);
    assert.equal(await world.role(standby), "suspecting");
    fence.does("exit 0");
    await becomes(world, standby, "primary");
    assert.equal(fence.calls().length, 2);
    assert.equal(await fenceAlarm(world, standby), undefined);
    const steps = (await world.status(standby))!.groups[0]!.last_switch!.steps.map(({ step }) => step);
    assert.ok(steps.some((step) => step.startsWith("fence failed: exit code 3")), steps.join("\n"));
  });
});

Deno.test("a command that hangs is ended, with all that it has started, and has failed", async () => {
  await withFence(async (world, fence, primary, standby) => {
    fence.does(`sleep 600 & echo $! > ${world.folder}/pid; wait`);
    await world.powerOff(primary);
    await world.until(async () => await fenceAlarm(world, standby) !== undefined, 10_000, "the alarm");
    assert.match((await fenceAlarm(world, standby))!, /no answer within 1000 ms/);
    assert.equal(await world.role(standby), "suspecting");
    const pid = Deno.readTextFileSync(`${world.folder}/pid`).trim();
    await world.until(() => !isAlive(pid), 5000, "what the command had started to be gone");
  });
});

Deno.test("a peer that is heard again while the command runs: it is ended, and nothing moves", async () => {
  await withFence(async (world, fence, primary, standby) => {
    fence.does(`echo $$ > ${world.folder}/pid; sleep 600`);
    world.daemon(primary).signal("SIGSTOP");
    await world.until(() => fence.calls().length === 1, 5000, "the command to be called");
    await sleep(200);
    assert.equal(await world.role(standby), "suspecting");
    world.daemon(primary).signal("SIGCONT");
    // Whose lease has lapsed asks for consent, and has the first turn.
    await becomes(world, standby, "standby");
    await becomes(world, primary, "primary");
    const pid = Deno.readTextFileSync(`${world.folder}/pid`).trim();
    await world.until(() => !isAlive(pid), 5000, "the command to be ended");
    assert.equal(fence.calls().length, 1);
  });
});

/** A process that has ended and was not waited for yet does not count. */
function isAlive(pid: string): boolean {
  try {
    return !/^State:\s+Z/m.test(Deno.readTextFileSync(`/proc/${pid}/status`));
  } catch {
    return false;
  }
}
