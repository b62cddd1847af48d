/**
 * What a standby pays for its shadow: `deno run -A tests/bench/shadow.ts --probe FILE --echo FILE [--rate N] [--seconds N]`. Prints JSON: CPU of
 * one core and memory of both daemons, with each wire, idle and under load. Client and service are outside programs, as in failover.ts.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import { type NodeName, NODES, SERVICE_V4 } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";

const { values: flags } = parseArgs({
  options: {
    probe: { type: "string" },
    echo: { type: "string" },
    rate: { type: "string", default: "50000" },
    seconds: { type: "string", default: "5" },
  },
});
if (flags.probe === undefined || flags.echo === undefined) throw new Error("--probe and --echo are needed");
const { probe, echo } = flags as { probe: string; echo: string };
const PORT = 9100;
const TICKS_PER_S = 100;
const PAGE_KIB = 4;
const WARM_MS = 3000;

interface Usage {
  readonly cpuPercent: number;
  readonly rssMiB: number;
}

/** Of a process, in clock ticks (proc(5): utime and stime) and pages. */
function readUsage(pid: number): { ticks: number; pages: number } {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return { ticks: Number(fields[11]) + Number(fields[12]), pages: Number(fields[21]) };
}

async function measure(pids: ReadonlyMap<NodeName, number>, ms: number): Promise<Record<string, Usage>> {
  const before = new Map([...pids].map(([name, pid]) => [name, readUsage(pid).ticks]));
  await sleep(ms);
  return Object.fromEntries([...pids].map(([name, pid]) => {
    const { ticks, pages } = readUsage(pid);
    const cpuPercent = Math.round(((ticks - before.get(name)!) / TICKS_PER_S / (ms / 1000)) * 1000) / 10;
    return [name, { cpuPercent, rssMiB: Math.round((pages * PAGE_KIB) / 1024) }];
  }));
}

/** `ip netns exec` becomes the daemon itself: its process is the daemon's. */
function pidsOf(world: World): ReadonlyMap<NodeName, number> {
  return new Map(NODES.map((name) => [name, world.daemon(name).pid]));
}

async function run(wire: string) {
  await using world = await World.create({ family: "segtest", profile: "fast", group: `wire = "${wire}"` });
  const echoes = NODES.map((name) =>
    new Deno.Command("ip", { args: ["netns", "exec", world.net.node(name), echo, `${PORT}`] }).spawn()
  );
  try {
    await world.startBoth();
    await sleep(WARM_MS);
    const primary = (await world.primary())!, ms = Number(flags.seconds) * 1000;
    const idle = await measure(pidsOf(world), ms);
    const interval = `${Math.round(1e6 / Number(flags.rate))}`;
    const args = ["netns", "exec", world.net.client, probe, SERVICE_V4, `${PORT}`, interval, `${ms + 2000}`];
    const client = new Deno.Command("ip", { args, stdout: "piped" }).spawn();
    await sleep(1000);
    const loaded = await measure(pidsOf(world), ms);
    const seen = JSON.parse(new TextDecoder().decode((await client.output()).stdout));
    const standby = primary === "a" ? "b" : "a";
    return {
      wire,
      sent_per_s: Math.round(seen.sent / (Number(flags.seconds) + 2)),
      lost: seen.lost,
      idle: { primary: idle[primary], standby: idle[standby] },
      loaded: { primary: loaded[primary], standby: loaded[standby] },
      shadow: (await world.status(standby))!.groups[0]!.shadow ?? null,
    };
  } finally {
    for (const it of echoes) {
      it.kill("SIGKILL");
      await it.status;
    }
  }
}

const results = [];
for (const wire of ["announce", "shared"]) results.push(await run(wire));
console.log(JSON.stringify({ bench: "shadow", results }, null, 2));
