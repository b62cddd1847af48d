/** Tables of the groups' state, and how a file of an older segue becomes one of this. */
import type { DatabaseSync } from "node:sqlite";
import { JournalError } from "./failure.ts";
import { transaction } from "./sqlite.ts";

/**
 * Step N makes version N out of version N−1; a new file takes all of them. A step that has been released never changes.
 *
 * Keys are blobs: any text is one, and their order is that of their bytes. `rows` stands in the order of writes, so that
 * a start reads it from the first page to the last, and a write goes to its end. A group that is cleared gets another
 * id; the rows of the old one, which has no name any more, go bit by bit.
 */
export const STATE_STEPS: readonly string[] = [`
  CREATE TABLE groups (
    id      INTEGER PRIMARY KEY,
    name    TEXT UNIQUE,
    floor   INTEGER NOT NULL DEFAULT 0 CHECK (floor >= 0),
    lsn     INTEGER NOT NULL DEFAULT 0 CHECK (lsn >= 0),
    copying INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE rows (
    group_id INTEGER NOT NULL,
    lsn      INTEGER NOT NULL CHECK (lsn > 0),
    key      BLOB NOT NULL,
    epoch    INTEGER NOT NULL,
    value    BLOB,
    PRIMARY KEY (group_id, lsn, key)
  ) STRICT, WITHOUT ROWID;
  CREATE UNIQUE INDEX rows_by_key ON rows (group_id, key);
  CREATE INDEX tombstones ON rows (group_id, lsn) WHERE value IS NULL;
  CREATE TABLE reigns (
    group_id  INTEGER NOT NULL,
    epoch     INTEGER NOT NULL,
    first_lsn INTEGER NOT NULL,
    PRIMARY KEY (group_id, epoch)
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE orphans (
    group_name     TEXT NOT NULL,
    epoch          INTEGER NOT NULL,
    lsn            INTEGER NOT NULL,
    key            BLOB NOT NULL,
    value          BLOB,
    at             TEXT NOT NULL,
    found_by_epoch INTEGER NOT NULL,
    PRIMARY KEY (group_name, epoch, lsn, key)
  ) STRICT, WITHOUT ROWID;
`];

/** Version of a file, which this segue can read. Throws `JournalError`: `newer`, or `damaged` if it is no state. */
export function requireStateSchema(db: DatabaseSync, path: string, steps = STATE_STEPS): number {
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version > steps.length) {
    throw new JournalError(
      "newer",
      `${path}: written by a newer segue (schema ${version}, this one reads up to ${steps.length}); ` +
        "run the newer one, or move the file away",
    );
  }
  if (version < 1) throw new JournalError("damaged", `${path}: not the state of groups (schema ${version})`);
  return version;
}

/** Brings a file to the newest version; each step is done whole or not at all. */
export function migrateState(db: DatabaseSync, path: string, steps = STATE_STEPS): void {
  for (let version = requireStateSchema(db, path, steps); version < steps.length; version++) {
    transaction(db, () => db.exec(`${steps[version]}; PRAGMA user_version = ${version + 1}`));
  }
}

/** Tables of a new file. */
export function createState(db: DatabaseSync, steps = STATE_STEPS): void {
  // Before the first table: pages that are not used any more can be given back.
  db.exec("PRAGMA auto_vacuum = INCREMENTAL; PRAGMA synchronous = FULL");
  transaction(db, () => db.exec(`${steps.join(";")}; PRAGMA user_version = ${steps.length}`));
}
