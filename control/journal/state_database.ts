/** The state's file itself. Everything here throws what SQLite throws; `state_store.ts` decides what to do about it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { PackedReader } from "../core/state/packed.ts";
import { JournalError } from "./failure.ts";
import { closeQuietly, createWhole, requireSound, requireSoundAnew, transaction } from "./sqlite.ts";
import type { Position, Reign } from "./state_change.ts";
import { createState, migrateState, requireStateSchema } from "./state_schema.ts";

/** Pages of 4 KiB in the log after which SQLite plays it into the file and begins it anew. */
const CHECKPOINT_PAGES = 4096;
/** The log is cut to this size whenever it is begun anew. */
const LOG_BYTES = 16 * 1024 * 1024;
/** One that has grown to more, as somebody reads, is played into the file and cut as soon as nobody does. */
const LOG_BYTES_MAX = 64 * 1024 * 1024;

export class StateDatabase {
  readonly path: string;
  readonly db: DatabaseSync;
  readonly #upsert: StatementSync;
  readonly #forget: StatementSync;
  readonly #addOrphan: StatementSync;
  readonly #groupId: StatementSync;

  /** Opens a file that exists. Checks the small tables; `verify` checks the rest. */
  static open(path: string): StateDatabase {
    const db = new DatabaseSync(path, { timeout: 2000 });
    try {
      requireStateSchema(db, path);
      for (const table of ["(groups)", "(reigns)"]) requireSound(db, path, table);
      db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = ${LOG_BYTES}`);
      // A commit touches pages all over the table: more of them in memory, and played back into the file less often.
      db.exec(`PRAGMA cache_size = -32768; PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      migrateState(db, path);
      return new StateDatabase(path, db);
    } catch (error) {
      closeQuietly(db);
      throw error;
    }
  }

  /** @param lost groups whose tables have been lost: not whole until they are written anew */
  static create(path: string, lost: readonly string[]): StateDatabase {
    createWhole(path, (db) => {
      createState(db);
      const add = db.prepare("INSERT INTO groups (name, copying) VALUES (?, 1)");
      for (const group of lost) add.run(group);
    });
    return StateDatabase.open(path);
  }

  private constructor(path: string, db: DatabaseSync) {
    this.path = path;
    this.db = db;
    this.#upsert = db.prepare(`
      INSERT INTO rows (group_id, key, lsn, epoch, value) VALUES (?, ?, ?, ?, ?)
      ON CONFLICT (group_id, lsn, key) DO NOTHING
      ON CONFLICT (group_id, key) DO UPDATE SET lsn = excluded.lsn, epoch = excluded.epoch, value = excluded.value
        WHERE excluded.lsn > rows.lsn`);
    this.#forget = db.prepare("DELETE FROM rows WHERE group_id = ? AND key = CAST(? AS BLOB)");
    this.#addOrphan = db.prepare(`
      INSERT OR REPLACE INTO orphans (group_name, epoch, lsn, key, value, at, found_by_epoch)
      VALUES (?, ?, ?, ?, ?, ?, ?)`);
    this.#groupId = db.prepare("SELECT id FROM groups WHERE name = ?");
  }

  transaction<T>(body: () => T): T {
    return transaction(this.db, body);
  }

  /** Number of a group, made if it is new. */
  groupId(group: string): number {
    const id = this.#groupId.get(group)?.id ??
      this.db.prepare("INSERT INTO groups (name) VALUES (?) RETURNING id").get(group)?.id;
    return Number(id);
  }

  /** An empty table for the group, which says that it is not whole. Returns its number. */
  clear(id: number, group: string): number {
    this.db.prepare("UPDATE groups SET name = NULL WHERE id = ?").run(id);
    this.db.prepare("DELETE FROM reigns WHERE group_id = ?").run(id);
    const next = this.groupId(group);
    this.setCopying(next);
    return next;
  }

  forgetAbove(id: number, lsn: number): void {
    this.db.prepare("DELETE FROM rows WHERE group_id = ? AND lsn > ?").run(id, lsn);
    this.db.prepare("UPDATE groups SET lsn = MIN(lsn, ?) WHERE id = ?").run(lsn, id);
  }

  forget(id: number, key: string): void {
    this.#forget.run(id, key);
  }

  /** Writes packed rows, each if it is newer than what its key has. */
  upsert(id: number, packed: Uint8Array): void {
    const reader = PackedReader.open(packed);
    if (reader === null) throw new JournalError("other", "packed rows are malformed");
    while (reader.next()) this.#upsert.run(id, reader.key, reader.lsn, reader.epoch, reader.value);
  }

  setCopying(id: number): void {
    this.db.prepare("UPDATE groups SET copying = 1 WHERE id = ?").run(id);
  }

  addOrphans(group: string, packed: Uint8Array, at: string, foundByEpoch: number): void {
    const reader = PackedReader.open(packed);
    while (reader?.next()) {
      this.#addOrphan.run(group, reader.epoch, reader.lsn, reader.key, reader.value, at, foundByEpoch);
    }
  }

  setReigns(id: number, reigns: readonly Reign[]): void {
    this.db.prepare("DELETE FROM reigns WHERE group_id = ?").run(id);
    const add = this.db.prepare("INSERT OR REPLACE INTO reigns (group_id, epoch, first_lsn) VALUES (?, ?, ?)");
    for (const { epoch, firstLsn } of reigns) add.run(id, epoch, firstLsn);
  }

  setPosition(id: number, { floor, lsn, copying }: Position): void {
    this.db.prepare("UPDATE groups SET floor = ?, lsn = ?, copying = ? WHERE id = ?").run(floor, lsn, +copying, id);
  }

  dropOrphans(group: string): number {
    return Number(this.db.prepare("DELETE FROM orphans WHERE group_name = ?").run(group).changes);
  }

  /** Plays a log that has grown too long into the file, without waiting for anyone who reads. */
  boundLog(): void {
    if (fileBytes(`${this.path}-wal`) <= LOG_BYTES_MAX) return;
    this.db.exec("PRAGMA busy_timeout = 0");
    try {
      this.db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    } finally {
      this.db.exec("PRAGMA busy_timeout = 2000");
    }
  }

  /** Checks the whole file; throws `JournalError` `damaged` with what is wrong. */
  verify(): void {
    requireSound(this.db, this.path, "");
    requireSoundAnew(this.path, requireStateSchema);
  }

  close(): void {
    closeQuietly(this.db);
  }
}

function fileBytes(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return 0;
  }
}
