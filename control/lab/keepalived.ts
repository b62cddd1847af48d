/** The pair to beat, measured live: two keepalived in the same topology, with the same services and the same client. */
import { run, sleep } from "./command.ts";
import type { KeepalivedProgram } from "./keepalived_program.ts";
import type { Measurement } from "./measurement.ts";
import { judgeOwnership, reignsSince } from "./ownership.ts";
import { FAULT_AT_MS } from "./scenarios.ts";
import { beside, type Comparison, type Comparisons } from "./table.ts";
import { type NodeName, NODES, SERVICE_V4 } from "./topology.ts";
import type { World } from "./world.ts";

/** The shortest interval that keepalived takes, in seconds. */
const ADVERT_S = 0.01;
const TRAFFIC_MS = 2000;
const READY_MS_MAX = 20_000;
/** After it has become master, before it is measured. */
const CALM_MS = 1500;
const WATCHER_MS = 150;

interface Fault {
  play(world: World): Promise<unknown>;
  /** Back to two keepalived, a the master. */
  repair(world: World, program: KeepalivedProgram): Promise<unknown>;
}

const startAgain = (world: World, program: KeepalivedProgram) => Promise.resolve(start(world, "a", program));

/** By name of segue's scenario. Node a is the master. */
const FAULTS: Readonly<Record<string, Fault>> = {
  planned: {
    play: (world) => Promise.resolve(Deno.kill(world.daemon("a").pid, "SIGTERM")),
    repair: async (world, program) => {
      await world.daemon("a").ended;
      start(world, "a", program);
    },
  },
  "power-off": {
    play: (world) => world.powerOff("a"),
    repair: async (world, program) => {
      await world.lan("a", true);
      await world.cable(true);
      start(world, "a", program);
    },
  },
  kill: { play: (world) => Promise.resolve(world.daemon("a").signal("SIGKILL")), repair: startAgain },
  hang: {
    play: async (world) => {
      world.daemon("a").signal("SIGSTOP");
      await sleep(1000);
      world.daemon("a").signal("SIGCONT");
    },
    repair: () => Promise.resolve(),
  },
};

/** What is measured without being asked for: the others take long and end the same way each time. */
export const MEASURED_BY_ITSELF: readonly string[] = ["planned", "power-off"];

export function canMeasure(scenario: string): boolean {
  return FAULTS[scenario] !== undefined;
}

/** @param world without daemons so far; stays as the last scenario leaves it */
export async function measureKeepalived(
  world: World,
  program: KeepalivedProgram,
  scenarios: readonly string[],
  doing: (text: string) => void,
): Promise<Comparisons> {
  const rows: Comparison[] = [];
  for (const name of NODES) start(world, name, program);
  for (const [i, scenario] of scenarios.entries()) {
    const fault = FAULTS[scenario];
    if (fault === undefined) continue;
    doing(`keepalived ${program.version}: ${scenario} …`);
    rows.push(await measure(world, scenario, fault));
    if (i < scenarios.length - 1) await fault.repair(world, program);
  }
  return beside(`keepalived ${program.version}, measured now`, rows);
}

function start(world: World, name: NodeName, program: KeepalivedProgram): void {
  const file = (kind: string) => `${world.folder}/keepalived-${name}.${kind}`;
  Deno.writeTextFileSync(file("conf"), configText(name));
  // A killed one leaves its process ids behind, and the next one would believe them.
  for (const kind of ["pid", "vrrp", "checkers"]) removeIfThere(file(kind));
  const files = ["-f", file("conf"), "-p", file("pid"), "-r", file("vrrp"), "-c", file("checkers")];
  world.startProgram(name, [...program.command, "--dont-fork", "--log-console", ...files]);
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

async function measure(world: World, scenario: string, fault: Fault): Promise<Comparison> {
  await world.until(
    async () => await owns(world, "a") && !await owns(world, "b"),
    READY_MS_MAX,
    "keepalived on a to be master",
  );
  await sleep(CALM_MS);
  const before = world.reigns.map((reign) => ({ ...reign }));
  const traffic = await world.udp({ durationMs: TRAFFIC_MS });
  await sleep(FAULT_AT_MS);
  await fault.play(world);
  const seen = await traffic.result();
  await sleep(WATCHER_MS);
  const { twoOwners } = judgeOwnership(reignsSince(world.reigns, before), ["a", "b"]);
  // A dead node's address is still configured; without power it does no harm.
  const both = scenario !== "power-off" && await owns(world, "a") && await owns(world, "b");
  return { scenario, ...figures(seen), owners: both ? "two, to the end" : twoOwners ? "two" : "one" };
}

function figures(seen: Measurement): { readonly gap: string; readonly lost: string } {
  return { gap: `${seen.longestGapMs.toFixed(1)} ms`, lost: `${seen.lost}` };
}

async function owns(world: World, name: NodeName): Promise<boolean> {
  return (await run("ip", "-n", world.net.node(name), "-o", "addr", "show", "to", SERVICE_V4)) !== "";
}

function configText(name: NodeName): string {
  return `global_defs {
  vrrp_version 3
}
vrrp_instance lab {
  state BACKUP
  interface veth0
  virtual_router_id 51
  priority ${name === "a" ? 200 : 100}
  advert_int ${ADVERT_S}
  virtual_ipaddress {
    ${SERVICE_V4}/32
  }
}
`;
}
