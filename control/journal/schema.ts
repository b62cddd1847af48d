/** Tables of the journal, and which version of them a file has. */
import type { DatabaseSync } from "node:sqlite";
import { JournalError } from "./failure.ts";

/** Kept in `PRAGMA user_version`. A file of a newer version is never touched. */
export const SCHEMA_VERSION = 1;

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
  PRAGMA user_version = ${SCHEMA_VERSION};
`;

/** Throws `JournalError`: `newer` for a file of a later segue, `damaged` for one that was never a journal. */
export function requireSchema(db: DatabaseSync, path: string): void {
  const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
  if (version > SCHEMA_VERSION) {
    throw new JournalError(
      "newer",
      `${path}: written by a newer segue (schema ${version}, this one reads up to ${SCHEMA_VERSION}); ` +
        "run the newer one, or move the file away",
    );
  }
  if (version !== SCHEMA_VERSION) throw new JournalError("damaged", `${path}: not a journal (schema ${version})`);
}
