/** `segue events`: the journal, read from its file; and with `--follow` what happens from then on, from the daemon. */
import { join } from "node:path";
import { JournalError } from "../../journal/failure.ts";
import { JOURNAL_NAME } from "../../journal/files.ts";
import { readEvents } from "../../journal/reader.ts";
import { ApiClient, ApiError } from "../client.ts";
import { entryJson } from "../json.ts";
import type { EntryJson } from "../json.ts";
import { entryText } from "../entry_text.ts";
import { pause } from "../pause.ts";
import { SOCKET_NAME } from "../socket.ts";
import { complain, type Terminal } from "./terminal.ts";

/** Entries read at a time. */
const PAGE = 2000;
/** Before a daemon that has gone is looked for again. */
const RETRY_MS = 500;

export interface EventsOptions {
  readonly stateDir: string;
  readonly runDir: string;
  readonly follow: boolean;
  readonly json: boolean;
  /** Ends `--follow`; without it only a signal does. */
  readonly signal?: AbortSignal;
}

export async function runEvents(io: Terminal, options: EventsOptions): Promise<number> {
  const print = (entry: EntryJson) => io.out(options.json ? JSON.stringify(entry) + "\n" : entryText(entry));
  let lastId: number;
  try {
    lastId = printJournal(join(options.stateDir, JOURNAL_NAME), print);
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    const code = complain(io, "events", error.message, "say where the journal is with --state-dir DIR");
    if (!options.follow) return code;
    lastId = 0;
  }
  return options.follow ? await follow(io, options, lastId, print) : 0;
}

/** Returns the id of the last entry, 0 if there is none. */
function printJournal(path: string, print: (entry: EntryJson) => void): number {
  for (let lastId = 0;;) {
    const entries = readEvents(path, { afterId: lastId, limit: PAGE });
    for (const entry of entries) print(entryJson(entry));
    lastId = entries.at(-1)?.id ?? lastId;
    if (entries.length < PAGE) return lastId;
  }
}

/** Stays: a daemon that is restarted is found again, and nothing is printed twice or left out. */
async function follow(
  io: Terminal,
  options: EventsOptions,
  afterId: number,
  print: (entry: EntryJson) => void,
): Promise<number> {
  let lastId = afterId;
  let said = "";
  const stopped = () => options.signal?.aborted === true;
  while (!stopped()) {
    const client = new ApiClient(join(options.runDir, SOCKET_NAME));
    try {
      for await (const entry of client.events(lastId, options.signal)) {
        said = "";
        lastId = Math.max(lastId, entry.id);
        print(entry);
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      if (error.message !== said && !stopped()) {
        complain(io, "events", `${error.message}; waiting for it`, error.hint);
      }
      said = error.message;
    } finally {
      client.close();
    }
    await pause(RETRY_MS, options.signal);
  }
  return 0;
}
