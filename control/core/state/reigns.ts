/**
 * Whose writes a table is made of: for each reign its epoch and the first LSN that it wrote. Two copies of a group compare these to find
 * the last LSN up to which they are the same. Epochs are never used twice, so the same epoch is the same reign, and whatever came before it is the
 * same as well.
 */

export interface Reign {
  readonly epoch: number;
  /** LSN of the first row that it wrote, or will write. */
  readonly firstLsn: number;
}

/** What one copy says of itself. */
export interface History {
  /** By epoch, oldest first. */
  readonly reigns: readonly Reign[];
  /** Last LSN up to which the copy has everything. */
  readonly lsn: number;
}

/** Older ones are forgotten; a copy that knows only those gets all rows. */
export const REIGNS_MAX = 1000;

/** Adds a reign that writes from `firstLsn` on. Earlier ones that never wrote anything leave no trace. */
export function withReign(reigns: readonly Reign[], reign: Reign): readonly Reign[] {
  const before = reigns.filter((one) => one.firstLsn < reign.firstLsn && one.epoch < reign.epoch);
  return [...before, reign].slice(-REIGNS_MAX);
}

/** The reigns of a copy that goes no further than `lsn`. */
export function reignsUpTo(reigns: readonly Reign[], lsn: number): readonly Reign[] {
  return reigns.filter((one) => one.firstLsn <= lsn);
}

/** Epoch of the last row, 0 for an empty table. */
export function lastEpoch({ reigns, lsn }: History): number {
  return reigns.findLast((one) => one.firstLsn <= lsn)?.epoch ?? 0;
}

/** Last LSN up to which two copies are the same; 0 if they have nothing in common (or are both empty). */
export function commonLsn(a: History, b: History): number {
  for (let i = b.reigns.length - 1; i >= 0; i--) {
    const reign = b.reigns[i]!;
    const j = a.reigns.findIndex((one) => one.epoch === reign.epoch);
    if (j === -1 || a.reigns[j]!.firstLsn !== reign.firstLsn) continue;
    return Math.min(endOf(a, j), endOf(b, i));
  }
  return 0;
}

/** Last LSN that a reign wrote. */
function endOf({ reigns, lsn }: History, index: number): number {
  const next = reigns[index + 1];
  return next === undefined ? lsn : Math.min(lsn, next.firstLsn - 1);
}

/** Below 0 if `a` is older than `b`: which of two copies knows of the later writes. */
export function compareAge(a: History, b: History): number {
  return lastEpoch(a) - lastEpoch(b) || a.lsn - b.lsn;
}
