/** What the journal keeps and hands out. Plain data: it crosses threads by structured clone and the API as JSON. */
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";

/**
 * One row of the journal. Ids only grow, over events and switches together and over restarts, so that a reader can go
 * on where it stopped. They start at the second of the wall clock at which the daemon started, and so grow on even
 * where the journal itself was lost.
 */
export type JournalEntry =
  | { readonly id: number; readonly type: "event"; readonly event: NodeEvent }
  | { readonly id: number; readonly type: "switch"; readonly receipt: SwitchReceipt };

/** Group that an entry is about, or null. */
export function entryGroup(entry: JournalEntry): string | null {
  return entry.type === "switch" ? entry.receipt.group : entry.event.group ?? null;
}

/**
 * The entry as JSON can carry it. What an event details is not known here: a bigint or a ring in it must not keep the
 * journal, or a client, from everything else.
 */
export function plainEntry(entry: JournalEntry): JournalEntry {
  try {
    return JSON.parse(JSON.stringify(entry, (_, value) => typeof value === "bigint" ? String(value) : value));
  } catch {
    if (entry.type === "switch") return entry;
    const { detail: _, ...event } = entry.event;
    return { ...entry, event };
  }
}

/** Which entries: the last `limit` of them, or with `afterId` the first `limit` behind that one. Always oldest first. */
export interface EntryQuery {
  readonly afterId?: number;
  readonly limit?: number;
  readonly group?: string;
}

export const ENTRY_LIMIT = 1000;

/** Whether the journal can be written, in words for people. */
export interface JournalHealth {
  readonly ok: boolean;
  readonly text: string;
  readonly path: string;
  /** Where a damaged journal was put. */
  readonly setAside?: string;
  /** Entries that wait in memory for the disk. */
  readonly waiting: number;
  /** Entries that were lost because too many waited. */
  readonly dropped: number;
}

/** What an alarm says about it; null: all is well. */
export function healthAlarm({ ok, text, setAside }: JournalHealth): string | null {
  if (setAside !== undefined) return `${text}; the damaged journal is kept as ${setAside}`;
  return ok ? null : text;
}

/** What is known of a group's epochs when the daemon starts. */
export interface EpochStart {
  readonly group: string;
  /** Highest epoch that an earlier run may have used: the first one of this run is above it. */
  readonly lastUsed: number;
  /** This run may use epochs above `lastUsed` up to here; equal to `lastUsed` while nothing could be reserved. */
  readonly reservedUpTo: number;
  /** The journal was lost and the epochs with it: nothing is certain before the peer has told its own. */
  readonly unproven: boolean;
}
