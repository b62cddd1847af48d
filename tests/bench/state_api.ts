/**
 * Writes of the state API on a real pair in network namespaces: `deno run -A tests/bench/state_api.ts [--rounds 5] [--seconds 3] [--only NAME]`.
 * Prints JSON: updates a second and latency (medians of the rounds, which take turns), and how many cores each process took meanwhile: on a
 * machine of two, the client and both daemons share them. Needs root. Keep the machine quiet meanwhile.
 */
import { parseArgs } from "node:util";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { sleep } from "../../control/lab/command.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { World } from "../../control/lab/world.ts";
import { type Load, type Loaded, startLoad } from "./state_load.ts";

const { values: flags } = parseArgs({
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    only: { type: "string" },
  },
});
/** Of a thread's clock (proc(5)); the kernel's USER_HZ. */
const TICKS_PER_SECOND = 100;

const cases: Readonly<Record<string, Pick<Load, "ack" | "batch" | "connections">>> = {
  "batch-1000-replicated": { ack: "replicated", batch: 1000, connections: 3 },
  "batch-100-replicated": { ack: "replicated", batch: 100, connections: 4 },
  "batch-1000-local": { ack: "local", batch: 1000, connections: 3 },
  "put-replicated": { ack: "replicated", batch: 1, connections: 32 },
  "put-local": { ack: "local", batch: 1, connections: 32 },
  "put-durable": { ack: "durable", batch: 1, connections: 64 },
  "one-writer-replicated": { ack: "replicated", batch: 1, connections: 1 },
  "one-writer-durable": { ack: "durable", batch: 1, connections: 1 },
  "one-writer-local": { ack: "local", batch: 1, connections: 1 },
};

/** User and system time of a process, or of one of its threads, in seconds (proc(5), stat fields 14 and 15). */
function cpuSeconds(path: string): number {
  const fields = Deno.readTextFileSync(`/proc/${path}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((x, y) => x - y)[Math.floor(numbers.length / 2)]!;
}

/** Of client and both daemons: what a machine that others use as well says more truly than the rate. */
function cpuPerUpdate({ cores, updates_per_s }: Round): number {
  return Math.round((cores.client! + cores.primary! + cores.standby!) / updates_per_s * 1e7) / 10;
}

type Round = Loaded & { readonly cores: Readonly<Record<string, number>> };

await using world = await World.create({ family: "segtest", profile: "lan" });
await world.startBoth();
const primary = (await world.primary())!;
const pids = { primary: world.daemon(primary).pid, standby: world.daemon(primary === "a" ? "b" : "a").pid };
await world.until(
  async () => (await world.status(primary))?.groups[0]?.state?.sync === "synced",
  10_000,
  "the copies to be in step",
);

async function round(name: string): Promise<Round> {
  const client = startLoad({
    socket: `${world.runDir(primary)}/${SOCKET_NAME}`,
    group: GROUP,
    keys: 100_000,
    seconds: Number(flags.seconds),
    ...cases[name]!,
  });
  // The whole time but its start and its end.
  const watched = {
    client: `${client.pid}`,
    primary: `${pids.primary}`,
    "primary's main thread": `${pids.primary}/task/${pids.primary}`,
    standby: `${pids.standby}`,
    "standby's main thread": `${pids.standby}/task/${pids.standby}`,
  };
  const look = () => Object.values(watched).map(cpuSeconds);
  await sleep(500);
  const before = look(), began = performance.now();
  await sleep(Number(flags.seconds) * 1000 - 1000);
  const after = look(), seconds = (performance.now() - began) / 1000;
  const cores = Object.keys(watched).map((who, i) => [who, Math.round((after[i]! - before[i]!) / seconds * 100) / 100]);
  const loaded = await client.loaded;
  return { ...loaded, cores: Object.fromEntries(cores) };
}

const names = Object.keys(cases).filter((name) => flags.only === undefined || name === flags.only);
const rounds = new Map<string, Round[]>(names.map((name) => [name, []]));
for (const name of names) await round(name);
for (let n = 0; n < Number(flags.rounds); n++) for (const name of names) rounds.get(name)!.push(await round(name));
const results = names.map((name) => {
  const its = rounds.get(name)!;
  const of = (field: "updates_per_s" | "p50_us" | "p99_us" | "max_us" | "gap_us") =>
    median(its.map((one) => one[field]));
  return [name, {
    ...cases[name],
    updates_per_s: of("updates_per_s"),
    p50_us: of("p50_us"),
    p99_us: of("p99_us"),
    max_us: of("max_us"),
    cpu_us_per_update: median(its.map(cpuPerUpdate)),
    degraded: its.reduce((sum, one) => sum + one.degraded, 0),
    cores: its.find((one) => one.updates_per_s === of("updates_per_s"))!.cores,
    rounds: its.map((one) => one.updates_per_s),
  }];
});
console.log(JSON.stringify({ bench: "state_api", ...Object.fromEntries(results) }, null, 2));
