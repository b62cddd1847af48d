/** What segue promises to clients, held against what one of them saw. Pure. */
import type { Outcome } from "./conduct.ts";
import { GAP_MS_MAX } from "./scenarios.ts";

/** Broken promises, in words; none if all is well. */
export function brokenPromises(outcome: Omit<Outcome, "problems">): string[] {
  const { scenario, cast, udp, udp6, tcp, ownership, owners } = outcome;
  const problems: string[] = [];
  for (const { node, frames } of ownership.intrusions) {
    problems.push(`${node} spoke as the address although it was not its own (${frames} frames; ${ownership.order})`);
  }
  if (ownership.missed > 0) problems.push(`the watcher missed ${ownership.missed} frames: one owner is not proven`);
  const expected = scenario.moves ? [cast.primary, cast.standby] : [cast.primary];
  if (owners.length > expected.length) problems.push(`the address moved without need: ${owners.join(" → ")}`);
  const moved = ownership.reigns.some((reign) => reign.node === cast.standby);
  if (scenario.moves && !moved) problems.push(`${cast.standby} never spoke as the address`);
  for (const [name, seen] of [["IPv4", udp], ["IPv6", udp6]] as const) {
    if (seen.lost > 0 && !scenario.mayLose) problems.push(`${seen.lost} of ${seen.sent} ${name} packets lost`);
    if (seen.reordered > 0) problems.push(`${seen.reordered} ${name} packets out of order`);
    if (seen.duplicates > 0) problems.push(`${seen.duplicates} ${name} packets answered twice`);
    if (seen.longestGapMs > GAP_MS_MAX) problems.push(`no ${name} answer for ${seen.longestGapMs} ms`);
  }
  // A connection ends with the kernel that holds its state; where nothing moves, nothing may end.
  if (tcp.connects > 1 && !scenario.moves) problems.push(`the TCP connection broke: ${tcp.connects} were needed`);
  return problems;
}
