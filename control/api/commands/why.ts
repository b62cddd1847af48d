/** `segue why`: explains a switch from the journal's file, with or without a daemon. */
import { join } from "node:path";
import { timeOf } from "../../answers/around.ts";
import { explain, isExplainable, isSwitch } from "../../answers/explain.ts";
import type { Explanation } from "../../answers/explanation.ts";
import { entryGroup, type JournalEntry } from "../../journal/entry.ts";
import { JournalError } from "../../journal/failure.ts";
import { JOURNAL_NAME } from "../../journal/files.ts";
import { readEvents } from "../../journal/reader.ts";
import { oneLine } from "../entry_text.ts";
import { receiptTitle } from "../receipt_text.ts";
import { tableText } from "../units.ts";
import { complain, type Terminal } from "./terminal.ts";

/** Newest entries that are looked through first; an older one is searched for in the whole journal. */
const RECENT = 5000;
/** Entries kept on each side of the one that is explained. */
const AROUND = 500;
const LISTED = 20;

export interface WhyOptions {
  readonly stateDir: string;
  readonly json: boolean;
  readonly list: boolean;
  /** Id of an entry; null: the last switch. */
  readonly id: number | null;
}

/** 0: explained. 1: there is nothing to explain, or the journal cannot be read. */
export function runWhy(io: Terminal, options: WhyOptions): number {
  const path = join(options.stateDir, JOURNAL_NAME);
  try {
    const recent = readEvents(path, { limit: RECENT });
    if (options.list) return list(io, recent, options.json);
    if (options.id === null) return explainLast(io, recent, options.json);
    return explainOne(io, entriesAround(path, recent, options.id), options.id, options.json);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    return complain(io, "why", error.message, "say where the journal is with --state-dir DIR");
  }
}

function list(io: Terminal, recent: readonly JournalEntry[], json: boolean): number {
  const found = recent.filter(isExplainable).slice(-LISTED);
  const rows = found.map((entry) => ({
    id: entry.id,
    at: timeOf(entry),
    group: entryGroup(entry),
    title: titleOf(entry),
  }));
  if (json) io.out(JSON.stringify(rows, null, 2) + "\n");
  else if (rows.length === 0) io.out("nothing has switched, and there was no alarm\n");
  else io.out(tableText(rows.map(({ id, at, title }) => [String(id), at, title])));
  return 0;
}

function titleOf(entry: JournalEntry): string {
  return oneLine(entry.type === "switch" ? receiptTitle(entry.receipt) : entry.event.text);
}

function explainLast(io: Terminal, recent: readonly JournalEntry[], json: boolean): number {
  const last = recent.findLast(isSwitch);
  if (last === undefined) {
    return complain(io, "why", "the journal remembers no switch", "segue why --list shows alarms as well");
  }
  return explainOne(io, recent, last.id, json);
}

function explainOne(io: Terminal, entries: readonly JournalEntry[], id: number, json: boolean): number {
  const entry = entries.find((one) => one.id === id);
  if (entry === undefined) {
    return complain(io, "why", `the journal has no entry ${id}`, "segue why --list shows the last ones");
  }
  if (!isExplainable(entry)) {
    return complain(
      io,
      "why",
      `entry ${id} is neither a switch nor an alarm: ${titleOf(entry)}`,
      "segue why --list shows what is",
    );
  }
  const explanation = explain(entries, id);
  io.out(json ? JSON.stringify(explanation, null, 2) + "\n" : explanationText(explanation));
  return 0;
}

/** The entry with its neighbours; from the newest ones if it is among them. */
function entriesAround(path: string, recent: readonly JournalEntry[], id: number): readonly JournalEntry[] {
  if (recent.length < RECENT || (recent[0]?.id ?? 0) < id) return recent;
  let before: readonly JournalEntry[] = [];
  for (let lastId = 0;;) {
    const page = readEvents(path, { afterId: lastId, limit: RECENT });
    lastId = page.at(-1)?.id ?? lastId;
    if (page.length < RECENT || lastId >= id) {
      return [...before, ...page, ...readEvents(path, { afterId: lastId, limit: AROUND })];
    }
    before = page.slice(-AROUND);
  }
}

function explanationText({ id, at, title, cause, sentences, cannot_know: unknown }: Explanation): string {
  const beyond = unknown.length === 0
    ? ""
    : `\nThis node cannot know\n${unknown.map((it) => `- ${oneLine(it)}\n`).join("")}`;
  return `${oneLine(title)}\nat ${at}, entry ${id} of the journal, cause: ${cause}\n\n` +
    sentences.map((it) => `${oneLine(it)}\n`).join("") + beyond;
}
