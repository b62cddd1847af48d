/**
 * A pair for minutes on a busy machine: `deno run -A tests/bench/soak.ts [--profile lan] [--minutes 10] [--busy 2] [--warm 3]`. Prints
 * JSON: what it costs (CPU, memory) once it has run for `--warm` seconds, lapses of the lease, suspicions, switches, and what a client
 * lost. `SEGUE_EXE=dist/segue` measures the executable instead of the sources. Keep nothing else running.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World, type WorldOptions } from "../../control/lab/world.ts";

const { values: flags } = parseArgs({
  options: {
    profile: { type: "string", default: "lan" },
    minutes: { type: "string", default: "10" },
    busy: { type: "string", default: "2" },
    interval: { type: "string", default: "4000" },
    warm: { type: "string", default: "3" },
  },
});
const TICKS_PER_SECOND = 100;

/** User and system time of a process in seconds (proc(5), stat fields 14 and 15). */
function cpuSeconds(pid: number): number {
  const fields = Deno.readTextFileSync(`/proc/${pid}/stat`).replace(/^.*\) /, "").split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Resident memory in MiB. */
function residentMib(pid: number): number {
  return Math.round(Number(Deno.readTextFileSync(`/proc/${pid}/status`).match(/VmRSS:\s+(\d+)/)![1]) / 102.4) / 10;
}

await using world = await World.create({ family: "segtest", profile: flags.profile as WorldOptions["profile"] });
await world.startBoth();
await sleep(Number(flags.warm) * 1000);
const durationMs = Number(flags.minutes) * 60_000;
const busy = Array.from(
  { length: Number(flags.busy) },
  () => new Deno.Command("sh", { args: ["-c", "while :; do :; done"] }).spawn(),
);
try {
  const nodes: readonly NodeName[] = ["a", "b"];
  const start = nodes.map((node) => cpuSeconds(world.daemon(node).pid));
  const began = performance.now();
  const traffic = await world.udp({ durationMs, intervalUs: Number(flags.interval) });
  const seen = await traffic.result();
  const seconds = (performance.now() - began) / 1000;
  const report = [];
  for (const [i, node] of nodes.entries()) {
    const pid = world.daemon(node).pid, status = (await world.status(node))!;
    report.push({
      node,
      role: status.groups[0]!.role,
      epoch: status.groups[0]!.epoch,
      cpu_percent: Math.round(((cpuSeconds(pid) - start[i]!) / seconds) * 1000) / 10,
      resident_mib: residentMib(pid),
      counters: status.counters,
    });
  }
  const { timeline: _, ...client } = seen;
  const retakes = world.logs().split("\n").filter((line) => /retake done/.test(line)).map((line) =>
    line.replace(/^.*retake done in (\d+) µs.*$/, "$1")
  );
  console.log(
    JSON.stringify(
      {
        bench: "soak",
        profile: flags.profile,
        minutes: Number(flags.minutes),
        busy: busy.length,
        client,
        reigns: reignText(world.reigns),
        retakes_us: retakes,
        nodes: report,
      },
      null,
      2,
    ),
  );
} finally {
  for (const child of busy) {
    child.kill("SIGKILL");
    await child.status;
  }
}
