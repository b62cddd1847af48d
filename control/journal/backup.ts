/** Copies the databases of a state directory, beside a daemon that writes or without one. */
import type { DatabaseSync } from "node:sqlite";
import { dirname, join } from "node:path";
import { copyDatabase } from "./copy_database.ts";
import { forgetProof } from "./database.ts";
import { JournalError } from "./failure.ts";
import { exists, JOURNAL_NAME, removeIfThere, STATE_NAME } from "./files.ts";
import { readingJournal } from "./reader.ts";
import { requireSchema } from "./schema.ts";
import { requireStateSchema } from "./state_schema.ts";
import { selectPositions, type StoredPosition } from "./state_select.ts";

export interface BackupFile {
  readonly path: string;
  readonly bytes: number;
}

export interface Backup {
  readonly journal: BackupFile;
  /** Id of the last event or switch in it. */
  readonly lastEntry: number;
  /** Null where no state was ever stored. */
  readonly state: BackupFile | null;
  /** Positions of the groups in it. */
  readonly groups: readonly StoredPosition[];
}

/** Name of the state's copy beside that of the journal. */
export function stateBackupPath(file: string): string {
  return `${file}.state`;
}

/**
 * Copies the journal to `file` and the state to `file.state`: both or none, each as it is at one moment.
 * @throws JournalError, also where a file is there already
 */
export function backupJournal(stateDir: string, file: string): Backup {
  const journalPath = join(stateDir, JOURNAL_NAME), statePath = join(stateDir, STATE_NAME);
  const stateFile = stateBackupPath(file);
  for (const path of [file, stateFile]) {
    if (exists(path)) throw new JournalError("other", `${path} is there already; a backup never overwrites a file`);
  }
  if (!exists(dirname(file))) throw new JournalError("other", `${dirname(file)}: there is no such folder`);
  // The state first: an epoch that its rows name is in the journal that is copied after it.
  const state = exists(statePath) ? copyState(statePath, stateFile) : null;
  try {
    const journal = readingJournal(journalPath, (db) => {
      requireSchema(db, journalPath);
      // From an old copy nobody can tell which epochs were used since: it must not prove any.
      return { path: file, bytes: copyDatabase(db, file, forgetProof), lastEntry: lastEntry(db) };
    });
    const { lastEntry: last, ...copy } = journal;
    return { journal: copy, lastEntry: last, state: state?.copy ?? null, groups: state?.groups ?? [] };
  } catch (error) {
    if (state !== null) removeIfThere(stateFile);
    throw error;
  }
}

function copyState(path: string, file: string): { copy: BackupFile; groups: StoredPosition[] } {
  return readingJournal(path, (db) => {
    requireStateSchema(db, path);
    let groups: StoredPosition[] = [];
    const bytes = copyDatabase(db, file, (copy) => groups = selectPositions(copy));
    return { copy: { path: file, bytes }, groups };
  }, "the state");
}

function lastEntry(db: DatabaseSync): number {
  const row = db.prepare("SELECT MAX(id) AS id FROM (SELECT id FROM events UNION ALL SELECT id FROM switches)").get();
  return Number(row?.id ?? 0);
}
