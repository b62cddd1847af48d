/** How the times must fit together, with the arithmetic in the message. The core asserts the same in control/core/limits.ts. */
import { JIFFY_US } from "../control/core/limits.ts";
import type { Placed } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import type { Timing } from "./model.ts";
import type { KeyPath } from "./problem.ts";
import { DEFAULT_PROFILE, PROFILES } from "./profiles.ts";
import type { TIMING } from "./schema.ts";
import type { Report } from "./table.ts";

type TimeKey = Exclude<keyof typeof TIMING, "profile">;

const FIELDS = {
  heartbeat: "heartbeatUs",
  lease: "leaseUs",
  suspect: "suspectUs",
  dead_after: "deadAfterUs",
  drain: "drainUs",
  barrier: "barrierUs",
  start_wait: "startWaitUs",
} as const satisfies Record<TimeKey, Exclude<keyof Timing, "profile">>;

export const HEARTBEAT_MIN_US = 1_000;
/** Below this a lease lapses with every stall of two jiffies. */
export const LEASE_CALM_US = 5 * JIFFY_US;
/** Longest drain and barrier together: packets are held that long, and the hold ends by itself after two seconds. */
export const SWITCH_MAX_US = 1_000_000;
/** No time may be so long that the kernel's or the wire's 32 bits of microseconds end. */
export const TIME_MAX_US = 600_000_000;

/** The profile's times with the single keys of the file over them. */
export function mergeTiming(timing: Placed<typeof TIMING>): Timing {
  const merged: Record<string, unknown> = { ...PROFILES[timing.keys.profile ?? DEFAULT_PROFILE] };
  for (const [key, field] of Object.entries(FIELDS) as [TimeKey, string][]) {
    const own = timing.keys[key];
    if (own !== undefined) merged[field] = own;
  }
  return merged as unknown as Timing;
}

/** Between two probes of a suspected peer's address. */
export function probeIntervalUs(suspectUs: number): number {
  return Math.max(1_000, suspectUs / 4);
}

/**
 * What a gateway's answer may take, so that a primary that is cut off has given up when the other node takes over. That one may have heard
 * the last heartbeat a whole interval earlier.
 */
export function gatewayTimeoutUs({ heartbeatUs, suspectUs, deadAfterUs }: Timing, fall: number): number {
  return Math.max(1_000, Math.floor((deadAfterUs - suspectUs - heartbeatUs) / fall));
}

export function checkTiming(report: Report, timing: Placed<typeof TIMING>): void {
  const times = new Times(report, timing);
  checkRange(times);
  checkHeartbeat(times);
  checkLease(times);
  checkSuspect(times);
  checkDeadAfter(times);
  checkHold(times);
  checkStart(times);
}

/** The times with what a relation needs to know about them: which are certain, and which line is to blame. */
class Times {
  readonly us: Timing;
  readonly own: Placed<typeof TIMING>["keys"];
  readonly #report: Report;
  readonly #path: KeyPath;

  constructor(report: Report, timing: Placed<typeof TIMING>) {
    this.us = mergeTiming(timing);
    this.own = timing.keys;
    this.#report = report;
    this.#path = timing.path;
  }

  /** A relation is checked only where all of its times could be read. */
  known(...keys: TimeKey[]): boolean {
    return keys.every((key) => this.#isGood(key) && (this.own[key] !== undefined || this.#isGood("profile")));
  }

  /** The first of `keys` that the file sets itself gets the blame, else the profile. */
  error(keys: readonly TimeKey[], reason: string, hint: string): void {
    this.#report.error(this.#place(keys), reason, hint);
  }

  warning(keys: readonly TimeKey[], reason: string, hint: string): void {
    this.#report.warning(this.#place(keys), reason, hint);
  }

  /** Without a table all is default. In a table that was read, a bad key is missing from what came out. */
  #isGood(key: keyof typeof TIMING): boolean {
    return Object.keys(this.own).length === 0 || Object.hasOwn(this.own, key);
  }

  #place(keys: readonly TimeKey[]): KeyPath {
    return [...this.#path, keys.find((key) => this.own[key] !== undefined) ?? "profile"];
  }
}

function checkRange(times: Times): void {
  for (const key of Object.keys(FIELDS) as TimeKey[]) {
    const own = times.own[key];
    if (own !== undefined && own > TIME_MAX_US) times.error([key], `${t(own)} is longer than ${t(TIME_MAX_US)}`, "");
  }
}

function checkHeartbeat(times: Times): void {
  const { heartbeatUs } = times.us;
  if (!times.known("heartbeat") || heartbeatUs >= HEARTBEAT_MIN_US) return;
  times.error(["heartbeat"], `a heartbeat every ${t(heartbeatUs)} is more often than every 1ms`, 'write "1ms" or more');
}

function checkLease(times: Times): void {
  if (!times.known("lease", "heartbeat")) return;
  const { leaseUs, heartbeatUs } = times.us;
  const least = 3 * heartbeatUs + JIFFY_US;
  if (leaseUs < least) {
    times.error(
      ["lease", "heartbeat"],
      `a lease of ${t(leaseUs)} is shorter than 3 heartbeats and a jiffy of the kernel: ` +
        `3 × ${t(heartbeatUs)} + ${t(JIFFY_US)} = ${t(least)}`,
      `lease = "${t(least)}" or more, or a shorter heartbeat; two lost heartbeats must not silence a healthy primary`,
    );
  } else if (leaseUs < LEASE_CALM_US) {
    const jiffies = Math.floor(leaseUs / JIFFY_US);
    const [shortest, longest] = [(jiffies - 1) * JIFFY_US, jiffies * JIFFY_US];
    times.warning(
      ["lease", "heartbeat"],
      `a lease of ${t(leaseUs)} is ${jiffies} jiffies of ${t(JIFFY_US)} and lives ${t(shortest)} to ${t(longest)}`,
      `"${t(LEASE_CALM_US)}" stands short stalls of the machine and costs clients nothing`,
    );
  }
}

function checkSuspect(times: Times): void {
  if (!times.known("suspect", "heartbeat")) return;
  const { suspectUs, heartbeatUs } = times.us;
  const least = 2 * heartbeatUs;
  if (suspectUs >= least) return;
  times.error(
    ["suspect", "heartbeat"],
    `suspicion after ${t(suspectUs)} is earlier than two missed heartbeats: 2 × ${t(heartbeatUs)} = ${t(least)}`,
    `suspect = "${t(least)}" or more, or a shorter heartbeat`,
  );
}

function checkDeadAfter(times: Times): void {
  if (!times.known("suspect", "dead_after")) return;
  const { suspectUs, deadAfterUs } = times.us;
  const probe = probeIntervalUs(suspectUs);
  const least = suspectUs + 2 * probe;
  if (deadAfterUs >= least) return;
  const reason = deadAfterUs <= suspectUs
    ? `dead_after ${t(deadAfterUs)} is not longer than suspect ${t(suspectUs)}: ` +
      `the peer would be taken for dead before anybody asks`
    : `dead_after ${t(deadAfterUs)} leaves no time for two probes: ` +
      `suspect ${t(suspectUs)} + 2 × ${t(probe)} = ${t(least)} ` +
      `(a probe goes out every quarter of suspect, at least 1ms apart)`;
  times.error(["dead_after", "suspect"], reason, `dead_after = "${t(least)}" or more, or a shorter suspect`);
}

function checkHold(times: Times): void {
  if (!times.known("drain", "barrier")) return;
  const { drainUs, barrierUs } = times.us;
  const sum = drainUs + barrierUs;
  if (sum <= SWITCH_MAX_US) return;
  times.error(
    ["drain", "barrier"],
    `packets would be held too long in a switchover: ` +
      `drain ${t(drainUs)} + barrier ${t(barrierUs)} = ${t(sum)}, more than ${t(SWITCH_MAX_US)}`,
    "clients send again after 200ms; a few milliseconds each are enough",
  );
}

function checkStart(times: Times): void {
  if (!times.known("start_wait", "dead_after")) return;
  const { startWaitUs, deadAfterUs } = times.us;
  if (startWaitUs >= deadAfterUs) return;
  times.error(
    ["start_wait", "dead_after"],
    `start_wait ${t(startWaitUs)} is shorter than dead_after ${t(deadAfterUs)}: a node that starts would take over ` +
      `before it can know that its peer is silent`,
    `start_wait = "${t(deadAfterUs)}" or more`,
  );
}
