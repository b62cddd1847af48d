/**
 * What a client sees, measured: `deno run -A tests/bench/failover.ts [--runs N] [--only NAME,…] [--wire shared] [--probe FILE --echo FILE]`. Prints
 * JSON. With --probe and --echo an outside client and service are used instead of the lab's (`probe IP PORT INTERVAL_US
 * DURATION_MS` printing JSON, `echo PORT`). Keep the machine quiet meanwhile.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { SERVICE_V4 } from "../../control/lab/topology.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World } from "../../control/lab/world.ts";
import { median } from "./median.ts";

const { values: flags } = parseArgs({
  options: {
    runs: { type: "string", default: "5" },
    only: { type: "string" },
    wire: { type: "string", default: "announce" },
    probe: { type: "string" },
    echo: { type: "string" },
  },
});
const OUTSIDE_PORT = 9100;
const FAULT_AT_MS = 700;

interface Seen {
  readonly lost: number;
  readonly reordered: number;
  readonly duplicates: number;
  readonly gapMs: number;
}

interface Scenario {
  readonly durationMs: number;
  readonly intervalUs?: number;
  fault(world: World, primary: NodeName, standby: NodeName): Promise<unknown>;
  repair?(world: World, primary: NodeName): Promise<unknown>;
}

const scenarios: Readonly<Record<string, Scenario>> = {
  floor: { durationMs: 2000, fault: () => Promise.resolve() },
  planned: { durationMs: 2000, fault: (world, _, standby) => world.switchover(standby) },
  "planned-20000": { durationMs: 2000, intervalUs: 50, fault: (world, _, standby) => world.switchover(standby) },
  "power-off": {
    durationMs: 2000,
    fault: (world, primary) => world.powerOff(primary),
    repair: (world, primary) => world.powerOn(primary),
  },
  "power-off-20000": {
    durationMs: 2000,
    intervalUs: 50,
    fault: (world, primary) => world.powerOff(primary),
    repair: (world, primary) => world.powerOn(primary),
  },
  "kill-9": {
    durationMs: 2000,
    fault: (world, primary) => Promise.resolve(world.daemon(primary).signal("SIGKILL")),
    repair: (world, primary) => Promise.resolve(world.start(primary)),
  },
  stop: {
    durationMs: 2500,
    async fault(world, primary) {
      world.daemon(primary).signal("SIGSTOP");
      await sleep(1000);
      world.daemon(primary).signal("SIGCONT");
    },
  },
  lan: {
    durationMs: 2000,
    fault: (world, primary) => world.lan(primary, false),
    repair: (world, primary) => world.lan(primary, true),
  },
  cable: { durationMs: 2000, fault: (world) => world.cable(false), repair: (world) => world.cable(true) },
};

async function measure(world: World, scenario: Scenario): Promise<Seen> {
  if (flags.probe === undefined) {
    const traffic = await world.udp({
      durationMs: scenario.durationMs,
      ...(scenario.intervalUs === undefined ? {} : { intervalUs: scenario.intervalUs }),
    });
    const faulted = faultLater(world, scenario);
    const seen = await traffic.result();
    await faulted;
    return { lost: seen.lost, reordered: seen.reordered, duplicates: seen.duplicates, gapMs: seen.longestGapMs };
  }
  const probe = new Deno.Command("ip", {
    args: [
      "netns",
      "exec",
      world.net.client,
      flags.probe,
      SERVICE_V4,
      `${OUTSIDE_PORT}`,
      `${scenario.intervalUs ?? 500}`,
      `${scenario.durationMs}`,
    ],
    stdout: "piped",
  }).spawn();
  const faulted = faultLater(world, scenario);
  const seen = JSON.parse(new TextDecoder().decode((await probe.output()).stdout));
  await faulted;
  return { lost: seen.lost, reordered: seen.reordered, duplicates: seen.dup, gapMs: seen.max_gap_ms };
}

async function faultLater(world: World, scenario: Scenario): Promise<void> {
  const primary = (await world.primary())!;
  await sleep(FAULT_AT_MS);
  await scenario.fault(world, primary, primary === "a" ? "b" : "a");
}

async function runScenario(world: World, name: string, scenario: Scenario, runs: number) {
  const seen: Seen[] = [];
  const before = world.reigns.length;
  for (let run = 0; run < runs; run++) {
    const primary = await world.settled();
    seen.push(await measure(world, scenario));
    await scenario.repair?.(world, primary);
    await world.settled();
    // Paths find each other, neighbour entries calm down.
    await sleep(1500);
  }
  return {
    scenario: name,
    runs,
    gap_ms: median(seen.map((it) => it.gapMs)),
    gaps_ms: seen.map((it) => it.gapMs),
    lost: median(seen.map((it) => it.lost)),
    losts: seen.map((it) => it.lost),
    reordered: seen.reduce((sum, it) => sum + it.reordered, 0),
    duplicates: seen.reduce((sum, it) => sum + it.duplicates, 0),
    /** Who spoke as the address, in order: twice the same node in a row of switches would be two owners. */
    reigns: reignText(world.reigns.slice(Math.max(0, before - 1))),
  };
}

await using world = await World.create({ family: "segtest", profile: "fast", group: `wire = "${flags.wire}"` });
const echoes: Deno.ChildProcess[] = [];
try {
  if (flags.echo !== undefined) {
    for (const node of ["a", "b"] as const) {
      echoes.push(
        new Deno.Command("ip", { args: ["netns", "exec", world.net.node(node), flags.echo, `${OUTSIDE_PORT}`] })
          .spawn(),
      );
    }
  }
  await world.startBoth();
  const results = [];
  for (const [name, scenario] of Object.entries(scenarios)) {
    if (flags.only !== undefined && !flags.only.split(",").includes(name)) continue;
    const result = await runScenario(world, name, scenario, Number(flags.runs));
    console.error(JSON.stringify(result));
    results.push(result);
  }
  const counters = { a: (await world.status("a"))!.counters, b: (await world.status("b"))!.counters };
  console.log(JSON.stringify({ bench: "failover", wire: flags.wire, results, counters }, null, 2));
} finally {
  for (const echo of echoes) {
    echo.kill("SIGKILL");
    await echo.status;
  }
}
