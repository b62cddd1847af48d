/**
 * Writes batches: in one transaction as a rule, so that a client's write of many keys is there whole or not at all even if nobody else has it; in
 * several where there is more than one client's write can be, so that epochs and events come between.
 * Until the last one the position on the disk stays what it was; rows above it are there earlier, and do no harm. A table that
 * was cleared says that it is not whole until then.
 */
import { PIECE_BYTES } from "../core/state/packed.ts";
import type { StateBatch } from "./state_batch.ts";
import type { StateDatabase } from "./state_database.ts";

/** Bytes of rows in one transaction where there are several: some ten thousand small rows, about 0.1 s. */
const STEP_BYTES = 1024 * 1024;
/** What goes in one transaction all the same: the largest write of a client (`control/state/write.ts`). */
const WHOLE_ROWS = 12_000;
const WHOLE_BYTES = 24 * 1024 * 1024;

/** What a commit needs of the file. */
export type CommitTarget = Pick<
  StateDatabase,
  | "transaction"
  | "groupId"
  | "clear"
  | "forgetAbove"
  | "forget"
  | "upsert"
  | "setCopying"
  | "addOrphans"
  | "setReigns"
  | "setPosition"
>;

interface Progress {
  /** Batch that is being written, and the LSN up to which its rows are. */
  readonly batch: number;
  readonly lsn: number;
}

export class StateCommit {
  readonly #batches: readonly StateBatch[];
  /** Everything up to this number of an `append` is written when this is. */
  readonly sequence: number;
  #progress: Progress | null = null;

  constructor(batches: readonly StateBatch[], sequence: number) {
    this.#batches = batches;
    this.sequence = sequence;
  }

  get waiting(): number {
    return this.#batches.reduce((sum, batch) => sum + batch.waiting, 0);
  }

  get #isOne(): boolean {
    const bytes = this.#batches.reduce((sum, batch) => sum + batch.rows.bytes, 0);
    return this.waiting <= WHOLE_ROWS && bytes <= WHOLE_BYTES;
  }

  /**
   * One transaction; true when all is written.
   * @param isWhole false for a group whose rows were lost with an earlier file: its table is not whole
   */
  step(db: CommitTarget, isWhole: (batch: StateBatch) => boolean): boolean {
    const next = db.transaction(() => {
      if (this.#progress === null) { for (const batch of this.#batches) begin(db, batch); }
      const progress = this.#writeRows(db, this.#progress ?? { batch: 0, lsn: 0 });
      if (progress === null) { for (const batch of this.#batches) end(db, batch, isWhole(batch)); }
      return progress;
    });
    this.#progress = next;
    return next === null;
  }

  /** From the beginning, into another file perhaps. What was written already is written again. */
  restart(): void {
    this.#progress = null;
  }

  /** Null: no rows are left. */
  #writeRows(db: CommitTarget, from: Progress): Progress | null {
    let left = this.#isOne ? Infinity : STEP_BYTES, { lsn } = from;
    for (let at = from.batch; at < this.#batches.length; at++, lsn = 0) {
      const batch = this.#batches[at]!, id = db.groupId(batch.group);
      for (;;) {
        const { piece, rows, upTo } = batch.rows.packAbove(lsn, PIECE_BYTES);
        if (rows === 0) break;
        if (left <= 0) return { batch: at, lsn };
        db.upsert(id, piece);
        left -= piece.length;
        lsn = upTo;
      }
    }
    return null;
  }
}

function begin(db: CommitTarget, batch: StateBatch): void {
  let id = db.groupId(batch.group);
  if (batch.cleared) id = db.clear(id, batch.group);
  if (batch.forgetAbove !== null) db.forgetAbove(id, batch.forgetAbove);
  for (const key of batch.forgotten) db.forget(id, key);
  // Its position comes with the last transaction.
  if (batch.position !== null && (batch.position.copying || batch.takesAway)) db.setCopying(id);
  for (const { packed, at, foundByEpoch } of batch.orphans) db.addOrphans(batch.group, packed, at, foundByEpoch);
}

function end(db: CommitTarget, batch: StateBatch, isWhole: boolean): void {
  const id = db.groupId(batch.group);
  if (batch.reigns !== null) db.setReigns(id, batch.reigns);
  const position = batch.position ?? (batch.cleared ? { floor: 0, lsn: 0, copying: false } : null);
  if (position !== null) db.setPosition(id, { ...position, copying: position.copying || !isWhole });
}
