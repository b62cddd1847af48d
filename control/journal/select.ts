/** Reads entries back: events and switches in one list. */
import type { DatabaseSync, SQLInputValue } from "node:sqlite";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import { ENTRY_LIMIT, type EntryQuery, type JournalEntry } from "./entry.ts";

/** Oldest first. A row that cannot be read is left out. */
export function selectEntries(db: DatabaseSync, query: EntryQuery): JournalEntry[] {
  const forward = query.afterId !== undefined;
  const inGroup = query.group === undefined ? "" : "AND group_name = :group";
  const rows = db.prepare(`
    SELECT id, 'event' AS type, body FROM events WHERE id > :after ${inGroup}
    UNION ALL
    SELECT id, 'switch' AS type, body FROM switches WHERE id > :after ${inGroup}
    ORDER BY id ${forward ? "ASC" : "DESC"} LIMIT :limit`);
  const values: Record<string, SQLInputValue> = { after: query.afterId ?? -1, limit: query.limit ?? ENTRY_LIMIT };
  if (query.group !== undefined) values.group = query.group;
  const entries = rows.all(values).map((row) => toEntry(Number(row.id), row.type === "event", String(row.body)))
    .filter((entry) => entry !== null);
  return forward ? entries : entries.reverse();
}

function toEntry(id: number, isEvent: boolean, body: string): JournalEntry | null {
  try {
    // Written by this program, guarded by the database's own checks.
    const value: unknown = JSON.parse(body);
    return isEvent
      ? { id, type: "event", event: value as NodeEvent }
      : { id, type: "switch", receipt: value as SwitchReceipt };
  } catch {
    return null;
  }
}
