/** What a service interface stands on. */
import { readdirSync } from "node:fs";

/**
 * Interfaces beneath a service interface (ports of a bridge or bond, the parent of a VLAN or macvlan): its frames go
 * through them, so they must not be gated on their own.
 */
export function lowerInterfaces(name: string): readonly string[] {
  const own: string[] = [];
  try {
    for (const entry of readdirSync(`/sys/class/net/${name}`)) if (entry.startsWith("lower_")) own.push(entry.slice(6));
  } catch {
    // No sysfs, or the interface has just gone: then nothing is known to be beneath it.
  }
  return own.flatMap((lower) => [lower, ...lowerInterfaces(lower)]);
}
