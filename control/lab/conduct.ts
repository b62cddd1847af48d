/** Plays one scenario: two healthy nodes, traffic, the fault, and what came of it. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import type { TcpMeasurement } from "./client.ts";
import { sleep } from "./command.ts";
import type { Measurement, Progress } from "./measurement.ts";
import { judgeOwnership, type Ownership, type Reign, reignsSince } from "./ownership.ts";
import { brokenPromises } from "./promises.ts";
import { type Cast, FAULT_AT_MS, type Scenario } from "./scenarios.ts";
import { ownersOf, takesSince } from "./takes.ts";
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
  /** Who owned the address, in order, by the nodes' own journals. */
  readonly owners: readonly NodeName[];
  /** Of the move that was to happen, written by the node that took over; null where nothing moved. */
  readonly receipt: SwitchReceipt | null;
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
const MOVE_EVERY_MS = 25;
const MOVE_MS_MAX = 1000;

export async function conduct(world: World, scenario: Scenario, audience: Audience): Promise<Outcome> {
  audience.phase("waiting for two healthy nodes");
  const primary = await healthy(world);
  const cast: Cast = { primary, standby: primary === "a" ? "b" : "a" };
  await sleep(CALM_MS);
  audience.phase("traffic");
  const before = snapshotOf(world.reigns), missedBefore = world.missed, sinceMs = Date.now();
  const { durationMs } = scenario;
  const [udp6, tcp] = await Promise.all([
    world.udp({ durationMs, intervalUs: V6_INTERVAL_US, v6: true }),
    world.tcp({ durationMs }),
  ]);
  const udp = await world.udp({ durationMs, onProgress: (progress) => audience.progress(progress) });
  await sleep(FAULT_AT_MS);
  const faultUs = monotonicUs();
  const deed = scenario.deed(cast);
  audience.phase(deed);
  if (scenario.moves) void tellOfMove(world, cast, faultUs, (text) => audience.phase(`${deed} · ${text}`));
  await scenario.fault(world, cast);
  const [seen, seen6, seenTcp] = await Promise.all([udp.result(), udp6.result(), tcp.result()]);
  audience.phase("mending");
  await scenario.repair?.(world, cast);
  // Whoever comes back must do so without a word as the address: the watch goes on until both are well again.
  await healthy(world);
  await sleep(WATCHER_MS);
  const takes = takesSince(world, sinceMs), owners = ownersOf(primary, takes);
  // The verdict of the switch is held against every move that a node wrote down, asked for or not: two owners are two that
  // speak in one reign. A move that nobody asked for is a broken promise of its own.
  const ownership = judgeOwnership(reignsSince(world.reigns, before), owners, world.missed - missedBefore);
  const outcome = {
    scenario,
    cast,
    udp: seen,
    udp6: seen6,
    tcp: seenTcp,
    faultMs: Math.round((faultUs - seen.startedUs) / 10) / 100,
    ownership,
    owners,
    receipt: takes.find(({ node }) => scenario.moves && node === cast.standby) ?? null,
  };
  return { ...outcome, problems: brokenPromises(outcome) };
}

/** Says who serves now as soon as the watcher has heard it. */
async function tellOfMove(world: World, cast: Cast, faultUs: number, tell: (text: string) => void): Promise<void> {
  for (let waitedMs = 0; waitedMs < MOVE_MS_MAX; waitedMs += MOVE_EVERY_MS) {
    await sleep(MOVE_EVERY_MS);
    const reign = world.reigns.at(-1);
    if (reign?.node !== cast.standby || reign.firstUs < faultUs) continue;
    return tell(`${cast.standby} serves after ${((reign.firstUs - faultUs) / 1000).toFixed(1)} ms`);
  }
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
