/** A node that is cut off from the other one with its carriers up, and questions to both on whichever side they are. */
import { run } from "../../control/lab/command.ts";
import { inNamespace } from "../../control/lab/link_switch.ts";
import { type NodeName, NODES, SERVICE_V4 } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { parseIp } from "../../kernel_ffi/address.ts";
import { encodeArpRequest } from "../../kernel_ffi/arp.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";

/** Out of the switch and into it: the port keeps its carrier. */
async function plug(world: World, node: NodeName, into: boolean): Promise<void> {
  const bridge = into ? ["master", "br0"] : ["nomaster"];
  await run("ip", "-n", world.net.switch, "link", "set", `p-${node}`, ...bridge);
}

/** From the LAN and the cable. */
export async function cutOff(world: World, node: NodeName): Promise<void> {
  await world.cable(false);
  await plug(world, node, false);
}

export async function mend(world: World, node: NodeName): Promise<void> {
  await plug(world, node, true);
  await world.cable(true);
}

/** Asks both nodes for the address all the time, each at its own port: who may speak does, on whichever side of a cut it is. */
export function askBoth(world: World): { stop(): void } {
  const question = (mac: Uint8Array) => encodeArpRequest(mac, parseIp("10.77.0.77")!, parseIp(SERVICE_V4)!);
  const ports = inNamespace(
    world.net.switch,
    () => NODES.map((node) => new FrameSocket({ interface: `p-${node}`, etherType: SEND_ONLY })),
  );
  const questions = ports.map(({ mac }) => question(mac));
  const timer = setInterval(() => ports.forEach((port, i) => port.send(questions[i]!, questions[i]!.length, 0)), 1);
  return {
    stop: () => {
      clearInterval(timer);
      for (const port of ports) port.close();
    },
  };
}
