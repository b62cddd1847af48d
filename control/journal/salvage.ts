/** Sets a damaged journal aside and reads from it what matters most. */
import { basename, dirname, join } from "node:path";
import { readEpochMarks } from "./database.ts";
import type { EpochMark, EpochMarks } from "./epoch_copy.ts";
import { exists, syncFolder } from "./files.ts";
import { openReadOnly } from "./open_readonly.ts";
import { DATABASE_SUFFIXES } from "./sqlite.ts";

/** A damaged page can hold any number. At 1,000 a start, no node comes near this one in its life. */
export const PLAUSIBLE_MAX = 0x7fff_ffff;

/** Renames a database, `-wal` and `-shm` to `NAME.damaged-TIME…`; nothing is overwritten. Returns the new name. */
export function setAside(path: string, now: Date): string {
  const stamp = now.toISOString().replace(/[-:]|\.\d+/g, "");
  let target = `${path}.damaged-${stamp}`;
  for (let n = 2; DATABASE_SUFFIXES.some((suffix) => exists(target + suffix)); n++) {
    target = `${path}.damaged-${stamp}-${n}`;
  }
  for (const suffix of DATABASE_SUFFIXES) {
    if (exists(path + suffix)) Deno.renameSync(path + suffix, target + suffix);
  }
  syncFolder(dirname(path));
  return target;
}

/** The newest journal that was set aside, or null. */
export function newestSetAside(path: string): string | null {
  const prefix = `${basename(path)}.damaged-`;
  const names: string[] = [];
  for (const { name } of Deno.readDirSync(dirname(path))) {
    if (name.startsWith(prefix) && !/-(wal|shm)$/.test(name)) names.push(name);
  }
  const newest = names.sort().at(-1);
  return newest === undefined ? null : join(dirname(path), newest);
}

/**
 * The epochs of a file that cannot be used as a journal, as far as they can be read; null if not at all, or if newer
 * ones may be in a log that cannot be read. Changes nothing.
 */
export function salvageEpochs(path: string): EpochMarks | null {
  try {
    const journal = openReadOnly(path);
    try {
      if (!journal.complete) return null;
      const groups = new Map<string, EpochMark>();
      for (const [group, mark] of readEpochMarks(journal.db).groups) {
        if (mark.reservedUpTo <= PLAUSIBLE_MAX) groups.set(group, mark);
      }
      // Rows may be missing: for a group that is not there, nothing is known.
      return { groups, othersUnproven: true };
    } finally {
      journal.close();
    }
  } catch {
    return null;
  }
}
