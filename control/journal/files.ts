/** What the journal needs of the file system. */

/** Name of the journal in the state directory. */
export const JOURNAL_NAME = "journal.db";
/** Name of the database of the groups' state, beside it. */
export const STATE_NAME = "state.db";

export function exists(path: string): boolean {
  try {
    Deno.lstatSync(path);
    return true;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

export function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** A rename is on the disk once its folder is (fsync(2), "entry in the directory"). */
export function syncFolder(path: string): void {
  const folder = Deno.openSync(path, { read: true });
  try {
    folder.syncSync();
  } finally {
    folder.close();
  }
}

/** One page of a database: less room is no room. */
const TRIAL_BYTES = 4096;

/**
 * Why a folder cannot be written, by trying; null if it can. SQLite says "disk I/O error" where the disk is full, and
 * "unable to open" where it is read-only.
 */
export function writeObstacle(folder: string): string | null {
  const path = `${folder}/journal.trial-${Deno.pid}`;
  try {
    using file = Deno.openSync(path, { write: true, create: true, truncate: true, mode: 0o600 });
    for (let left = TRIAL_BYTES; left > 0;) left -= file.writeSync(new Uint8Array(left));
    return null;
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    if (/os error (28|122)\b/.test(text)) return "the disk is full";
    return /os error 30\b/.test(text) ? "the disk is read-only" : text;
  } finally {
    try {
      Deno.removeSync(path);
    } catch {
      // It could not be made.
    }
  }
}
