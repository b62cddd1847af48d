/** The pair to beat, measured live: two keepalived in the same topology, with the same services and the same client. */
import { run, sleep } from "./command.ts";
import type { Measurement } from "./measurement.ts";
import { judgeOwnership, reignsSince } from "./ownership.ts";
import { FAULT_AT_MS } from "./scenarios.ts";
import type { Comparison, Comparisons } from "./table.ts";
import { type NodeName, NODES, SERVICE_V4 } from "./topology.ts";
import { type Family, World } from "./world.ts";

/** The shortest interval that keepalived takes, in seconds. */
const ADVERT_S = 0.01;
const TRAFFIC_MS = 3000;
const READY_MS_MAX = 20_000;
/** keepalived repeats its announcements for some seconds after it has become master. */
const CALM_MS = 3000;
const WATCHER_MS = 150;

type Fault = (world: World) => Promise<unknown>;

/** By name of segue's scenario. Node a is the master. */
const FAULTS: Readonly<Record<string, Fault>> = {
  planned: (world) => Promise.resolve(Deno.kill(world.daemon("a").pid, "SIGTERM")),
  "power-off": (world) => world.powerOff("a"),
  kill: (world) => Promise.resolve(world.daemon("a").signal("SIGKILL")),
  hang: async (world) => {
    world.daemon("a").signal("SIGSTOP");
    await sleep(1000);
    world.daemon("a").signal("SIGCONT");
  },
};

/** Version of the keepalived that is installed, null if none is. */
export async function keepalivedVersion(): Promise<string | null> {
  try {
    const { stdout, stderr } = await new Deno.Command("keepalived", { args: ["--version"] }).output();
    const text = new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr);
    return text.match(/Keepalived v(\S+)/)?.[1] ?? "of unknown version";
  } catch {
    return null;
  }
}

/** By apt-get; throws with its complaint. */
export async function installKeepalived(): Promise<void> {
  const install = ["-o", "DPkg::Lock::Timeout=60", "install", "-y", "-q", "--no-install-recommends", "keepalived"];
  Deno.env.set("DEBIAN_FRONTEND", "noninteractive");
  // Package lists may be absent or old: update only if the first try fails.
  await run("apt-get", ...install).catch(async () => {
    await run("apt-get", "update", "-q");
    await run("apt-get", ...install);
  });
}

/**
 * @param scenarios names; those that say nothing about keepalived are left out
 * @param onWorld told of each world, so that an interrupt can take it away
 */
export async function measureKeepalived(
  family: Family,
  version: string,
  scenarios: readonly string[],
  doing: (text: string) => void,
  onWorld: (world: World) => void,
): Promise<Comparisons> {
  const rows: Comparison[] = [];
  for (const scenario of scenarios) {
    const fault = FAULTS[scenario];
    if (fault === undefined) continue;
    doing(`keepalived ${version}: ${scenario} …`);
    await using world = await World.create({ family, profile: "fast" });
    onWorld(world);
    rows.push(await measure(world, scenario, fault));
  }
  return { title: `keepalived ${version}, 10 ms (measured now)`, rows };
}

async function measure(world: World, scenario: string, fault: Fault): Promise<Comparison> {
  for (const name of NODES) {
    const file = (kind: string) => `${world.folder}/keepalived-${name}.${kind}`;
    Deno.writeTextFileSync(file("conf"), configText(name));
    const files = ["-f", file("conf"), "-p", file("pid"), "-r", file("vrrp"), "-c", file("checkers")];
    world.startProgram(name, ["keepalived", "--dont-fork", "--log-console", ...files]);
  }
  await world.until(
    async () => await owns(world, "a") && !await owns(world, "b"),
    READY_MS_MAX,
    "keepalived on a to be master",
  );
  await sleep(CALM_MS);
  const before = world.reigns.map((reign) => ({ ...reign }));
  const traffic = await world.udp({ durationMs: TRAFFIC_MS });
  await sleep(FAULT_AT_MS);
  await fault(world);
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
