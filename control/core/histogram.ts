/**
 * Histograms of delays: 16 buckets for each doubling, from 64 µs to 16 s, so that a value is known to a sixteenth of itself. Fixed in
 * size and free of garbage while they are filled; what leaves them is sparse. Pure.
 */

const FIRST_BIT = 6;
const LAST_BIT = 23;
const PER_DOUBLING = 16;
/** Below this everything is one bucket. */
export const LEAST_US = 1 << FIRST_BIT;
export const BUCKETS = 1 + (LAST_BIT - FIRST_BIT + 1) * PER_DOUBLING;
const MOST_US = 2 ** (LAST_BIT + 1) - 1;

export function bucketOf(us: number): number {
  if (!(us >= LEAST_US)) return 0;
  const whole = Math.min(us, MOST_US) | 0;
  const bit = 31 - Math.clz32(whole);
  return 1 + (bit - FIRST_BIT) * PER_DOUBLING + ((whole >> (bit - 4)) & (PER_DOUBLING - 1));
}

/** Least value that falls into the bucket. */
export function lowerEdgeUs(bucket: number): number {
  if (bucket <= 0) return 0;
  const bit = FIRST_BIT + Math.floor((bucket - 1) / PER_DOUBLING);
  return 2 ** bit + ((bucket - 1) % PER_DOUBLING) * 2 ** (bit - 4);
}

/** What was counted, as it is kept and sent. */
export interface Spread {
  /** Bucket, count, bucket, count, … of all buckets that are not empty. */
  readonly counts: readonly number[];
  /** Exact. */
  readonly maxUs: number;
}

export const NOTHING_COUNTED: Spread = { counts: [], maxUs: 0 };

/** Counts delays. */
export class Delays {
  readonly #counts = new Uint32Array(BUCKETS);
  #maxUs = 0;

  /** Less than nothing is nothing. */
  note(us: number): void {
    this.#counts[bucketOf(us)]!++;
    if (us > this.#maxUs) this.#maxUs = us;
  }

  /** What was counted since the last time. */
  take(): Spread {
    const counts: number[] = [];
    for (let i = 0; i < BUCKETS; i++) if (this.#counts[i] !== 0) counts.push(i, this.#counts[i]!);
    const spread = { counts, maxUs: Math.round(this.#maxUs) };
    this.#counts.fill(0);
    this.#maxUs = 0;
    return spread;
  }
}

export function mergeSpreads(spreads: readonly Spread[]): Spread {
  const sums = new Map<number, number>();
  let maxUs = 0;
  for (const spread of spreads) {
    maxUs = Math.max(maxUs, spread.maxUs);
    for (const [bucket, count] of pairs(spread)) sums.set(bucket, (sums.get(bucket) ?? 0) + count);
  }
  return { counts: [...sums].sort(([a], [b]) => a - b).flat(), maxUs };
}

export function totalOf(spread: Spread): number {
  return pairs(spread).reduce((sum, [, count]) => sum + count, 0);
}

/**
 * How many were at least so long; of the bucket in which the limit lies all are counted, unless even the longest is shorter: rather one
 * too many than one too few.
 */
export function countAtLeast(spread: Spread, us: number): number {
  if (spread.maxUs < us) return 0;
  const first = bucketOf(us);
  return pairs(spread).reduce((sum, [bucket, count]) => bucket >= first ? sum + count : sum, 0);
}

/** The value that a share (0…1) of all does not exceed, to a sixteenth; 0 where nothing was counted. */
export function quantileUs(spread: Spread, share: number): number {
  let left = totalOf(spread) * share;
  for (const [bucket, count] of pairs(spread)) {
    left -= count;
    if (left <= 0) return Math.min(spread.maxUs, lowerEdgeUs(bucket + 1));
  }
  return spread.maxUs;
}

function pairs({ counts }: Spread): [bucket: number, count: number][] {
  const found: [number, number][] = [];
  for (let i = 0; i + 1 < counts.length; i += 2) found.push([counts[i]!, counts[i + 1]!]);
  return found;
}
