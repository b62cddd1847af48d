/** What is written of the groups' state. Plain data: it crosses threads. */

/** A reign and the LSN of its first write. */
export interface Reign {
  readonly epoch: number;
  readonly firstLsn: number;
}

export interface Position {
  /** Tombstones at or below it were forgotten. */
  readonly floor: number;
  /** Everything up to this LSN is in the rows. */
  readonly lsn: number;
  /** A full copy into this table is not finished: it must not be served. */
  readonly copying: boolean;
}

/** Rows that another history has not: set aside, for people. */
export interface Orphan {
  readonly epoch: number;
  readonly lsn: number;
  readonly key: string;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
  /** When it was set aside, ISO 8601. */
  readonly at: string;
  /** Epoch of the reign that found it. */
  readonly foundByEpoch: number;
}

/** One change of the stored state. `packed`: rows as `control/core/state/packed.ts` packs them. */
export type StateChange =
  /** Rows take the place of older ones of their keys. */
  | { readonly kind: "rows"; readonly group: string; readonly packed: Uint8Array }
  /** These keys are as if they had never been. */
  | { readonly kind: "forget"; readonly group: string; readonly keys: readonly string[] }
  /** So is every row above an LSN; the position falls to it. */
  | { readonly kind: "forgetAbove"; readonly group: string; readonly lsn: number }
  /** The reigns, all of them. */
  | { readonly kind: "reigns"; readonly group: string; readonly reigns: readonly Reign[] }
  | ({ readonly kind: "position"; readonly group: string } & Position)
  | {
    readonly kind: "orphans";
    readonly group: string;
    readonly at: string;
    readonly foundByEpoch: number;
    readonly packed: Uint8Array;
  }
  /** No rows, no reigns, position 0; orphans stay. */
  | { readonly kind: "clear"; readonly group: string };

/** Bytes of memory that a change holds, about. */
export function changeBytes(change: StateChange): number {
  const overhead = 64;
  if (change.kind === "rows" || change.kind === "orphans") return overhead + change.packed.length;
  if (change.kind === "forget") return change.keys.reduce((sum, key) => sum + 2 * key.length + 32, overhead);
  return overhead + (change.kind === "reigns" ? 32 * change.reigns.length : 0);
}
