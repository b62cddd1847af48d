/**
 * Histories of a pair with an arbiter, by seed: everything between the nodes may split, in one direction or both, while each has clients; the
 * arbiter may be reached by one node, by both or by none, answers late, twice or not at all, or stands still. There is one rule more than
 * elsewhere: two owners are never excused, on however many parts the LAN is.
 */
import { PROFILES } from "../../config/profiles.ts";
import { takesAfterUs, takesFromStartUs } from "../../control/core/entitled.ts";
import { TTL_US } from "./etcd.ts";
import type { Outcome } from "./history.ts";
import { CABLE, LAN, type NodeIndex } from "./network.ts";
import { Random } from "./random.ts";
import { type Hooks, SimWorld } from "./world.ts";

const MS = 1000;

export function splitWorld(seed: number, hooks: Hooks = {}): SimWorld {
  const random = new Random(seed ^ 0xa4b1);
  const timing = random.pick([PROFILES.lan, PROFILES.lan, PROFILES.fast, PROFILES.wan]);
  const world = new SimWorld(seed, {
    timing,
    servicesFail: null,
    bytes: false,
    rough: true,
    hooks,
    arbiterUs: random.pick([50 * MS, 300 * MS]),
  });
  world.etcd.rate = 1 + random.int(-200, 200) / 1e6;
  world.referee.acrossSplits = true;
  return world;
}

/** Nothing gets from the one to the other; nor back, if both. */
export function cutOff(world: SimWorld, from: NodeIndex, both: boolean): void {
  world.log(`nothing gets from ${"ab"[from]} to ${"ba"[from]}${both ? ", nor back" : ""}`);
  // What is asked on the LAN needs both directions.
  world.network.split = true;
  for (const path of [CABLE, LAN] as const) {
    world.network.ways[path]![from].up = false;
    if (both) world.network.ways[path]![1 - from as NodeIndex].up = false;
  }
}

export function join(world: SimWorld): void {
  world.log("the nodes are together again");
  world.network.heal();
}

type Fault = (world: SimWorld, random: Random) => void;
const anyNode = (random: Random): NodeIndex => random.pick([0, 1]);

const FAULTS: readonly Fault[] = [
  (world, random) => cutOff(world, anyNode(random), true),
  (world, random) => cutOff(world, anyNode(random), true),
  (world, random) => cutOff(world, anyNode(random), false),
  join,
  join,
  (world, random) => {
    const index = anyNode(random), ok = world.etcd.reach[index] = random.chance(0.5);
    world.log(`${"ab"[index]} ${ok ? "reaches" : "does not reach"} the arbiter`);
  },
  ({ etcd }) => etcd.stopped ? etcd.go() : void (etcd.stopped = true),
  ({ etcd }, random) => {
    etcd.loss = random.pick([0, 0.3]);
    etcd.doubled = random.pick([0, 0.3]);
    etcd.slowUs = random.pick([2 * MS, 20 * MS, 200 * MS]);
  },
  (world, random) => world.stop(anyNode(random), random.int(1 * MS, 2000 * MS)),
  (world, random) => world.stopBeforeStep(anyNode(random), random.int(1 * MS, 1000 * MS)),
  (world, random) => {
    const index = anyNode(random);
    world.kill(index);
    world.later(random.int(1 * MS, 3000 * MS), () => world.start(index));
  },
  (world, random) => {
    const index = anyNode(random);
    if (world.nodes[index]!.powered) world.powerOff(index);
    else world.powerOn(index);
  },
  (world, random) => world.switchover(anyNode(random), random.int(1, 1000)),
];

export async function playSplits(
  seed: number,
  hooks: Hooks = {},
  onTrace: (line: string) => void = () => {},
): Promise<Outcome> {
  const world = splitWorld(seed, hooks), { random, referee } = world;
  world.onTrace = onTrace;
  world.start(0);
  world.at(random.int(0, 300 * MS), () => world.start(1));
  await world.run(takesFromStartUs(world.limits, world.settings.arbiterUs!));
  for (let i = 0; i < 10 && referee.violations.length === 0; i++) {
    random.pick(FAULTS)(world, random);
    await world.run(random.chance(0.5) ? random.int(1 * MS, 300 * MS) : random.int(300 * MS, 6000 * MS));
  }
  if (referee.violations.length === 0) await mend(world);
  return { seed, violations: referee.violations, trace: world.trace, simulatedUs: world.now, excused: referee.excused };
}

/** All faults end, and within a bound all is well: what the arbiter remembers of a claim is gone after its lease. */
async function mend(world: SimWorld): Promise<void> {
  world.mendings++;
  join(world);
  world.etcd.heal();
  for (const node of world.nodes) {
    if (node.switchThread !== null) node.switchThread.stopBeforeStepUs = null;
    if (!node.powered) world.powerOn(node.index);
    else world.start(node.index);
  }
  const { limits, settings } = world;
  const endUs = world.now + takesFromStartUs(limits, settings.arbiterUs!) + TTL_US + 20 * limits.deadAfterUs +
    4000 * MS;
  while (world.now < endUs && world.referee.violations.length === 0) {
    await world.run(20 * MS);
    if (world.isCalm()) return;
  }
  world.referee.violate("after mending: not settled");
}

/** Long enough after a split for everybody to have stopped or taken. */
export function decidedUs(world: SimWorld): number {
  return takesAfterUs(world.limits, world.settings.arbiterUs!) + 20 * world.limits.probeUs + 1500 * MS;
}
