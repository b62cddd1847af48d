/** Plays one scenario: two healthy nodes, traffic, the fault, and what came of it. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { ReceiptJson } from "../api/json.ts";
import type { TcpMeasurement } from "./client.ts";
import { sleep } from "./command.ts";
import type { Measurement, Progress } from "./measurement.ts";
import { judgeOwnership, type Ownership, type Reign, reignsSince } from "./ownership.ts";
import { brokenPromises } from "./promises.ts";
import { type Cast, FAULT_AT_MS, type Scenario } from "./scenarios.ts";
import { type NodeName, NODES } from "./topology.ts";
import type { World } from "./world.ts";

export interface Outcome {
  readonly scenario: Scenario;
  readonly cast: Cast;
  readonly udp: Measurement;
  readonly udp6: Measurement;
  readonly tcp: TcpMeasurement;
  /** When the fault came, and when it had been done, in the time of `udp`. */
  readonly faultMs: number;
  readonly ownership: Ownership;
  /** Written by the node that took over, null where nothing moved. */
  readonly receipt: ReceiptJson | null;
  /** Broken promises, in words; none if all is well. */
  readonly problems: readonly string[];
}

/** Told while it goes on. */
export interface Audience {
  phase(text: string): void;
  progress(progress: Progress): void;
}

/** Between two datagrams of the IPv6 client: a second witness, not a load. */
const V6_INTERVAL_US = 5000;
/** Quiet after both nodes are well: neighbour entries calm down. */
const CALM_MS = 500;
const READY_MS_MAX = 20_000;
/** The watcher tells what it heard twenty times a second. */
const WATCHER_MS = 150;
const RECEIPT_EVERY_MS = 100;

export async function conduct(world: World, scenario: Scenario, audience: Audience): Promise<Outcome> {
  audience.phase("waiting for two healthy nodes");
  const primary = await healthy(world);
  const cast: Cast = { primary, standby: primary === "a" ? "b" : "a" };
  await sleep(CALM_MS);
  audience.phase("traffic");
  const before = snapshotOf(world.reigns), missedBefore = world.missed;
  const { durationMs } = scenario;
  const [udp6, tcp] = await Promise.all([
    world.udp({ durationMs, intervalUs: V6_INTERVAL_US, v6: true }),
    world.tcp({ durationMs }),
  ]);
  const udp = await world.udp({ durationMs, onProgress: (progress) => audience.progress(progress) });
  await sleep(FAULT_AT_MS);
  const faultUs = monotonicUs();
  audience.phase(scenario.story);
  const done = scenario.fault(world, cast);
  const receipt = scenario.moves ? await receiptOf(world, cast.standby, durationMs - FAULT_AT_MS) : null;
  await done;
  const [seen, seen6, seenTcp] = await Promise.all([udp.result(), udp6.result(), tcp.result()]);
  audience.phase("mending");
  await scenario.repair?.(world, cast);
  // Whoever comes back must do so without a word as the address: the watch goes on until both are well again.
  await healthy(world);
  await sleep(WATCHER_MS);
  const moves = scenario.moves ? [cast.primary, cast.standby] : [cast.primary];
  const ownership = judgeOwnership(reignsSince(world.reigns, before), moves, world.missed - missedBefore);
  const outcome = {
    scenario,
    cast,
    udp: seen,
    udp6: seen6,
    tcp: seenTcp,
    faultMs: Math.round((faultUs - seen.startedUs) / 10) / 100,
    ownership,
    receipt,
  };
  return { ...outcome, problems: brokenPromises(outcome) };
}

/** The primary, as soon as each node knows its role and hears the other on every path. */
async function healthy(world: World): Promise<NodeName> {
  const primary = await world.settled(READY_MS_MAX);
  await world.until(
    async () => {
      const statuses = await Promise.all(NODES.map((name) => world.status(name)));
      return statuses.every((status) => status !== null && status.paths.every((path) => path.state === "up"));
    },
    READY_MS_MAX,
    "all paths to be up",
  );
  return primary;
}

function snapshotOf(reigns: readonly Reign[]): readonly Reign[] {
  return reigns.map((reign) => ({ ...reign }));
}

/** Of the move itself, asked for soon: what happens to the node later has receipts of its own. Null if it never moves. */
async function receiptOf(world: World, node: NodeName, timeoutMs: number): Promise<ReceiptJson | null> {
  for (let waitedMs = 0; waitedMs < timeoutMs; waitedMs += RECEIPT_EVERY_MS) {
    await sleep(RECEIPT_EVERY_MS);
    const group = (await world.status(node))?.groups[0];
    if (group?.role === "primary") return group.last_switch;
  }
  return null;
}
