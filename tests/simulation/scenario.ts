/** Histories to play: a quiet pair that is moved to and fro, and a pair that has everything happen to it. */
import { Random } from "./random.ts";
import { SimWorld } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
}

const MS = 1000;
const SECOND = 1000 * MS;

function startBoth(random: Random, servicesFail: number | null): SimWorld {
  const world = new SimWorld(random);
  world.servicesFail = servicesFail;
  world.at(0, () => world.start(0));
  world.at(random.between(0, 200 * MS), () => world.start(1));
  world.runUntil(SECOND);
  if (world.primaries().length !== 1) world.violations.push(`after the start: primaries ${world.primaries()}`);
  return world;
}

/**
 * Planned moves only, asked on either node: nothing may be lost, doubled or reordered. With services each move waits for them.
 * @param services 0: they never fail; null: there are none
 */
export function playMoves(seed: number, moves = 10, services: 0 | null = null): Outcome {
  const random = new Random(seed);
  const world = startBoth(random, services);
  const lostBefore = world.lost.length;
  for (let i = 1; i <= moves; i++) {
    const before = world.primaries()[0];
    move(world, random, 10 * i);
    if (world.primaries().length !== 1 || world.primaries()[0] === before) {
      world.violations.push(`move ${i}: primaries ${world.primaries()}`);
    }
  }
  world.runUntil(world.now + 20 * MS);
  const lost = world.lost.slice(lostBefore);
  if (lost.length > 0) world.violations.push(`lost ${lost.length}: ${JSON.stringify(lost[0])}`);
  if (world.reordered() > 0) world.violations.push(`reordered ${world.reordered()}`);
  return { seed, violations: world.violations, trace: world.trace };
}

/** Less than the silence after which the old node has lost patience, and more than a licence lives. */
const SHORT_WAIT = 7 * MS;

/**
 * Planned moves in which the take has to wait for the kernel, often longer than its licence lives. Where the old node has more patience
 * than that, each move is done and nothing is lost.
 */
export function playSlowTakes(seed: number, services: 0 | null = null): Outcome {
  const random = new Random(seed);
  const world = startBoth(random, services);
  world.slowTakes = { share: 0.7, longestUs: SHORT_WAIT };
  const lostBefore = world.lost.length;
  for (let i = 1; i <= 10; i++) {
    const before = world.primaries()[0];
    move(world, random, 10 * i);
    const now = world.primaries();
    if (now.length !== 1 || now[0] === before) world.violations.push(`move ${i}: primaries [${now}]`);
  }
  const lost = world.lost.slice(lostBefore);
  if (lost.length > 0) world.violations.push(`lost ${lost.length}: ${JSON.stringify(lost[0])}`);
  if (world.reordered() > 0) world.violations.push(`reordered ${world.reordered()}`);
  return { seed, violations: world.violations, trace: world.trace };
}

/** As an operator does: asks again if the node was busy with a suspicion just then. */
function move(world: SimWorld, random: Random, firstId: number): void {
  const node = world.nodes[random.pick([0, 1])]!;
  for (let id = firstId; id < firstId + 3; id++) {
    world.switchover(node.index, id);
    const longest = world.servicesFail === null ? 60 * MS : 300 * MS;
    world.runUntil(world.now + random.between(longest, longest + 140 * MS));
    const result = node.results.find((it) => it.id === id);
    if (result === undefined) world.violations.push(`command ${id} was never answered`);
    if (result?.ok) return;
  }
}

/** Two that never hear each other (other keys, say) start at almost the same moment: one serves, the other one asks and waits. */
export function playStrangers(seed: number): Outcome {
  const random = new Random(seed);
  const world = new SimWorld(random);
  world.links.deaf[0] = world.links.deaf[1] = true;
  world.at(0, () => world.start(0));
  const apart = random.pick([1, 10, 100]) * MS;
  world.at(random.between(0, apart), () => world.start(1));
  world.runUntil(random.between(500 * MS, SECOND));
  const [first] = world.primaries();
  if (world.primaries().length !== 1) world.violations.push(`after the start: primaries [${world.primaries()}]`);
  else world.kill(first!);
  world.runUntil(world.now + 500 * MS);
  if (world.primaries()[0] !== 1 - first!) world.violations.push(`after its death: primaries [${world.primaries()}]`);
  return { seed, violations: world.violations, trace: world.trace };
}

/**
 * Faults of all kinds at random moments. Never two owners, epochs only grow; when all is mended, exactly one serves.
 * @param slowTakes share of takes that have to wait for the kernel, up to 300 ms
 */
export function playFaults(seed: number, faults = 12, servicesFail: number | null = null, slowTakes = 0): Outcome {
  const random = new Random(seed);
  const world = startBoth(random, servicesFail);
  if (slowTakes > 0) {
    world.slowTakes = { share: slowTakes, longestUs: random.pick([7, 20, 60, 300]) * MS };
    // What was true a while ago is read in turns between which the node speaks.
    world.readsAtOnce = random.pick([2, 8, 64]);
  }
  for (let i = 0; i < faults; i++) {
    oneFault(world, random, i);
    world.runUntil(world.now + random.between(5 * MS, 400 * MS));
  }
  mend(world);
  world.runUntil(world.now + 3 * SECOND);
  if (world.primaries().length !== 1) world.violations.push(`after mending: primaries [${world.primaries()}]`);
  const since = world.now;
  const servedBefore = world.served.length;
  world.runUntil(since + 200 * MS);
  if (world.served.length === servedBefore) world.violations.push("after mending: nobody serves");
  return { seed, violations: world.violations, trace: world.trace };
}

function oneFault(world: SimWorld, random: Random, i: number): void {
  const index = random.pick([0, 1]);
  const node = world.nodes[index]!;
  const other = world.nodes[1 - index]!;
  switch (
    random.pick([
      "stop",
      "stop",
      "stop",
      "kill",
      "power",
      "carrier",
      "cable",
      "deaf",
      "loss",
      "move",
      "move",
      "moveAndStop",
      "moveAndKill",
    ])
  ) {
    case "stop":
      return world.stop(
        index,
        random.chance(0.5) ? random.between(1 * MS, 30 * MS) : random.between(30 * MS, 800 * MS),
      );
    case "kill":
      if (!node.powered) return world.powerOn(index);
      return node.core === null ? world.start(index) : world.kill(index);
    case "power":
      if (!other.powered) return;
      return node.powered ? world.powerOff(index) : world.powerOn(index);
    case "carrier":
      // Without the cable as well the nodes could not tell a split from a death: that needs an arbiter, and is not played.
      if (!world.links.cable || world.links.deaf.includes(true)) return;
      return world.setCarrier(index, !node.carrier);
    case "cable":
      if (world.nodes.some((one) => !one.carrier)) return;
      world.links.cable = !world.links.cable;
      world.log(`cable ${world.links.cable}`);
      return;
    case "deaf":
      if (world.nodes.some((one) => !one.carrier)) return;
      world.links.deaf[index] = !world.links.deaf[index];
      world.log(`filter from ${index} ${world.links.deaf[index]}`);
      return;
    case "loss":
      world.links.lossShare = random.pick([0, 0.05, 0.3]);
      return world.log(`loss ${world.links.lossShare}`);
    case "move":
      return world.switchover(index, 100 + i);
    case "moveAndStop":
      world.switchover(index, 100 + i);
      return world.at(
        world.now + random.between(0, 5 * MS),
        () => world.stop(random.pick([0, 1]), random.between(1 * MS, 200 * MS)),
      );
    case "moveAndKill":
      world.switchover(index, 100 + i);
      return world.at(world.now + random.between(0, 5 * MS), () => world.kill(random.pick([0, 1])));
  }
}

function mend(world: SimWorld): void {
  world.log("mended");
  world.slowTakes.share = 0;
  world.links.cable = true;
  world.links.deaf[0] = world.links.deaf[1] = false;
  world.links.lossShare = 0;
  for (const node of world.nodes) {
    if (!node.carrier) world.setCarrier(node.index, true);
    if (!node.powered) world.powerOn(node.index);
    else if (node.core === null) world.start(node.index);
  }
}
