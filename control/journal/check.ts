/** Looks at the databases of a state directory, and changes nothing. */
import type { DatabaseSync } from "node:sqlite";
import { join } from "node:path";
import { readEpochMarks } from "./database.ts";
import { failureKind, failureText } from "./failure.ts";
import { exists, JOURNAL_NAME, STATE_NAME } from "./files.ts";
import { readingJournal } from "./reader.ts";
import { requireSchema, SCHEMA_VERSION } from "./schema.ts";
import { requireStateSchema } from "./state_schema.ts";
import { selectPositions, type StoredPosition } from "./state_select.ts";

export interface FileCheck {
  readonly path: string;
  /** `missing`: there is none. `unreadable`: permission, a disk error, or a newer segue's. */
  readonly verdict: "sound" | "damaged" | "unreadable" | "missing";
  /** What is wrong, as SQLite says it; empty for a sound file. */
  readonly problems: readonly string[];
  /** Version of its tables, 0 if it cannot be told. */
  readonly schema: number;
  readonly bytes: number;
}

export interface JournalCheck {
  readonly journal: FileCheck & { readonly epochs: readonly ReservedEpochs[] };
  readonly state: FileCheck & { readonly groups: readonly StoredPosition[] };
}

export interface ReservedEpochs {
  readonly group: string;
  readonly reservedUpTo: number;
  readonly unproven: boolean;
}

/** Checks every page and index of both files. */
export function checkJournal(stateDir: string): JournalCheck {
  let epochs: ReservedEpochs[] = [], groups: StoredPosition[] = [];
  const journal = checkFile(join(stateDir, JOURNAL_NAME), (db, path) => {
    requireSchema(db, path);
    epochs = [...readEpochMarks(db).groups].map(([group, mark]) => ({ group, ...mark }));
    return SCHEMA_VERSION;
  });
  const state = checkFile(join(stateDir, STATE_NAME), (db, path) => {
    const schema = requireStateSchema(db, path);
    groups = selectPositions(db);
    return schema;
  }, "the state");
  return { journal: { ...journal, epochs }, state: { ...state, groups } };
}

function checkFile(path: string, look: (db: DatabaseSync, path: string) => number, what?: string): FileCheck {
  if (!exists(path)) return { path, verdict: "missing", problems: [], schema: 0, bytes: 0 };
  const bytes = Deno.statSync(path).size;
  let schema = 0;
  try {
    return readingJournal(path, (db) => {
      schema = look(db, path);
      const lines = db.prepare("PRAGMA integrity_check").all().map((row) => String(row.integrity_check));
      const problems = lines.filter((line) => line !== "ok");
      return { path, verdict: problems.length === 0 ? "sound" : "damaged", problems, schema, bytes };
    }, what);
  } catch (error) {
    const verdict = failureKind(error) === "damaged" ? "damaged" : "unreadable";
    return { path, verdict, problems: [failureText(error)], schema, bytes };
  }
}
