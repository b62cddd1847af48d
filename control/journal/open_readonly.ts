/**
 * Opens a journal only to read it: beside a daemon that writes, after one that died, and on a disk that cannot be
 * written. SQLite wants to write even then (the shared memory of the WAL, https://sqlite.org/wal.html#readonly), so what
 * it refuses is copied to the temporary folder, log included.
 */
import { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { failureKind } from "./failure.ts";
import { exists } from "./files.ts";

export interface ReadOnlyJournal {
  readonly db: DatabaseSync;
  /** False if the newest entries may be missing: there is a log, and no place to read it. */
  readonly complete: boolean;
  close(): void;
}

/** @throws what SQLite and the file system throw */
export function openReadOnly(path: string): ReadOnlyJournal {
  Deno.statSync(path);
  try {
    const db = openChecked(path);
    return { db, complete: true, close: () => db.close() };
  } catch (error) {
    if (failureKind(error) === "damaged") throw error;
  }
  const hasLog = exists(`${path}-wal`) && Deno.statSync(`${path}-wal`).size > 0;
  if (hasLog) {
    try {
      return openCopy(path);
    } catch (error) {
      if (failureKind(error) === "damaged") throw error;
    }
  }
  const db = openChecked(`${pathToFileURL(path)}?immutable=1`);
  return { db, complete: !hasLog, close: () => db.close() };
}

function openCopy(path: string): ReadOnlyJournal {
  const folder = Deno.makeTempDirSync({ prefix: "segue-journal-" });
  const remove = () => Deno.removeSync(folder, { recursive: true });
  try {
    const copy = join(folder, "journal.db");
    Deno.copyFileSync(path, copy);
    Deno.copyFileSync(`${path}-wal`, `${copy}-wal`);
    for (const file of [copy, `${copy}-wal`]) Deno.chmodSync(file, 0o600);
    const db = openChecked(copy);
    return {
      db,
      complete: true,
      close: () => {
        db.close();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/** SQLite opens lazily: only the first read tells. */
function openChecked(path: string): DatabaseSync {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  try {
    db.prepare("SELECT COUNT(*) FROM sqlite_schema").get();
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}
