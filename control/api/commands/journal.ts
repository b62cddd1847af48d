/** `segue journal`: copies and checks the files in which a node remembers epochs, events and state. */
import { backupJournal } from "../../journal/backup.ts";
import { checkJournal, type FileCheck } from "../../journal/check.ts";
import { JournalError } from "../../journal/failure.ts";
import type { StoredPosition } from "../../journal/state_select.ts";
import { complain, type Terminal } from "./terminal.ts";

export interface JournalOptions {
  readonly stateDir: string;
  readonly json: boolean;
}

/** 0: both files are copied. 1: neither is. */
export function runJournalBackup(io: Terminal, file: string, options: JournalOptions): number {
  try {
    const { journal, lastEntry, state, groups } = backupJournal(options.stateDir, file);
    if (options.json) {
      io.out(JSON.stringify({ journal, last_entry: lastEntry, state, groups: groups.map(positionJson) }) + "\n");
      return 0;
    }
    io.out(`journal: ${journal.path}, ${journal.bytes} bytes, up to entry ${lastEntry}\n`);
    io.out(state === null ? "state: none is stored\n" : `state: ${state.path}, ${state.bytes} bytes\n`);
    for (const group of groups) io.out(`  ${positionText(group)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    return complain(io, "journal backup", error.message);
  }
}

/** 0: what is there is sound. 1: a file is damaged or cannot be read, or there is no journal. */
export function runJournalCheck(io: Terminal, options: JournalOptions): number {
  const { journal: { epochs, ...journal }, state: { groups, ...state } } = checkJournal(options.stateDir);
  const ok = journal.verdict === "sound" && (state.verdict === "sound" || state.verdict === "missing");
  if (options.json) {
    const reserved = epochs.map(({ group, reservedUpTo, unproven }) => ({
      group,
      reserved_up_to: reservedUpTo,
      unproven,
    }));
    const report = {
      ok,
      journal: { ...journal, epochs: reserved },
      state: { ...state, groups: groups.map(positionJson) },
    };
    io.out(JSON.stringify(report, null, 2) + "\n");
    return ok ? 0 : 1;
  }
  io.out(checkText("journal", journal));
  for (const { group, reservedUpTo, unproven } of epochs) {
    io.out(`  ${group}: epochs reserved up to ${reservedUpTo}${unproven ? ", unproven" : ""}\n`);
  }
  io.out(checkText("state", state));
  for (const group of groups) io.out(`  ${positionText(group)}\n`);
  if (ok) return 0;
  return complain(io, "journal check", "not everything is sound", HINT);
}

const HINT = "a running daemon sets a damaged file aside, keeps its epochs and gets the state from the peer; " +
  "a backup takes the file's place while the daemon is stopped";

function checkText(name: string, { path, verdict, problems, schema, bytes }: FileCheck): string {
  const about = verdict === "missing" ? "" : `, schema ${schema}, ${bytes} bytes`;
  return `${name}: ${verdict}, ${path}${about}\n` + problems.map((problem) => `  ${problem}\n`).join("");
}

function positionText({ group, rows, lsn, floor, copying }: StoredPosition): string {
  return `${group}: ${rows} rows up to LSN ${lsn}, floor ${floor}${copying ? ", a copy that is not finished" : ""}`;
}

function positionJson({ group, rows, lsn, floor, copying }: StoredPosition) {
  return { group, rows, lsn, floor, copying };
}
