/** Histories by seed: what is sent, what the network does to it, who restarts. At the end all is well again, and everything must arrive. */
import type { Channel } from "../../../control/core/stream/limits.ts";
import { type Sabotage, StreamWorld } from "./world.ts";

const MS = 1000;
const STORM_US = 4_000_000;
/** Until a path that was given up is found again and what waited has left. */
const CALM_US = 3_000_000;

export interface StreamOutcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly world: StreamWorld;
}

/** @param restarts whether nodes restart meanwhile; without, one connection should see it all through */
export function playStream(seed: number, restarts: boolean, sabotage: Sabotage = {}): StreamOutcome {
  const paths = 1 + seed % 3;
  const world = new StreamWorld(seed, paths, sabotage);
  const { random } = world;
  const begin = world.nowUs;
  const endUs = begin + STORM_US;
  for (const pair of world.network.ways) {
    for (const way of pair) {
      way.loss = random.pick([0, 0, 0.01, 0.1, 0.3]);
      way.doubled = random.pick([0, 0, 0.05]);
      way.delayUs = random.pick([50, 100, 500, 5 * MS, 40 * MS]);
      way.jitterUs = random.pick([0, 50, 500, 5 * MS]);
    }
  }
  const later = (body: () => void) => world.at(random.between(begin, endUs), body);
  for (let i = 0; i < 150; i++) later(() => sendSome(world));
  for (let i = 0; i < 6; i++) later(() => cut(world, restarts ? 2500 * MS : 400 * MS));
  for (let i = 0; i < 60; i++) later(() => world.replay());
  if (restarts) { for (let i = 0; i < 1 + seed % 4; i++) later(() => world.restart(random.pick([0, 1] as const))); }
  world.runUntil(endUs);
  world.network.heal();
  world.runUntil(endUs + CALM_US);
  for (const index of [0, 1] as const) world.send(index, 0, 50);
  world.runUntil(endUs + CALM_US + 20 * MS);
  // What is asked of a calm network is asked for a connection that saw the storm, too.
  const violations = [...world.violations, ...(world.violations.length === 0 ? world.undelivered() : [])];
  return { seed, violations, world };
}

function sendSome(world: StreamWorld): void {
  const { random } = world;
  const index = random.pick([0, 1] as const);
  const channel: Channel = random.pick([0, 1] as const);
  const count = random.pick([1, 1, 3, 40]);
  for (let i = 0; i < count; i++) world.send(index, channel, Math.floor(random.pick([0, 1, 100, 1300, 5000])));
  if (random.chance(0.05)) world.send(index, channel, 200_000);
  if (random.chance(0.005)) world.send(index, channel, 3_000_000);
}

/** One way, or both ways of a path, or one way of all paths. */
function cut(world: StreamWorld, longestUs: number): void {
  const { random, network } = world;
  const direction = random.pick([0, 1] as const);
  const all = random.chance(0.3), both = random.chance(0.5);
  const hit = all ? network.ways : [random.pick(network.ways)];
  const ways = hit.flatMap((pair) => both ? [...pair] : [pair[direction]]);
  for (const way of ways) way.up = false;
  world.at(world.nowUs + random.between(MS, longestUs), () => {
    for (const way of ways) way.up = true;
  });
}
