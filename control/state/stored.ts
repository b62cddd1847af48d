/** What a start reads of a group's state. */
import type { Known } from "../core/state/copy.ts";
import { GroupTable } from "../core/state/table.ts";

const READ_ATTEMPTS = 2;

/** What is on the disk of a group. */
export interface StoredState extends Known {
  readonly floor: number;
  /** Packed rows. */
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** A file that turns out to be damaged while it is read has been replaced by then: the second reading is of the new one. */
export async function readTable(load: () => Promise<StoredState>): Promise<{ table: GroupTable; stored: StoredState }> {
  for (let attempt = 1;; attempt++) {
    const table = new GroupTable();
    try {
      const stored = await load();
      for await (const piece of stored.chunks) table.applyPacked(piece);
      table.restore(stored.floor, stored.lsn);
      return { table, stored };
    } catch (error) {
      if (attempt === READ_ATTEMPTS) throw error;
    }
  }
}
