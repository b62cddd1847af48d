/** Copies a database that is in use. */
import { DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { failureText, JournalError } from "./failure.ts";
import { exists, removeIfThere, syncFolder } from "./files.ts";

/**
 * Copies an open database to a file of its own as it is at one moment, whole or not at all, and never over another file.
 * @param change done to the copy before it gets its name
 * @returns bytes of the copy
 * @throws JournalError
 */
export function copyDatabase(db: DatabaseSync, path: string, change?: (copy: DatabaseSync) => void): number {
  const part = `${path}.part-${Deno.pid}`;
  if (exists(path)) throw new JournalError("other", `${path} is there already; a backup never overwrites a file`);
  try {
    Deno.writeFileSync(part, new Uint8Array(0), { createNew: true, mode: 0o600 });
    // One statement reads one moment, and it leaves out what is free in the file.
    db.prepare("VACUUM INTO ?").run(part);
    if (change !== undefined) changeCopy(part, change);
    syncFile(part);
    // A link, unlike a rename, fails where a file has come meanwhile.
    Deno.linkSync(part, path);
    syncFolder(dirname(path));
    return Deno.statSync(path).size;
  } catch (error) {
    if (error instanceof JournalError) throw error;
    throw new JournalError("other", `cannot write the backup ${path}: ${failureText(error)}`);
  } finally {
    removeIfThere(part);
  }
}

function changeCopy(path: string, change: (copy: DatabaseSync) => void): void {
  const copy = new DatabaseSync(path);
  try {
    change(copy);
  } finally {
    copy.close();
  }
}

function syncFile(path: string): void {
  using file = Deno.openSync(path, { write: true });
  file.syncSync();
}
