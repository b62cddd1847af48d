/**
 * Histories of a pair on a shared wire, by seed: clients send, the primary is lost in one of several ways, and no packet may be. What was answered
 * since its last sign of life may be answered once more.
 */
import { type Outcome, settingsOf } from "./history.ts";
import { judgeWire } from "./shared_wire.ts";
import { type Hooks, SimWorld } from "./world.ts";

const MS = 1000;
const LOSSES = 4;
/** Wakes that come late, looks at the queue between two beats, and the way of a heartbeat. */
const SLACK_US = 10 * MS;

/** @param onTrace called with each line of the trace */
export async function playCrashes(
  seed: number,
  hooks: Hooks = {},
  onTrace: (line: string) => void = () => {},
): Promise<Outcome> {
  const world = new SimWorld(seed, {
    ...settingsOf(seed, hooks),
    servicesFail: null,
    shared: true,
    gateway: false,
    fencing: false,
  });
  world.onTrace = onTrace;
  world.start(0);
  world.start(1);
  for (let i = 0; i < LOSSES && world.referee.violations.length === 0; i++) {
    await settle(world);
    if (world.referee.violations.length === 0) await lose(world);
  }
  const { referee, trace, now } = world;
  return { seed, violations: referee.violations, trace, simulatedUs: now, excused: referee.excused };
}

async function settle(world: SimWorld): Promise<void> {
  const endUs = world.now + 4_000 * MS + 2 * world.limits.startWaitUs;
  while (world.now < endUs && world.referee.violations.length === 0) {
    await world.run(20 * MS);
    if (world.isCalm()) return;
  }
  if (world.referee.violations.length === 0) world.referee.violate("not settled");
}

/** The primary is lost while clients send; then it is back. */
async function lose(world: SimWorld): Promise<void> {
  const { limits, random, wire, referee } = world, [primary] = world.primaries();
  const how = random.pick(["power", "power", "kill", "stop", "nothing"] as const);
  const heir = world.nodes[1 - primary!]!;
  wire.begin(random.pick([100, 200, 500]));
  await world.run(random.int(2, 8) * limits.heartbeatUs + random.int(0, limits.heartbeatUs));
  if (how === "power") world.powerOff(primary!);
  else if (how === "kill") world.kill(primary!);
  else if (how === "stop") world.stop(primary!, 6 * limits.leaseUs);
  const endUs = world.now + limits.deadAfterUs + limits.leaseUs + 8 * limits.probeUs + 60 * MS;
  while (world.now < endUs && referee.violations.length === 0) await world.run(5 * MS);
  if (referee.violations.length > 0) return;
  if (how !== "nothing" && !heir.speaks(world.now)) return referee.violate(`${heir.name} does not serve after ${how}`);
  const untilUs = world.now;
  await world.run(2 * limits.heartbeatUs + 2 * MS);
  // A kernel whose daemon is dead serves on for a lease.
  const livesUs = how === "power" ? 0 : how === "nothing" ? -Infinity : limits.leaseUs;
  // A look at the queue that comes too late for the heartbeat that it was for counts with the next one.
  const twiceUs = Math.max(0, 2.25 * limits.heartbeatUs + SLACK_US + livesUs);
  const problem = judgeWire(wire, untilUs, how === "nothing" ? 0 : twiceUs);
  wire.everyUs = Infinity;
  if (problem !== null) return referee.violate(`after ${how}: ${problem}`);
  await world.run(6 * limits.leaseUs);
  if (!world.nodes[primary!]!.powered) world.powerOn(primary!);
  else world.start(primary!);
}
