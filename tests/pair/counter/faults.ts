/** What happens to the pair under the counter, and when it is ready for the next. */
import { ApiClient } from "../../../control/api/client.ts";
import type { ReceiptJson, StatusJson } from "../../../control/api/json.ts";
import { SOCKET_NAME } from "../../../control/api/socket.ts";
import { type NodeName, NODES } from "../../../control/lab/topology.ts";
import type { World } from "../../../control/lab/world.ts";
import { libc } from "../../../kernel_ffi/libc.ts";
import { other, sleep } from "../pair.ts";

const SIGKILL = 9;
const READY_MS = 30_000;

/** Resolves with its time in milliseconds. */
export async function move(world: World): Promise<number> {
  const from = (await world.primary())!;
  const receipt = await world.switchover(from, other(from));
  if (receipt.outcome !== "done") throw new Error(`move from ${from}: ${receipt.outcome}: ${receipt.reason}`);
  return receipt.duration_us / 1000;
}

/** @param withServices with all that it has started, as by a power cut; else the daemon's own processes alone */
export async function kill(world: World, node: NodeName, withServices: boolean): Promise<void> {
  const services = withServices ? (await statusOf(world, node)).groups[0]!.services : [];
  strike(world, node, services);
  await world.daemon(node).ended;
}

type Services = StatusJson["groups"][number]["services"];

/** The signals alone. */
function strike(world: World, node: NodeName, services: Services): void {
  world.daemon(node).signal("SIGKILL");
  // Each leads a session of its own.
  for (const { pid } of services) if (pid !== undefined) libc().kill(-pid, SIGKILL);
}

/** A move in whose midst a node dies: after `afterMs`, whatever has been done by then. */
export async function moveAndKill(world: World, victim: NodeName, afterMs: number): Promise<void> {
  const from = (await world.primary())!;
  const { services } = (await statusOf(world, victim)).groups[0]!;
  // It may be done, called off, or have lost who was asked.
  const moving = world.switchover(from, other(from)).then(() => {}, () => {});
  await sleep(afterMs);
  strike(world, victim, services);
  await Promise.all([moving, world.daemon(victim).ended]);
}

/** Like `World.status`, but says why there is none. */
async function statusOf(world: World, node: NodeName): Promise<StatusJson> {
  const client = new ApiClient(`${world.runDir(node)}/${SOCKET_NAME}`);
  try {
    return await client.status();
  } finally {
    client.close();
  }
}

/** Until the failover's receipt is there; resolves with its time in milliseconds. */
export async function takenOver(world: World, node: NodeName): Promise<number> {
  let receipt: ReceiptJson | null | undefined;
  await world.until(
    async () => {
      const group = (await world.status(node))?.groups[0];
      receipt = group?.last_switch;
      return group?.role === "primary" && receipt?.epoch === group.epoch && receipt.outcome === "done";
    },
    READY_MS,
    `${node} to take over`,
  );
  return receipt!.duration_us / 1000;
}

/** Until a node serves, however it came to that: what was begun may have been called off. */
export async function serves(world: World, node: NodeName): Promise<void> {
  await world.until(async () => await world.role(node) === "primary", READY_MS, `${node} to serve`);
}

/** One serves, the other one could take over: in step, and with a healthy service. */
export async function ready(world: World): Promise<void> {
  let lacking = "";
  await world.until(
    async () => {
      lacking = await lack(world);
      return lacking === "";
    },
    READY_MS,
    () => `the pair to be ready: ${lacking}`,
  );
}

async function lack(world: World): Promise<string> {
  const all = await Promise.all(NODES.map((node) => world.status(node)));
  const groups = all.map((it) => it?.groups[0]);
  if (groups.map((group) => group?.role).toSorted().join() !== "primary,standby") {
    return `roles are ${groups.map((group) => group?.role)}`;
  }
  for (const [i, group] of groups.entries()) {
    const node = NODES[i]!;
    if (!group!.eligible) return `${node} is not eligible: ${group!.eligible_reason}`;
    const ill = group!.services.find(({ healthy }) => healthy !== true);
    if (ill !== undefined) return `service ${ill.name} of ${node} is ${ill.state}`;
    if (group!.state.lsn > 0 && group!.state.sync !== "synced") return `state of ${node} is ${group!.state.sync}`;
  }
  return "";
}
