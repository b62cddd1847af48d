/** Three sets of times that fit together. A single key in `[timing]` overrides the profile's. */
import type { ProfileName, Timing } from "./model.ts";

const MS = 1_000;

export const DEFAULT_PROFILE: ProfileName = "lan";

export const PROFILES: Readonly<Record<ProfileName, Timing>> = {
  /** Two nodes side by side on quiet machines: a takeover within 10 ms or so. */
  fast: {
    profile: "fast",
    heartbeatUs: 2 * MS,
    leaseUs: 20 * MS,
    suspectUs: 6 * MS,
    deadAfterUs: 10 * MS,
    drainUs: 500,
    barrierUs: 1 * MS,
    startWaitUs: 300 * MS,
  },
  /** The default: stands stalls of 40 ms, as shared virtual machines have them. */
  lan: {
    profile: "lan",
    heartbeatUs: 10 * MS,
    leaseUs: 60 * MS,
    suspectUs: 30 * MS,
    deadAfterUs: 50 * MS,
    drainUs: 2 * MS,
    barrierUs: 3 * MS,
    startWaitUs: 500 * MS,
  },
  /** Paths with tens of milliseconds of delay, or machines that pause that long. */
  wan: {
    profile: "wan",
    heartbeatUs: 100 * MS,
    leaseUs: 600 * MS,
    suspectUs: 300 * MS,
    deadAfterUs: 500 * MS,
    drainUs: 5 * MS,
    barrierUs: 20 * MS,
    startWaitUs: 3_000 * MS,
  },
};
