/**
 * The unmodified nginx of docs/services.md on a real pair: started by both daemons with the guide's own table, served by one, moved with
 * nothing started, and left when it is ill. Each node has its own /etc/nginx, which ip-netns(8) binds over that of the machine.
 */
import assert from "node:assert/strict";
import type { ServiceSnapshot } from "../../control/core/messages.ts";
import { LabProcess } from "../../control/lab/process.ts";
import { type NodeName, NODES, SERVICE_V4 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { lives } from "../services/lives.ts";
import { guideTable } from "./counter/service.ts";
import type { WebReport } from "./http_client.ts";
import { assertReigns, sleep, withWorld } from "./pair.ts";

const PORT = 80;

const etcOf = (world: World, node: NodeName) => `/etc/netns/${world.net.node(node)}`;

function configure(world: World, node: NodeName, more = ""): void {
  const files = `${world.folder}/nginx-${node}`;
  Deno.mkdirSync(`${etcOf(world, node)}/nginx`, { recursive: true });
  Deno.writeTextFileSync(
    `${etcOf(world, node)}/nginx/nginx.conf`,
    `worker_processes 1;
pid ${files}.pid;
error_log ${files}.log;
events {}
http {
  access_log off;
  server {
    listen ${SERVICE_V4}:${PORT};
    location / { return 200 "${node}\\n"; }
  }
}
${more}`,
  );
}

async function nginx(world: World, node: NodeName): Promise<Partial<ServiceSnapshot>> {
  return (await world.status(node))?.groups[0]?.services[0] ?? {};
}

async function withNginx(body: (world: World) => Promise<void>): Promise<void> {
  await withWorld(async (world) => {
    try {
      for (const node of NODES) configure(world, node);
      await body(world);
    } finally {
      await Promise.all([...world.nodes.values()].map((daemon) => daemon.stop()));
      for (const node of NODES) Deno.removeSync(etcOf(world, node), { recursive: true });
    }
  }, { group: guideTable('exec   = ["/usr/sbin/nginx"') });
}

/** What a client sees while something happens. */
async function seen(world: World, happens: () => Promise<unknown>): Promise<WebReport> {
  const program = new URL("http_client.ts", import.meta.url).pathname;
  const command = [Deno.execPath(), "run", "--allow-all", "--no-check", program, SERVICE_V4, `${PORT}`];
  const client = new LabProcess("web client", world.net.client, command, {});
  try {
    await client.line((line) => line === "started", 20_000);
    await sleep(200);
    await happens();
    await sleep(200);
    client.signal("SIGTERM");
    return JSON.parse(await client.line((line) => line.startsWith("{"), 5000)) as WebReport;
  } finally {
    await client.kill();
  }
}

Deno.test("an unmodified nginx: runs on both, one serves; a move starts nothing, illness moves the group, nothing is left", async () => {
  assert.ok(Deno.statSync("/usr/sbin/nginx").isFile, "the package nginx is needed: apt-get install nginx-light");
  await withNginx(async (world) => {
    await world.startBoth();
    for (const node of NODES) {
      await world.until(
        async () => (await nginx(world, node)).healthy === true,
        10_000,
        `nginx of ${node} to be healthy`,
      );
    }
    const pids = async () => await Promise.all(NODES.map(async (node) => (await nginx(world, node)).pid!));
    const before = await pids();
    for (const pid of before) assert.match(Deno.readTextFileSync(`/proc/${pid}/cmdline`), /nginx.*daemon off;/);
    assert.equal(await world.primary(), "a");

    const moved = await seen(world, async () => {
      const receipt = await world.switchover("a", "b");
      assert.equal(receipt.outcome, "done", receipt.reason);
    });
    assert.ok(moved.answers["a"]! > 0 && moved.answers["b"]! > 0, JSON.stringify(moved));
    assert.deepEqual(Object.keys(moved.answers).toSorted(), ["a", "b"]);
    // A connection ends with the node that it ended in; the next attempt is on the other one.
    assert.ok(moved.failedInARow <= 1, JSON.stringify(moved));
    assert.deepEqual(await pids(), before, "a move starts nothing and ends nothing");

    configure(world, "b", "no such directive;\n");
    const ill = await seen(world, async () => {
      Deno.kill(before[1]!, "SIGKILL");
      await world.until(async () => await world.role("a") === "primary", 15_000, "the group to leave the ill nginx");
    });
    assert.ok(ill.answers["a"]! > 0, JSON.stringify(ill));
    assert.match((await world.status("b"))!.groups[0]!.eligible_reason, /^service nginx: /);
    const { lines } = world.daemon("b");
    assert.ok(lines.some((line) => /web\/nginx: .*unknown directive "no"/.test(line)), "its own words are in the log");
    assert.equal((await nginx(world, "a")).pid, before[0]);

    configure(world, "b");
    world.daemon("b").signal("SIGTERM");
    await world.daemon("b").ended;
    world.start("b");
    await world.until(async () => (await nginx(world, "b")).healthy === true, 10_000, "nginx of b to be back");
    await assertReigns(world, "a b a");
    const last = await pids();
    for (const node of NODES) {
      world.daemon(node).signal("SIGTERM");
      await world.daemon(node).ended;
    }
    assert.deepEqual(last.map(lives), [false, false]);
    console.log("move:", moved, "illness:", ill);
  });
});
