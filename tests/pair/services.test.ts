/** Services of real daemons: they run on both nodes, their health moves the group, maintenance keeps it where it is. */
import assert from "node:assert/strict";
import type { StatusJson } from "../../control/api/json.ts";
import type { ServiceSnapshot } from "../../control/core/messages.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { lives } from "../services/lives.ts";
import { assertReigns, segue, sleep, withPair } from "./pair.ts";

/** A service that is ill on a node while FOLDER/ill-NODE is there. */
const services = (folder: string) => `
[[group.service]]
name = "echo"
exec = ["/bin/sh", "-c", "echo started as $SEGUE_ROLE on $SEGUE_NODE; trap : TERM; sleep 1000 & wait; sleep 0.2"]
restart_delay = "50ms"
health = { exec = ["/bin/sh", "-c", "test ! -e ${folder}/ill-$SEGUE_NODE"], every = "250ms", timeout = "250ms", fall = 3 }
`;

/** What status says of it; nothing while the daemon is not there. */
async function service(world: World, node: NodeName): Promise<Partial<ServiceSnapshot>> {
  const status = await world.status(node) as unknown as StatusJson | null;
  return status?.groups[0]?.services[0] ?? {};
}

async function maintain(world: World, node: NodeName, ...args: string[]): Promise<string> {
  const ended = await segue(world, node, ["maintenance", ...args, "--run-dir", world.runDir(node)]);
  assert.deepEqual([ended.code, ended.err], [0, ""]);
  return ended.out;
}

Deno.test("services on a real pair", async (t) => {
  const folder = Deno.makeTempDirSync({ prefix: "segtest-services-" });
  const mark = (node: NodeName) => `${folder}/ill-${node}`;
  try {
    await withPair(async (world, primary, standby) => {
      const healthy = async (node: NodeName) => (await service(world, node)).healthy === true;

      await t.step("they run on both nodes, and status shows them", async () => {
        for (const node of [primary, standby]) {
          await world.until(() => healthy(node), 5000, "the service to be healthy");
          const text = (await segue(world, node, ["status", "--run-dir", world.runDir(node)])).out;
          assert.match(text, /^web: service echo is running, healthy$/m);
          assert.ok(world.daemon(node).lines.some((line) => line.endsWith(`web/echo: started as standby on ${node}`)));
        }
      });

      await t.step("they have nothing of the daemon's open, least of all its queues", async () => {
        for (const node of [primary, standby]) {
          const { pid } = await service(world, node);
          const open = [...Deno.readDirSync(`/proc/${pid}/fd`)].map(({ name }) => name);
          // A shell keeps its own copy of something above these now and then.
          const links = open.map((fd) => Deno.readLinkSync(`/proc/${pid}/fd/${fd}`));
          assert.deepEqual(links.filter((link) => link !== "/dev/null" && !link.startsWith("pipe:")), []);
        }
      });

      await t.step("one that ends is started again, and nothing moves", async () => {
        const { pid } = await service(world, primary);
        Deno.kill(pid!, "SIGKILL");
        await world.until(async () => (await service(world, primary)).restarts === 1, 5000, "the restart");
        await world.until(() => healthy(primary), 5000, "the service to be healthy again");
        await assertReigns(world, primary);
      });

      await t.step(
        "maintenance: it may be ill, and nothing moves; a restart of the daemon does not end it",
        async () => {
          assert.equal(await maintain(world, primary), "maintenance is off\n");
          assert.match(await maintain(world, primary, "on"), /^maintenance is on since /);
          Deno.writeTextFileSync(mark(primary), "");
          await world.until(async () => !await healthy(primary), 5000, "it to be ill");
          await sleep(1000);
          const status = await world.status(primary) as unknown as StatusJson;
          assert.deepEqual([status.maintenance, status.groups[0]!.eligible], [true, true]);
          assert.deepEqual(status.alarms.map(({ kind }) => kind), ["maintenance"]);
          await assertReigns(world, primary);
          world.daemon(standby).signal("SIGTERM");
          await world.daemon(standby).ended;
          await maintain(world, primary, "off");
          await world.until(async () => !(await world.status(primary))!.groups[0]!.eligible, 5000, "it to count again");
          Deno.removeSync(mark(primary));
          await world.until(async () => (await world.status(primary))!.groups[0]!.eligible, 5000, "it to be well");
          world.start(standby);
          await world.until(() => healthy(standby), 10_000, "the standby to be back");
          await maintain(world, standby, "on");
          world.daemon(standby).signal("SIGTERM");
          await world.daemon(standby).ended;
          world.start(standby);
          await world.until(() => healthy(standby), 10_000, "the standby to be back");
          assert.match(await maintain(world, standby), /^maintenance is on since /);
          const kinds = (await world.status(standby))!.alarms.map(({ kind }) => kind);
          assert.ok(kinds.includes("maintenance"), kinds.join());
          await maintain(world, standby, "off");
          await world.settled();
        },
      );

      await t.step("a service that is ill moves the group, and says why", async () => {
        Deno.writeTextFileSync(mark(primary), "");
        await world.until(async () => await world.role(standby) === "primary", 10_000, "the group to move");
        const status = (await world.status(primary))!.groups[0]!;
        assert.match(status.eligible_reason, /^service echo: not healthy: exit code 1$/);
        await assertReigns(world, `${primary} ${standby}`);
      });

      await t.step("a daemon that is killed leaves a service behind, and ends it when it is back", async () => {
        const { pid } = await service(world, primary);
        world.daemon(primary).signal("SIGKILL");
        await world.daemon(primary).ended;
        assert.equal(lives(pid!), true);
        Deno.removeSync(mark(primary));
        world.start(primary);
        await world.until(() => healthy(primary), 10_000, "the service to be back");
        assert.notEqual((await service(world, primary)).pid, pid);
        assert.equal(lives(pid!), false);
        assert.ok(world.daemon(primary).lines.some((line) => line.includes(`had left running: ${GROUP}/echo`)));
      });

      await t.step("the end of a daemon is the end of its services", async () => {
        const { pid } = await service(world, primary);
        world.daemon(primary).signal("SIGTERM");
        await world.daemon(primary).ended;
        assert.equal(lives(pid!), false);
      });
    }, { group: services(folder) });
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
});

const deaf = `
[[group.service]]
name = "deaf"
run = "primary"
exec = ["/bin/sh", "-c", "trap : TERM; echo deaf; while :; do sleep 0.05; done"]
stop_timeout = "300ms"
`;

Deno.test("a service that hangs at stop is killed after its time-out; the switch goes on, and its receipt says so", async () => {
  await withPair(async (world, primary, standby) => {
    const hears = (node: NodeName) => world.daemon(node).lines.some((line) => line.endsWith("web/deaf: deaf"));
    await world.until(() => hears(primary), 5000, "it to be deaf");
    const { pid } = await service(world, primary);
    const receipt = await world.switchover(standby, standby);
    assert.equal(receipt.outcome, "done", receipt.reason);
    assert.equal(lives(pid!), false);
    await world.until(async () => await world.role(primary) === "standby", 5000, "the old node to be standby");
    const steps = (await world.status(primary))!.groups[0]!.last_switch!.steps.map(({ step }) => step);
    const at = (what: string) => steps.findIndex((step) => step.includes(what));
    assert.ok(at("deaf killed after 300ms") >= 0, steps.join(", "));
    assert.ok(at("deaf killed after 300ms") < at("drop"), `before it lets go of the address: ${steps.join(", ")}`);
    const shown = await segue(world, primary, ["events", "--json", "--state-dir", world.stateDir(primary)]);
    assert.match(shown.out, /service deaf did not stop within 300ms and was killed/);
    await world.until(() => hears(standby), 5000, "it to run on the other node");
    await assertReigns(world, `${primary} ${standby}`);
  }, { group: deaf });
});
