/**
 * What groups cost: `deno run -A tests/bench/groups.ts [--groups 1,16] [--runs N] [--seconds S] [--profile fast]`. For each number of groups the time
 * to ready, and of an idle pair's primary and standby the processor time and the memory. Prints JSON, medians of all runs. Keep the machine quiet meanwhile.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import type { LabProcess } from "../../control/lab/process.ts";
import { NODES } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";

const { values: flags } = parseArgs({
  options: {
    groups: { type: "string", default: "1,16" },
    runs: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    profile: { type: "string", default: "fast" },
  },
});
/** USER_HZ of every Linux that Deno runs on (man 5 proc_pid_stat: utime, stime). */
const TICK_MS = 10;

function moreGroups(count: number): string {
  return Array.from({ length: count - 1 }, (_, i) => `
[[group]]
name = "g${i + 2}"
prefer = "a"
addresses = [{ address = "10.77.0.${101 + i}/32", interface = "veth0" }]
`).join("");
}

/** Processor time of a process so far, in milliseconds. */
function spentMs(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS;
}

function residentMib(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(Deno.readTextFileSync(`/proc/${pid}/status`))![1]) / 1024;
}

async function readyMs(daemon: LabProcess): Promise<number> {
  const line = await daemon.line((text) => text.includes("is ready after"), 30_000);
  return Number(line.match(/ready after (\d+) ms/)![1]);
}

async function measure(groups: number) {
  const profile = flags.profile as "fast" | "lan";
  await using world = await World.create({ family: "seglab", profile, group: moreGroups(groups) });
  await world.startBoth();
  const pids = NODES.map((name) => world.daemon(name).pid);
  const ready = await Promise.all(NODES.map((name) => readyMs(world.daemon(name))));
  await sleep(2000);
  const before = pids.map(spentMs);
  await sleep(Number(flags.seconds) * 1000);
  const percent = pids.map((pid, i) => (spentMs(pid) - before[i]!) / Number(flags.seconds) / 10);
  return { readyMs: Math.max(...ready), percent, residentMib: pids.map(residentMib) };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return Math.round(sorted[Math.floor(sorted.length / 2)]! * 10) / 10;
}

const counts = flags.groups.split(",").map(Number);
const seen = new Map(counts.map((count) => [count, [] as Awaited<ReturnType<typeof measure>>[]]));
// In turns: what else the machine does meets all of them.
for (let run = 0; run < Number(flags.runs); run++) {
  for (const count of counts) seen.get(count)!.push(await measure(count));
}
console.log(JSON.stringify(
  counts.map((groups) => {
    const all = seen.get(groups)!;
    const perNode = (of: (one: (typeof all)[number]) => readonly number[]) =>
      NODES.map((_, i) => median(all.map((one) => of(one)[i]!)));
    return {
      groups,
      readyMs: median(all.map((one) => one.readyMs)),
      percent: perNode((one) => one.percent),
      residentMib: perNode((one) => one.residentMib),
    };
  }),
  null,
  1,
));
