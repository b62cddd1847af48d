/** What the tests of the real pair share. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import type { Measurement } from "../../control/lab/measurement.ts";
import { segueCommand } from "../../control/lab/process.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World, type WorldOptions } from "../../control/lab/world.ts";

export { sleep } from "../../control/lab/command.ts";

/**
 * A running pair; gone when the test is over, however it ends. Profile `lan` unless told otherwise: what these tests claim must
 * hold on a machine that has other things to do, where `fast` loses its lease now and then. tests/bench measures `fast`.
 */
export async function withPair(
  body: (world: World, primary: NodeName, standby: NodeName) => Promise<void>,
  options: Partial<WorldOptions> = {},
): Promise<void> {
  await withWorld(async (world) => {
    await world.startBoth();
    const primary = await heardPrimary(world);
    begun.set(world, world.reigns.length - 1);
    await body(world, primary, other(primary));
  }, options);
}

/** Reigns before the body of a test: a machine that is busy with the start of two daemons may cost one a lease, and that is no part of the test. */
const begun = new WeakMap<World, number>();

/** The primary, once the watcher has heard it speak. */
async function heardPrimary(world: World): Promise<NodeName> {
  let primary = await world.settled();
  const heard = async () => world.reigns.at(-1)?.node === (primary = await world.settled());
  await world.until(heard, 5000, "the primary to speak as the address");
  return primary;
}

/** The same without daemons: the test starts what it wants. */
export async function withWorld(
  body: (world: World) => Promise<void>,
  options: Partial<WorldOptions> = {},
): Promise<void> {
  await using world = await World.create({ family: "segtest", profile: "lan", ...options });
  try {
    await body(world);
  } catch (error) {
    console.log(world.logs());
    throw error;
  }
}

export function other(name: NodeName): NodeName {
  return name === "a" ? "b" : "a";
}

/** Nothing lost, doubled or out of order. */
export function assertPerfect(m: Measurement): void {
  const { lost, duplicates, reordered } = m;
  assert.deepEqual({ lost, duplicates, reordered }, { lost: 0, duplicates: 0, reordered: 0 });
}

/** Exactly these nodes spoke as the addresses since the test began, one after the other: nobody spoke in another's reign. */
export async function assertReigns(world: World, expected: string): Promise<void> {
  // The watcher tells what it has heard twenty times a second.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(reignText(world.reigns.slice(begun.get(world) ?? 0)), expected);
}

/** Well above what is measured on a quiet machine, well below what a broken failover takes. */
export const GAP_MS_MAX = 150;

/** What a command printed, and how it ended. */
export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** A real command on a node, to its end; `before` stands in front of it (setpriv and the like). */
export async function segue(
  world: World,
  node: NodeName,
  args: readonly string[],
  before: readonly string[] = [],
): Promise<Ended> {
  const { code, stdout, stderr } = await new Deno.Command("ip", {
    args: ["netns", "exec", world.net.node(node), ...before, ...segueCommand(...args)],
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
}

/** The options of a daemon of this world, as `World.start` gives them. */
export function daemonArgs(world: World, node: NodeName, config = world.config): string[] {
  return [
    "run",
    ...["--config", config, "--node", node],
    ...["--state-dir", world.stateDir(node), "--run-dir", world.runDir(node)],
  ];
}

/** Everything of a node's network that a daemon may touch, as text: rules, addresses, settings. */
export async function footprint(world: World, node: NodeName): Promise<string> {
  const inside = (...command: string[]) => run("ip", "netns", "exec", world.net.node(node), ...command);
  // Duplicate address detection of the links' own addresses ends whenever it does.
  const addresses = (await inside("ip", "-o", "address")).replaceAll(" tentative", "");
  const settings = ["all", "default", "lo", "veth0", "veth1"].flatMap((device) =>
    ["arp_ignore", "arp_announce", "rp_filter"].map((name) => `net.ipv4.conf.${device}.${name}`)
  );
  return [
    await inside("nft", "list", "ruleset"),
    addresses,
    await inside("ip", "-o", "link"),
    await inside("sysctl", ...settings),
  ].join("\n");
}

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch {
    return false;
  }
}
