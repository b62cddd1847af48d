/** Sorts what SQLite and the file system throw. Pure. */

/**
 * - `damaged`: the file is not a sound database (SQLITE_CORRUPT, SQLITE_NOTADB), or not the one that was made: its schema, which is text in
 *   it, has other names
 * - `full`: no space left (SQLITE_FULL, ENOSPC, EDQUOT)
 * - `readOnly`: the disk or the file cannot be written (SQLITE_READONLY, EROFS)
 * - `other`: anything else; worth another try with the file opened anew
 */
export type FailureKind = "damaged" | "full" | "readOnly" | "other";

/** The journal cannot do what was asked; the message is for people. */
export class JournalError extends Error {
  readonly kind: FailureKind | "newer" | "usedUp";

  constructor(kind: JournalError["kind"], message: string) {
    super(message);
    this.name = "JournalError";
    this.kind = kind;
  }
}

/** Primary result codes (sqlite3.h). */
const READONLY = 8;
const CORRUPT = 11;
const FULL = 13;
const NOTADB = 26;

/** The last one: no number that was stored has more than 53 bits. */
const DAMAGED =
  /malformed|not a database|no such (table|column|index)|has no column named|too large to be represented as a JavaScript number/;

/** `node:sqlite` gives the result code for prepared statements, and for `exec` its text alone. */
export function failureKind(error: unknown): FailureKind {
  if (error instanceof JournalError) return error.kind === "newer" || error.kind === "usedUp" ? "other" : error.kind;
  const code = error !== null && typeof error === "object" && "errcode" in error ? Number(error.errcode) & 0xff : 0;
  const text = failureText(error);
  if (code === CORRUPT || code === NOTADB || DAMAGED.test(text)) return "damaged";
  if (code === FULL || /disk is full|os error 28\b|os error 122\b/.test(text)) return "full";
  if (code === READONLY || /readonly database|os error 30\b/.test(text)) return "readOnly";
  return "other";
}

export function failureText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
