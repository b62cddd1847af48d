/** Which rights this process has, as the daemon would have them if the same user started it. */
import { type Capability, missingCapabilities } from "../../kernel_ffi/capabilities.ts";
import type { Problem } from "../problem.ts";
import { hostProblem } from "./context.ts";

/** What segue cannot run without, and what for. */
const NEEDED = {
  CAP_NET_ADMIN: "rules, addresses, packet queue",
  CAP_NET_RAW: "probes, announcements, lease frames",
} as const satisfies Partial<Record<Capability, string>>;

/** What it runs worse without. */
const WANTED = {
  CAP_SYS_NICE: "a real-time priority: without it a busy machine wakes the switch late",
} as const satisfies Partial<Record<Capability, string>>;

export function checkRights(): readonly Problem[] {
  return judgeRights(missingCapabilities(Object.keys({ ...NEEDED, ...WANTED }) as Capability[]));
}

/** Pure part; exported for tests. */
export function judgeRights(missing: readonly Capability[]): readonly Problem[] {
  return missing.flatMap((name) => {
    if (name in NEEDED) {
      const what = NEEDED[name as keyof typeof NEEDED];
      return [
        hostProblem("rights", `${name} is missing (${what})`, "run as root, or give the service this capability"),
      ];
    }
    const what = WANTED[name as keyof typeof WANTED];
    return [hostProblem("rights", `${name} is missing (${what})`, "AmbientCapabilities= in the unit", "warning")];
  });
}

/** Whether the checks that change something (in a network namespace of their own) can be made at all. */
export function mayAdministerNetwork(): boolean {
  return missingCapabilities(["CAP_NET_ADMIN"]).length === 0;
}
