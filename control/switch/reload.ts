/** What a running node takes over from a new file. What both nodes must agree on needs a restart, and the main thread has made sure. */
import type { PairConfig } from "../../config/model.ts";
import { createFencing } from "../core/fencing.ts";
import type { NodeState } from "../core/node.ts";
import { gatewaySetup } from "./gateways.ts";
import type { SwitchPlan } from "./plan.ts";

/** Preferences, fencing and the pace of questions; the times of the core are an event of their own. */
export function applyReload(node: NodeState, plan: SwitchPlan, config: PairConfig): void {
  const fences = config.nodes[1 - plan.self]!.fence !== undefined;
  node.fencing = fences ? node.fencing ?? createFencing() : null;
  for (const group of config.groups) {
    const known = node.groups.find((one) => one.name === group.name);
    if (known === undefined) continue;
    known.preferSelf = group.prefer === plan.name;
    known.preempt = group.preempt;
    // Which one it is stands in the digest; how often it is asked may change.
    if (known.gateway !== null) Object.assign(known.gateway, gatewaySetup(group).gateway);
  }
}
