/**
 * How tight the timing may be on these machines, from the delays that were counted. Pure.
 *
 * The model, in plain words. A delay is what a heartbeat came later than it was due; it has nothing to do with how often heartbeats are
 * sent. So under a profile with the heartbeat interval H, a delay of D would have been a silence of H + D:
 *
 * - **suspicion**: H + D reaches `suspect`;
 * - **takeover**: H + D reaches `dead_after` *and* the lease has ended by then, for until then the peer's kernel answers the probes
 *   although its daemon is late;
 * - **lapse**: of this node's own lease, when a refresh came so late that H + D reaches `lease` less one tick of the kernel, which is
 *   how much shorter a lease can live.
 *
 * Real faults are in it as far as the peer's daemon survived them: a daemon that was stopped for a second is a delay of a second.
 * Restarts and silences above ten seconds are not.
 */
import { PROFILES } from "../../config/profiles.ts";
import { HEARTBEAT_MIN_US, probeIntervalUs } from "../../config/timing_relations.ts";
import { countAtLeast, quantileUs, type Spread, totalOf } from "../core/histogram.ts";
import { type JitterRow, mergeJitter } from "../core/jitter.ts";
import { JIFFY_US } from "../core/limits.ts";

/** The part of the timing that delays have to do with. Microseconds. */
export interface DetectorTimes {
  readonly heartbeat_us: number;
  readonly lease_us: number;
  readonly suspect_us: number;
  readonly dead_after_us: number;
}

export interface ProfileFloor extends DetectorTimes {
  readonly profile: string;
  readonly suspicions: number;
  readonly takeovers: number;
  readonly lapses: number;
}

export interface DelaysSeen {
  readonly counted: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly max_us: number;
}

/** Answer of `GET /v1/floor` and `segue floor --json`. */
export interface Floor {
  /** How far back was asked, and for how much of it there is something. */
  readonly hours: number;
  readonly seen_s: number;
  readonly heartbeats: DelaysSeen;
  readonly links: Readonly<Record<string, DelaysSeen>>;
  readonly wakes: DelaysSeen;
  readonly leases: DelaysSeen;
  /** Silences above ten seconds of a peer that had not been restarted. */
  readonly outages: number;
  readonly profiles: readonly ProfileFloor[];
  /** The tightest times that would have had no suspicion, no takeover and no lapse, for some heartbeat intervals. */
  readonly tightest: readonly DetectorTimes[];
}

const HEARTBEATS_US = [HEARTBEAT_MIN_US, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

/** @param current the times of the running configuration, where they are known */
export function floorOf(rows: readonly JitterRow[], hours: number, current?: DetectorTimes): Floor {
  const seen = mergeJitter(rows);
  const profiles = Object.values(PROFILES).map(({ profile, heartbeatUs, leaseUs, suspectUs, deadAfterUs }) =>
    judge(profile, {
      heartbeat_us: heartbeatUs,
      lease_us: leaseUs,
      suspect_us: suspectUs,
      dead_after_us: deadAfterUs,
    }, seen)
  );
  return {
    hours,
    seen_s: rows.reduce((sum, { seconds }) => sum + seconds, 0),
    heartbeats: describe(seen.heard),
    links: Object.fromEntries(Object.entries(seen.links).map(([name, spread]) => [name, describe(spread)])),
    wakes: describe(seen.wakes),
    leases: describe(seen.leases),
    outages: seen.outages,
    profiles: current === undefined ? profiles : [judge("configured", current, seen), ...profiles],
    tightest: HEARTBEATS_US.map((heartbeatUs) => tightest(heartbeatUs, seen.heard.maxUs, seen.leases.maxUs)),
  };
}

function judge(
  profile: string,
  times: DetectorTimes,
  seen: { readonly heard: Spread; readonly leases: Spread },
): ProfileFloor {
  const { heartbeat_us: beat, lease_us: lease, suspect_us: suspect, dead_after_us: dead } = times;
  return {
    profile,
    heartbeat_us: beat,
    lease_us: lease,
    suspect_us: suspect,
    dead_after_us: dead,
    suspicions: countAtLeast(seen.heard, suspect - beat),
    takeovers: countAtLeast(seen.heard, Math.max(dead, lease) - beat),
    lapses: countAtLeast(seen.leases, lease - JIFFY_US - beat),
  };
}

/** Within the relations that config/timing_relations.ts asks for, in whole milliseconds. */
function tightest(beat: number, heardMaxUs: number, leaseMaxUs: number): DetectorTimes {
  const suspect = Math.max(wholeMs(2 * beat), msAbove(beat + heardMaxUs));
  return {
    heartbeat_us: beat,
    lease_us: Math.max(wholeMs(3 * beat + JIFFY_US), msAbove(beat + leaseMaxUs + JIFFY_US)),
    suspect_us: suspect,
    dead_after_us: wholeMs(suspect + 2 * probeIntervalUs(suspect)),
  };
}

function wholeMs(us: number): number {
  return Math.ceil(us / 1000) * 1000;
}

/** The least whole millisecond that is more. */
function msAbove(us: number): number {
  return (Math.floor(us / 1000) + 1) * 1000;
}

function describe(spread: Spread): DelaysSeen {
  return {
    counted: totalOf(spread),
    p50_us: quantileUs(spread, 0.5),
    p99_us: quantileUs(spread, 0.99),
    max_us: spread.maxUs,
  };
}
