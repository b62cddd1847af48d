/** What both databases, the journal and the state, do with SQLite in the same way. */
import { DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { failureKind, JournalError } from "./failure.ts";
import { removeIfThere, syncFolder } from "./files.ts";

/** Files that belong to a database, the main one last: while it stands, so does the database. */
export const DATABASE_SUFFIXES = ["-wal", "-shm", ""] as const;

/** Makes a new database, whole or not at all: it gets its name last. `fill` makes its tables. */
export function createWhole(path: string, fill: (db: DatabaseSync) => void): void {
  const next = `${path}.new`;
  for (const suffix of ["-journal", ...DATABASE_SUFFIXES]) removeIfThere(next + suffix);
  Deno.writeFileSync(next, new Uint8Array(0), { createNew: true, mode: 0o600 });
  const db = new DatabaseSync(next);
  try {
    fill(db);
  } finally {
    closeQuietly(db);
  }
  Deno.renameSync(next, path);
  syncFolder(dirname(path));
}

export function transaction<T>(db: DatabaseSync, body: () => T): T {
  db.exec("BEGIN IMMEDIATE");
  try {
    const result = body();
    db.exec("COMMIT");
    return result;
  } catch (error) {
    // SQLite has rolled back by itself after some errors (a full disk among them).
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}

/** @param table a table in parentheses, or nothing for the whole file. Throws `JournalError` `damaged` */
export function requireSound(db: DatabaseSync, path: string, table: string): void {
  const rows = db.prepare(`PRAGMA quick_check${table}`).all();
  const first = String(rows[0]?.quick_check);
  if (first !== "ok") throw new JournalError("damaged", `${path}: ${first}`);
}

/** By a connection of its own: the one that writes has pages in memory, and does not see what became of the file. */
export function requireSoundAnew(path: string, requireSchema: (db: DatabaseSync, path: string) => void): void {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  try {
    requireSchema(db, path);
    requireSound(db, path, "");
  } catch (error) {
    // A lock or a disk that fails says nothing about the file.
    if (failureKind(error) === "damaged") throw error;
  } finally {
    closeQuietly(db);
  }
}

export function closeQuietly(db: DatabaseSync): void {
  try {
    db.close();
  } catch {
    // Closed already, or a checkpoint that a full disk refused: the WAL stays and is read at the next start.
  }
}
