/**
 * What a power-off is to TCP: many connections through a pair that routes, with each wire. `deno run -A tests/bench/crowd.ts [--connections 500]
 * [--every 20] [--runs 5] [--lag 500us]`. Prints JSON: each connection's longest wait for an answer, at the median, at p99 and of all; medians of the
 * runs. `calm` is the same without a fault: what the machine, and a client of so many connections, cost by themselves.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import type { CrowdMeasurement } from "../../control/lab/crowd.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World } from "../../control/lab/world.ts";
import { median } from "./median.ts";

const { values: flags } = parseArgs({
  options: {
    connections: { type: "string", default: "500" },
    every: { type: "string", default: "20" },
    runs: { type: "string", default: "5" },
    lag: { type: "string" },
  },
});
const crowd = { connections: Number(flags.connections), everyMs: Number(flags.every), durationMs: 3000 };
const FAULT_AT_MS = 1000;
const CALM_MS = 1500;

const GROUP_LINES = {
  announce: 'wire = "announce"',
  shared: `wire = "shared"${flags.lag === undefined ? "" : `\nshared = { lag = "${flags.lag}" }`}`,
} as const;

async function measure(world: World, fault: boolean): Promise<CrowdMeasurement> {
  const primary = await world.settled();
  await sleep(CALM_MS);
  const traffic = await world.crowd(crowd);
  await sleep(FAULT_AT_MS);
  if (fault) await world.powerOff(primary);
  const seen = await traffic.result();
  if (fault) await world.powerOn(primary);
  await world.settled();
  return seen;
}

function summary(seen: readonly CrowdMeasurement[]) {
  return {
    stall_p50_ms: median(seen.map((it) => it.stallP50Ms)),
    stall_p99_ms: median(seen.map((it) => it.stallP99Ms)),
    stall_p99s_ms: seen.map((it) => it.stallP99Ms),
    stall_max_ms: median(seen.map((it) => it.stallMaxMs)),
    broken: seen.reduce((sum, it) => sum + it.broken, 0),
    messages: median(seen.map((it) => it.messages)),
  };
}

async function runWire(wire: keyof typeof GROUP_LINES) {
  await using world = await World.create({
    family: "segtest",
    profile: "fast",
    routed: true,
    group: GROUP_LINES[wire],
  });
  await world.startBoth();
  const calm: CrowdMeasurement[] = [], seen: CrowdMeasurement[] = [];
  for (let run = 0; run < Number(flags.runs); run++) {
    calm.push(await measure(world, false));
    seen.push(await measure(world, true));
  }
  return { wire, power_off: summary(seen), calm: summary(calm), reigns: reignText(world.reigns) };
}

const results = [];
for (const wire of ["announce", "shared"] as const) results.push(await runWire(wire));
const { connections, everyMs } = crowd;
console.log(
  JSON.stringify({ bench: "crowd", connections, every_ms: everyMs, runs: Number(flags.runs), results }, null, 2),
);
