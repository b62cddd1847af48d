/** What can happen to pairs that have more than two machines to ask: a gateway, a power switch. */
import type { Fault } from "./faults.ts";
import { pathsWhole } from "./faults.ts";
import type { Random } from "./random.ts";
import type { Settings } from "./settings.ts";
import type { SimWorld } from "./world.ts";

const MS = 1000;

/** The gateway is restarted: while the nodes hear each other nothing of it may be felt. */
function gatewayDown(world: SimWorld, random: Random): void {
  world.log("the gateway is gone");
  world.gateway.up = false;
  world.later(random.int(50 * MS, 3000 * MS), () => {
    world.log("the gateway is back");
    world.gateway.up = true;
  });
}

/** Cut off on every way, LAN and cable, the gateway on one part: two nodes that have it to ask can tell. */
function cutOff(world: SimWorld, random: Random): void {
  if (!pathsWhole(world) || !world.isCalm() || world.nodes.some(({ frozen }) => frozen)) return;
  world.gateway.side = random.pick([0, 1]);
  world.log(`the gateway is on the part of ${"ab"[world.gateway.side]}`);
  world.setSplit(true);
  world.setCable(false);
  world.later(Math.round(world.scale * random.int(100 * MS, 800 * MS)), () => {
    world.setSplit(false);
    world.setCable(true);
  });
}

/** And often somebody is lost at the same time. */
function powerSwitchFails(world: SimWorld, random: Random): void {
  world.power.state = random.pick(["works", "fails", "fails", "hangs"]);
  world.log(`the power switch ${world.power.state}`);
  const [primary] = world.primaries();
  if (primary === undefined || random.chance(0.4)) return;
  if (random.chance(0.5)) world.kill(primary);
  else world.stop(primary, Math.round(world.scale * random.int(200 * MS, 1500 * MS)));
}

/** Of these settings' own, and so often. */
export function moreFaults(settings: Settings): Fault[] {
  return [
    ...(settings.gateway ? [gatewayDown, gatewayDown, cutOff, cutOff, cutOff, cutOff] : []),
    ...(settings.fencing ? [powerSwitchFails, powerSwitchFails, powerSwitchFails] : []),
  ];
}
