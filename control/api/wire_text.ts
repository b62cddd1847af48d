/** A shared wire for people: which wire is in force, what both nodes see of it, what waits in the shadow. Pure. */
import type { GroupSnapshot } from "../core/messages.ts";
import { durationText } from "./units.ts";

/** Without a line break; null for a group without a shared wire. Why it does not work is said by the alarm. */
export function wireText({ wire, shadow }: Pick<GroupSnapshot, "wire" | "shadow">): string | null {
  if (wire === undefined) return null;
  const rate = (seen: number | null) => seen === null ? "-" : `${seen}`;
  const force = wire.in_force === "shared" ? "shared" : "announce, as the shared one does not work here";
  const seen = `frames a second here ${rate(wire.seen)}, at the peer ${rate(wire.peer_seen)}`;
  const oldest = shadow === undefined || shadow.now === 0
    ? ""
    : `, the oldest ${durationText(shadow.oldest_ms * 1000)} old`;
  const kept = shadow === undefined ? "" : `; in the shadow ${shadow.now} packets${oldest}`;
  return `${force}; ${seen}${kept}`;
}
