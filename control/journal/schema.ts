/**
 * Tables of the journal, and which version of them a file has.
 *
 * | version | new |
 * | --- | --- |
 * | 1 | epochs, facts, switches, events |
 * | 2 | jitter |
 */
import type { DatabaseSync } from "node:sqlite";
import { JournalError } from "./failure.ts";

/** Kept in `PRAGMA user_version`. A file of a newer version is never touched. */
export const SCHEMA_VERSION = 2;
/** Oldest version that can be read, and that `migrate` brings up to date. */
const OLDEST_VERSION = 1;

/** A row for each minute, later for each hour, of what was counted of delays. `at`: Unix seconds; `body`: see control/core/jitter.ts. */
const JITTER_TABLE = `
  CREATE TABLE jitter (
    at      INTEGER PRIMARY KEY,
    seconds INTEGER NOT NULL,
    body    TEXT NOT NULL
  ) STRICT;
`;

/** `body` is the whole event or receipt as JSON; the other columns are there to be searched. */
export const SCHEMA = `
  CREATE TABLE epochs (
    group_name     TEXT PRIMARY KEY,
    reserved_up_to INTEGER NOT NULL CHECK (reserved_up_to BETWEEN 0 AND 4294967295),
    last_used      INTEGER NOT NULL DEFAULT 0 CHECK (last_used BETWEEN 0 AND 4294967295),
    unproven       INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE switches (
    id          INTEGER PRIMARY KEY,
    at          TEXT NOT NULL,
    group_name  TEXT NOT NULL,
    kind        TEXT NOT NULL,
    outcome     TEXT NOT NULL,
    epoch       INTEGER NOT NULL,
    duration_us REAL NOT NULL,
    body        TEXT NOT NULL
  ) STRICT;
  CREATE INDEX switches_by_group ON switches (group_name, id);
  CREATE TABLE events (
    id         INTEGER PRIMARY KEY,
    at         TEXT NOT NULL,
    level      TEXT NOT NULL,
    kind       TEXT NOT NULL,
    group_name TEXT,
    body       TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_group ON events (group_name, id);
  ${JITTER_TABLE}
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** What brings a file of each older version to the next one. */
const MIGRATIONS: Readonly<Record<number, string>> = { 1: JITTER_TABLE };

/** Brings a file of an older version up to date, whole or not at all. */
export function migrate(db: DatabaseSync): void {
  if (schemaVersion(db) === SCHEMA_VERSION) return;
  db.exec("BEGIN IMMEDIATE");
  try {
    // Asked again, now that nobody else can be doing the same.
    for (let version = schemaVersion(db); version < SCHEMA_VERSION; version++) {
      db.exec(`${MIGRATIONS[version]!} PRAGMA user_version = ${version + 1};`);
    }
    db.exec("COMMIT");
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

function schemaVersion(db: DatabaseSync): number {
  return Number(db.prepare("PRAGMA user_version").get()?.user_version);
}

/**
 * Returns the file's version. Throws `JournalError`: `newer` for a file of a later segue, `damaged` for one that was never a journal.
 */
export function requireSchema(db: DatabaseSync, path: string): number {
  const version = schemaVersion(db);
  if (version > SCHEMA_VERSION) {
    throw new JournalError(
      "newer",
      `${path}: written by a newer segue (schema ${version}, this one reads up to ${SCHEMA_VERSION}); ` +
        "run the newer one, or move the file away",
    );
  }
  if (!(version >= OLDEST_VERSION)) throw new JournalError("damaged", `${path}: not a journal (schema ${version})`);
  return version;
}
