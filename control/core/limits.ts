/** Every number that the pure core goes by, in one place, with the relations that must hold between them. Microseconds. */

/** The part of the configured timing that the core needs; the same shape as the configuration's. */
export interface CoreTiming {
  readonly heartbeatUs: number;
  readonly leaseUs: number;
  readonly suspectUs: number;
  readonly deadAfterUs: number;
  readonly drainUs: number;
  readonly barrierUs: number;
  readonly startWaitUs: number;
}

export interface Limits extends CoreTiming {
  /** Beat of a node that is standby in all groups: nobody waits for it, and answers leave at once anyway. */
  readonly slowBeatUs: number;
  /** Between two probes, and so the time that a living kernel has for its answer. */
  readonly probeUs: number;
  /** Between two probes while they are answered: the peer lives, only its heartbeats are lost. */
  readonly answeredProbeUs: number;
  /** So long another node that asks for the same address has the first turn, whatever becomes of it. */
  readonly deferMaxUs: number;
  /** A wake that comes later than this voids the probes before it: who slept proves nothing. */
  readonly lateUs: number;
  /** Between two requests for consent, or two questions whether the address is still free. */
  readonly askUs: number;
  /** How long a question licenses a take in this kernel: less than the silence after which the peer, who consented, takes over itself. */
  readonly licenceUs: number;
  /** The peer's word releases an address to this node if it answers a question that is not older than this (`questions.ts`). */
  readonly answerMaxUs: number;
  /** Services that have not read all requests get more than `drain`, up to this. */
  readonly drainMaxUs: number;
  /** Longest time that packets may be held for one switchover. */
  readonly prepareMaxUs: number;
  /** The same where services, followers or state have to be waited for: the operator's time-out decides before this does. */
  readonly serveMaxUs: number;
  /** The old node passes stragglers on for at least this long. */
  readonly passUs: number;
  /** A peer that has not been heard for this long does not count as alive in a decision. */
  readonly aliveUs: number;
  /** Before a primary whose node is not eligible offers the group to the peer again. */
  readonly offerRetryUs: number;
  /** How long a preferred node watches a healthy pair before it takes the group back (`preempt`). */
  readonly preemptAfterUs: number;
}

/** One tick of the kernel at HZ=250; leases live N-1 to N of these. */
export const JIFFY_US = 4000;
/** Unanswered probes in a row that a takeover needs. */
export const PROBES_NEEDED = 2;
/**
 * And for a node that has just lost its own lease: it cannot tell a dead peer from one that only is not heard, and that
 * one may be asking at the same time. It has the first turn; a node that serves answers long before this many.
 */
export const PROBES_NEEDED_FENCED = 8;
/** Epochs are numbers of 32 bits on the wire. */
export const EPOCH_MAX = 0xffff_ffff;
/** Ask the journal for more when fewer than this many reserved epochs are left. */
export const EPOCHS_LOW = 500;

/** Services that are slow to read get this many times `drain`, or `STARVED_US`; but no longer than a second, unless `drain` itself is. */
const DRAIN_TIMES_MAX = 8;
const DRAIN_STRETCHED_MAX_US = 1_000_000;
/** A switchover without its drain takes less than this, also on a busy machine. */
const PREPARE_MIN_US = 250_000;

/** A quiet standby beats this many times slower than a primary: each of its beats wakes both nodes. */
const SLOW_BEATS = 8;

/**
 * A service on a busy machine may get no time for so long (40 ms were seen on two busy cores). Its move waits: a longer gap of a planned
 * move is mended by nobody's retransmission, a lost request is.
 */
const STARVED_US = 100_000;

export function planLimits(timing: CoreTiming): Limits {
  const probeUs = Math.max(1000, timing.suspectUs / 4);
  const drainMaxUs = Math.max(
    STARVED_US,
    Math.min(DRAIN_TIMES_MAX * timing.drainUs, Math.max(timing.drainUs, DRAIN_STRETCHED_MAX_US)),
  );
  const limits: Limits = {
    heartbeatUs: timing.heartbeatUs,
    leaseUs: timing.leaseUs,
    suspectUs: timing.suspectUs,
    deadAfterUs: timing.deadAfterUs,
    drainUs: timing.drainUs,
    barrierUs: timing.barrierUs,
    startWaitUs: timing.startWaitUs,
    slowBeatUs: timing.heartbeatUs * SLOW_BEATS,
    probeUs,
    answeredProbeUs: Math.max(4000, timing.suspectUs),
    deferMaxUs: 2 * timing.deadAfterUs + 2 * PROBES_NEEDED_FENCED * probeUs,
    lateUs: Math.max(2000, timing.heartbeatUs),
    askUs: Math.max(1000, timing.heartbeatUs),
    // For two ticks of the kernel at least, or no licence would live long enough to be used.
    licenceUs: Math.max(2 * JIFFY_US, Math.min(timing.leaseUs, timing.deadAfterUs)),
    answerMaxUs: Math.min(timing.deadAfterUs, PROBES_NEEDED_FENCED * probeUs),
    drainMaxUs,
    // The old node's drain is part of it: a shorter limit would have every move called off.
    prepareMaxUs: Math.max(PREPARE_MIN_US, drainMaxUs + PREPARE_MIN_US / 2, timing.heartbeatUs * 10),
    serveMaxUs: 60_000_000,
    passUs: 10_000_000,
    aliveUs: Math.max(timing.deadAfterUs, timing.heartbeatUs * SLOW_BEATS * 4),
    offerRetryUs: 1_000_000,
    preemptAfterUs: 5_000_000,
  };
  assertRelations(limits);
  return limits;
}

/** The relations without which the machine's arguments do not hold; the config refuses such timing with a friendlier text. */
function assertRelations(l: Limits): void {
  if (l.leaseUs < 3 * l.heartbeatUs + JIFFY_US) {
    throw new RangeError("limits: the lease is shorter than three heartbeats and a jiffy");
  }
  if (l.suspectUs < 2 * l.heartbeatUs) {
    throw new RangeError("limits: suspicion would start before two heartbeats are missed");
  }
  if (l.answerMaxUs + l.licenceUs > l.deadAfterUs + PROBES_NEEDED_FENCED * l.probeUs) {
    throw new RangeError("limits: a take could come after the one who released the address has taken it back");
  }
  if (l.deadAfterUs <= l.suspectUs) throw new RangeError("limits: dead_after must be longer than suspect");
}
