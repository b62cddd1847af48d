/** `segue floor` for people. Pure. */
import { durationText, spanText, tableText } from "../api/units.ts";
import type { DelaysSeen, DetectorTimes, Floor } from "./floor.ts";

/** Less than this says little about a day. */
const LITTLE_S = 3600;

/** Ends with a line break. */
export function floorText(floor: Floor): string {
  if (floor.heartbeats.counted === 0) {
    return `nothing was counted in the last ${floor.hours} h: the peer was not heard, or segue ran for less than a minute\n`;
  }
  const { seen_s: seen, hours, heartbeats, wakes, leases, outages } = floor;
  const little = seen < LITTLE_S ? ": little to go by" : "";
  return [
    `the last ${hours} h, of which ${spanText(seen * 1000)} were seen${little}\n` +
    `heartbeats of the peer: ${lateText(heartbeats)}\n` +
    Object.entries(floor.links).map(([name, link]) => `  by ${name}: ${lateText(link)}\n`).join("") +
    `own wakes: ${lateText(wakes)}\n` +
    (leases.counted === 0 ? "" : `refreshes of own leases: ${lateText(leases)}\n`) +
    (outages === 0 ? "" : `${outages} silences above 10 s, which count for no delay\n`),
    "what these delays would have done:\n" + tableText([
      ["PROFILE", ...TIMES, "SUSPICIONS", "TAKEOVERS", "OWN LAPSES"],
      ...floor.profiles.map((
        it,
      ) => [it.profile, ...timeCells(it), `${it.suspicions}`, `${it.takeovers}`, `${it.lapses}`]),
    ]),
    "the tightest times that would have had none of it (leave a margin):\n" +
    tableText([TIMES, ...floor.tightest.map(timeCells)]),
    "This is what this node saw. The other one has its own view: ask it too, and go by the longer times.\n",
  ].join("\n");
}

const TIMES = ["HEARTBEAT", "LEASE", "SUSPECT", "DEAD_AFTER"];

function timeCells(it: DetectorTimes): string[] {
  return [it.heartbeat_us, it.lease_us, it.suspect_us, it.dead_after_us].map((us) => `${us / 1000}ms`);
}

function lateText({ counted, p99_us: p99, max_us: max }: DelaysSeen): string {
  if (counted === 0) return "none";
  return `${counted}, 99 % at most ${durationText(p99)} late, the latest ${durationText(max)}`;
}
