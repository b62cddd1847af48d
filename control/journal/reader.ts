/** Reads the journal without a daemon. */
import type { DatabaseSync } from "node:sqlite";
import type { JitterRow } from "../core/jitter.ts";
import type { EntryQuery, JournalEntry } from "./entry.ts";
import { failureKind, failureText, JournalError } from "./failure.ts";
import { JITTER_SINCE, selectJitter } from "./jitter_table.ts";
import { openReadOnly } from "./open_readonly.ts";
import { requireSchema } from "./schema.ts";
import { selectEntries } from "./select.ts";

/**
 * Entries of the journal at `path`, oldest first; see `EntryQuery` for which. Works while a daemon writes, after it died
 * and on a read-only disk, and changes nothing.
 * @throws JournalError with a sentence for people
 */
export function readEvents(path: string, query: EntryQuery = {}): JournalEntry[] {
  return readingJournal(path, (db) => {
    requireSchema(db, path);
    return selectEntries(db, query);
  });
}

/** What was counted of delays since `sinceS` (Unix seconds), oldest first; nothing in a file of a version that did not keep it. */
export function readJitter(path: string, sinceS: number): JitterRow[] {
  return readingJournal(path, (db) => requireSchema(db, path) < JITTER_SINCE ? [] : selectJitter(db, sinceS));
}

/**
 * Calls `body` with the database at `path`, opened only to read. @param what it is, for people
 * @throws JournalError with a sentence for people
 */
export function readingJournal<T>(path: string, body: (db: DatabaseSync) => T, what = "the journal"): T {
  try {
    const journal = openReadOnly(path);
    try {
      return body(journal.db);
    } finally {
      journal.close();
    }
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw new JournalError(failureKind(error), `cannot read ${what} ${path}: ${reason(error)}`);
  }
}

function reason(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "there is none; was segue ever run with this state directory?";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied; it belongs to root";
  return failureText(error);
}
