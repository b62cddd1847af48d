/**
 * The gateway of the service LAN: a third machine that nodes ask whether it is there (`track = [{ gateway = "…" }]`). What it means for a node is
 * `control/core/gateway.ts`; here are the machine and its place on the LAN.
 */
import { gatewayTimeoutUs } from "../../config/timing_relations.ts";
import type { CoreTiming } from "../../control/core/limits.ts";
import type { GatewaySetup } from "../../control/core/gateway.ts";
import type { NodeIndex } from "./network.ts";
import type { SimNode } from "./node.ts";

/** As the configuration has it where the file says no more than the address: `GATEWAY_DEFAULTS`. */
const EVERY_US = 1_000_000;
const FALL = 2;

export function gatewaySetup(timing: CoreTiming): GatewaySetup {
  return {
    address: "10.77.0.254",
    interface: "veth0",
    everyUs: EVERY_US,
    timeoutUs: gatewayTimeoutUs({ ...timing, profile: "lan" }, FALL),
    fall: FALL,
  };
}

export class SimGateway {
  up = true;
  /** On whose part of a LAN that is in two it stands. */
  side: NodeIndex = 0;

  /** Whether it hears the node, and the node hears it. */
  reaches(node: SimNode, split: boolean): boolean {
    return this.up && node.powered && node.carrier && !node.frozen && (!split || node.index === this.side);
  }
}
