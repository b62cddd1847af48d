/** Where a read of a stored table goes on. */

/** Behind this row, in the order of LSN and key. */
export interface RowCursor {
  readonly lsn: number;
  readonly key: Uint8Array;
}

export const TABLE_START: RowCursor = { lsn: 0, key: new Uint8Array(0) };
