/**
 * What a standby pays for its shadow: `deno run -A tests/bench/shadow.ts [--rate 50000] [--seconds 5]`. Prints JSON: CPU (percent of one core, each
 * thread by the kernel's own clock) and memory of both daemons, with each wire, idle and under load. The load comes from blast.ts; its packets go to a port at
 * which nobody listens, so that no service takes time that is not the pair's. `--service` has the lab's echo answer them.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import { UDP_PORT } from "../../control/lab/services.ts";
import { type NodeName, NODES, SERVICE_V4 } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";

const { values: flags } = parseArgs({
  options: {
    rate: { type: "string", default: "50000" },
    seconds: { type: "string", default: "5" },
    service: { type: "boolean", default: false },
  },
});
const seconds = Number(flags.seconds);
const NOBODY_PORT = 9;
const PAGE_KIB = 4;
const WARM_MS = 3000;
const THREADS_TOLD = 3;
const WIRES = { announce: 'wire = "announce"', shared: 'wire = "shared"' } as const;

interface Usage {
  readonly cpu_percent: number;
  readonly rss_mib: number;
  readonly threads: readonly { readonly name: string; readonly cpu_percent: number }[];
}

/** Nanoseconds that each thread has run (the first number of schedstat), by its number. */
function readThreads(pid: number): Map<string, { readonly name: string; readonly ns: number }> {
  const threads = new Map<string, { name: string; ns: number }>();
  for (const { name: tid } of Deno.readDirSync(`/proc/${pid}/task`)) {
    try {
      const folder = `/proc/${pid}/task/${tid}`;
      const ns = Number(Deno.readTextFileSync(`${folder}/schedstat`).split(" ")[0]);
      threads.set(tid, { name: Deno.readTextFileSync(`${folder}/comm`).trim(), ns });
    } catch {
      // It has ended meanwhile.
    }
  }
  return threads;
}

function rssMib(pid: number): number {
  return Math.round(Number(Deno.readTextFileSync(`/proc/${pid}/statm`).split(" ")[1]) * PAGE_KIB / 1024);
}

function percent(ns: number): number {
  return Math.round(ns / 1e6 / seconds) / 10;
}

async function measure(pids: ReadonlyMap<NodeName, number>): Promise<Record<string, Usage>> {
  const before = new Map([...pids].map(([name, pid]) => [name, readThreads(pid)]));
  await sleep(seconds * 1000);
  return Object.fromEntries([...pids].map(([node, pid]) => {
    const threads = [...readThreads(pid)]
      .map(([tid, { name, ns }]) => ({ name, ns: ns - (before.get(node)!.get(tid)?.ns ?? 0) }))
      .toSorted((a, b) => b.ns - a.ns);
    return [node, {
      cpu_percent: percent(threads.reduce((sum, { ns }) => sum + ns, 0)),
      rss_mib: rssMib(pid),
      threads: threads.slice(0, THREADS_TOLD).map(({ name, ns }) => ({ name, cpu_percent: percent(ns) })),
    }];
  }));
}

async function run(wire: keyof typeof WIRES) {
  await using world = await World.create({ family: "segtest", profile: "fast", group: WIRES[wire] });
  await world.startBoth();
  await sleep(WARM_MS);
  const primary = await world.settled(), standby = primary === "a" ? "b" : "a";
  // `ip netns exec` becomes the daemon itself: its process is the daemon's.
  const pids = new Map(NODES.map((name) => [name, world.daemon(name).pid]));
  const idle = await measure(pids);
  const port = flags.service ? UDP_PORT : NOBODY_PORT;
  const blast = [Deno.execPath(), "run", "-A", "--no-check", new URL("blast.ts", import.meta.url).pathname];
  const load = new Deno.Command("ip", {
    args: [
      "netns",
      "exec",
      world.net.client,
      "nice",
      "-n",
      "-19",
      ...blast,
      SERVICE_V4,
      `${port}`,
      flags.rate,
      `${seconds + 3}`,
    ],
    stdout: "piped",
  }).spawn();
  await sleep(2000);
  const before = (await world.status(standby))!.groups[0]!.shadow?.total ?? 0;
  const loaded = await measure(pids);
  const shadow = (await world.status(standby))!.groups[0]!.shadow ?? null;
  const { sent_per_s, cpu_us_per_packet } = JSON.parse(new TextDecoder().decode((await load.output()).stdout));
  return {
    wire,
    sent_per_s,
    /** Of the sender: what the shared wire takes more is the way to the standby and into its queue. */
    sender_us_per_packet: cpu_us_per_packet,
    shadowed_per_s: shadow === null ? 0 : Math.round((shadow.total - before) / seconds),
    idle: { primary: idle[primary], standby: idle[standby] },
    loaded: { primary: loaded[primary], standby: loaded[standby] },
    shadow,
    same_primary: await world.role(primary) === "primary",
  };
}

const results = [];
for (const wire of ["announce", "shared"] as const) results.push(await run(wire));
console.log(JSON.stringify({ bench: "shadow", rate: Number(flags.rate), results }, null, 2));
