/** What can happen to a pair at a random moment. Faults that together would be undecidable for two nodes alone are not played together. */
import { CABLE, LAN, type NodeIndex } from "./network.ts";
import type { Random } from "./random.ts";
import type { SimWorld } from "./world.ts";

const MS = 1000;

/** @param command gives the number of an operator's command */
export type Fault = (world: SimWorld, random: Random, command: () => number) => void;

const anyNode = (random: Random): NodeIndex => random.pick([0, 1]);

/**
 * The nodes can hear or ask each other: no port is down, no path is filtered. Only then a machine stands still, and no filter comes meanwhile:
 * it wakes with the rest of its lease, and gives way when it hears who has taken over.
 */
export function pathsWhole({ network, nodes }: SimWorld): boolean {
  return network.isWhole(CABLE) && network.isWhole(LAN) && nodes.every(({ carrier }) => carrier);
}

function stopUs({ scale }: SimWorld, random: Random): number {
  return Math.round(scale * (random.chance(0.5) ? random.int(1 * MS, 60 * MS) : random.int(30 * MS, 800 * MS)));
}

function stop(world: SimWorld, random: Random): void {
  world.stop(anyNode(random), stopUs(world, random));
}

function kill(world: SimWorld, random: Random): void {
  const index = anyNode(random), node = world.nodes[index]!;
  if (!node.powered) world.powerOn(index);
  else if (node.process === null) world.start(index);
  else world.kill(index);
}

function restart(world: SimWorld, random: Random): void {
  const index = anyNode(random);
  world.kill(index);
  world.later(random.int(1 * MS, 300 * MS), () => world.start(index));
}

/** The program is exchanged for its next version, or back. */
function upgrade(world: SimWorld, random: Random): void {
  const index = anyNode(random), node = world.nodes[index]!;
  world.terminate(index);
  world.later(random.int(50 * MS, 400 * MS), () => {
    world.kill(index);
    node.software = node.software === "1" ? "2" : "1";
    world.start(index);
  });
}

function power(world: SimWorld, random: Random): void {
  const index = anyNode(random);
  if (!world.nodes[1 - index]!.powered) return;
  if (world.nodes[index]!.powered) world.powerOff(index);
  else world.powerOn(index);
}

/**
 * A machine that stands still hears nothing meanwhile. Less than this it does not notice (`lateUs`, counted from when it wanted to be woken):
 * what it asked just before then counts as not answered. A real one's host keeps what comes for that long.
 */
function leastFreezeUs({ limits }: SimWorld): number {
  return limits.probeUs + limits.lateUs + 1 * MS;
}

function freeze(world: SimWorld, random: Random): void {
  if (!pathsWhole(world)) return;
  world.freeze(anyNode(random), leastFreezeUs(world) + stopUs(world, random), random.chance(0.5));
}

/** Mostly the node that waits: it is the one that may take what it should not. */
function waitingNode(world: SimWorld, random: Random): NodeIndex {
  const [primary] = world.primaries();
  return primary === undefined || random.chance(0.3) ? anyNode(random) : 1 - primary as NodeIndex;
}

/** A host that has no time for a machine, again and again. */
function stutter(world: SimWorld, random: Random): void {
  if (!pathsWhole(world)) return;
  const index = waitingNode(world, random);
  let at = 0;
  for (let i = 0; i < 12; i++) {
    at += random.int(50, 400);
    const us = leastFreezeUs(world) + Math.round(world.scale * random.int(0, 30 * MS));
    world.later(at, () => world.freeze(index, us, false));
    at += us;
  }
}

/** Without the cable as well the nodes could not tell a split from a death. Back not before every lease has ended. */
function port(world: SimWorld, random: Random): void {
  if (!pathsWhole(world)) return;
  const index = anyNode(random);
  world.setCarrier(index, false);
  world.later(3 * world.limits.leaseUs + random.int(0, 200 * MS), () => world.setCarrier(index, true));
}

function cable(world: SimWorld): void {
  const { nodes, network } = world;
  if (nodes.some(({ carrier }) => !carrier) || network.split) return;
  world.setCable(!network.isWhole(CABLE));
}

/** A filter, or a one-way cable: heartbeats of one direction are lost on one path, or on all. Questions about the address get through. */
function filter(world: SimWorld, random: Random): void {
  if (world.nodes.some(({ carrier, frozen }) => !carrier || frozen) || world.network.split) return;
  const from = anyNode(random), paths = random.pick([[LAN], [CABLE], [CABLE, LAN]] as const);
  const up = random.chance(0.4);
  for (const path of paths) world.network.ways[path]![from].up = up;
  world.log(
    `datagrams from ${"ab"[from]} ${up ? "pass" : "are filtered"} on ${
      paths.map((path) => path === LAN ? "the LAN" : "the cable").join(" and ")
    }`,
  );
}

/** The take of a move waits for the kernel, as long as its licence lives or longer. */
function slowTake(world: SimWorld, random: Random, command: () => number): void {
  move(world, random, command);
  world.stopBeforeStep(waitingNode(world, random), Math.round(random.between(0, 2) * world.limits.deadAfterUs));
}

/** Who serves hears nothing for a while, and is stopped for longer than its lease. */
function stopDeaf(world: SimWorld, random: Random): void {
  const [primary] = world.primaries();
  if (primary === undefined || !pathsWhole(world) || world.nodes.some(({ frozen }) => frozen)) return;
  for (const path of [CABLE, LAN] as const) world.network.ways[path]![1 - primary as NodeIndex].up = false;
  world.log(`datagrams from ${"ba"[primary]} are filtered on every path`);
  world.stop(primary, Math.round(random.between(1, 4) * world.limits.leaseUs));
}

function badWeather(world: SimWorld, random: Random): void {
  const loss = random.pick([0, 0.05, 0.3]), doubled = random.pick([0, 0.1]), jitterUs = random.pick([0, 500, 5 * MS]);
  const path = random.pick([LAN, CABLE] as const), from = anyNode(random);
  Object.assign(world.network.ways[path]![from], { loss, doubled, jitterUs });
  world.log(
    `on ${path === LAN ? "the LAN" : "the cable"} from ${
      "ab"[from]
    }: loss ${loss}, doubled ${doubled}, jitter ${jitterUs} µs`,
  );
}

/** Half of the LAN without the other half, while the cable holds: heartbeats tell who lives. */
function split(world: SimWorld, random: Random): void {
  if (!pathsWhole(world)) return;
  world.setSplit(true);
  world.later(random.int(50 * MS, 600 * MS), () => world.setSplit(false));
}

function flush(world: SimWorld, random: Random): void {
  const index = anyNode(random), { process } = world.nodes[index]!;
  if (process !== null && process.stoppedUntil <= world.now) world.flush(index);
}

function diskFull(world: SimWorld, random: Random): void {
  const node = world.nodes[anyNode(random)]!;
  node.disk.full = !node.disk.full;
  world.log(`the disk of ${node.name} ${node.disk.full ? "is full" : "has room again"}`);
}

function diskSlow(world: SimWorld, random: Random): void {
  const node = world.nodes[anyNode(random)]!;
  node.disk.slowUs = random.pick([1 * MS, 20 * MS, 300 * MS]);
  world.log(`the disk of ${node.name} takes up to ${node.disk.slowUs / MS} ms`);
}

/** Of one node, while the other one's copy is there. */
function stateLost(world: SimWorld, random: Random): void {
  if (world.isCalm()) world.loseState(anyNode(random));
}

/** Of a node whose last reign its peer knows. */
function epochsLost(world: SimWorld, random: Random): void {
  if (!world.isCalm()) return;
  const index = anyNode(random), node = world.nodes[index]!, other = world.nodes[1 - index]!;
  if (other.switchThread!.group.epoch < node.switchThread!.group.epoch) return;
  world.log(`the journal of ${node.name} and its second copy are damaged`);
  node.disk.loseEpochs();
  world.kill(index);
  world.later(50 * MS, () => world.start(index));
}

function wallClock(world: SimWorld, random: Random): void {
  const node = world.nodes[anyNode(random)]!;
  node.wallOffsetUs += random.int(-3600, 3600) * 1000 * MS;
  world.log(`the wall clock of ${node.name} jumps`);
}

/** What a reload may change on one node alone. */
function reload(world: SimWorld, random: Random): void {
  const index = anyNode(random);
  world.log(`${"ab"[index]} reloads its configuration`);
  const drainUs = random.pick([0, 500, 5 * MS]), barrierUs = random.pick([500, 3 * MS]);
  world.tell(index, {
    kind: "limits",
    limits: { ...world.limits, drainUs, drainMaxUs: Math.max(8 * drainUs, world.limits.drainMaxUs), barrierUs },
  });
}

function track(world: SimWorld, random: Random): void {
  const index = anyNode(random), ok = random.chance(0.5);
  world.log(`a track of ${"ab"[index]} ${ok ? "succeeds" : "fails"}`);
  world.track(index, ok);
}

/** While clients write. */
function move(world: SimWorld, random: Random, command: () => number): void {
  for (let i = 0; i < 4; i++) {
    world.later(
      random.int(0, 4 * MS),
      () => world.write(random.pick(["a", "b", "c"]), random.pick(["local", "replicated"])),
    );
  }
  world.switchover(anyNode(random), command());
}

/** While much is under way between the main threads: what they say to each other comes later than heartbeats do. */
function moveInQueue(world: SimWorld, random: Random, command: () => number): void {
  world.network.streamLagUs = random.int(5 * MS, 60 * MS);
  world.log(`the peer stream lags by ${world.network.streamLagUs / MS} ms`);
  world.later(100 * MS, () => world.network.streamLagUs = 0);
  move(world, random, command);
}

function moveAndStop(world: SimWorld, random: Random, command: () => number): void {
  move(world, random, command);
  world.later(random.int(0, 8 * MS), () => world.stop(anyNode(random), random.int(1 * MS, 200 * MS)));
}

function moveAndKill(world: SimWorld, random: Random, command: () => number): void {
  move(world, random, command);
  world.later(random.int(0, 8 * MS), () => world.kill(anyNode(random)));
}

/** Stopped in the very moment between a decision and its deed. */
function stopAtStep(world: SimWorld, random: Random, command: () => number): void {
  const index = waitingNode(world, random), { leaseUs } = world.limits;
  world.stopBeforeStep(index, random.int(2, 12) * leaseUs);
  if (random.chance(0.3)) move(world, random, command);
  else world.stop(1 - index as NodeIndex, Math.round(random.between(1, 3) * leaseUs));
}

function replays(world: SimWorld, random: Random): void {
  for (let i = 0; i < 10; i++) world.later(random.int(0, 300 * MS), () => world.replay());
}

function terminate(world: SimWorld, random: Random): void {
  world.terminate(anyNode(random));
}

/** The likelier ones stand there more than once. */
export const faults: readonly Fault[] = [
  stop,
  stop,
  stop,
  kill,
  kill,
  restart,
  restart,
  power,
  freeze,
  stutter,
  port,
  cable,
  cable,
  filter,
  filter,
  badWeather,
  badWeather,
  split,
  flush,
  diskFull,
  diskSlow,
  stateLost,
  epochsLost,
  wallClock,
  reload,
  track,
  upgrade,
  terminate,
  move,
  move,
  moveInQueue,
  moveAndStop,
  moveAndKill,
  stopAtStep,
  stopAtStep,
  stopDeaf,
  slowTake,
  replays,
];
