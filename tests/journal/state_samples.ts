/** State to be stored, and what comes back. */
import { decodeRows, encodeRows } from "../../control/core/state/packed.ts";
import type { StateRow } from "../../control/core/state/row.ts";
import type { Position, StateChange } from "../../control/journal/state_change.ts";
import { type RowCursor, TABLE_START } from "../../control/journal/state_cursor.ts";
import type { StateStore } from "../../control/journal/state_store.ts";
import { withJournal } from "./samples.ts";

export const MIB = 1024 * 1024;

/** Calls `body` with a path for `state.db` in a fresh folder, which is gone afterwards. */
export function withState(body: (path: string, folder: string) => void | Promise<void>): Promise<void> {
  return withJournal((_, folder) => body(`${folder}/state.db`, folder));
}

export function sampleRow(key: string, lsn: number, text: string | null = `value ${lsn}`, epoch = 1): StateRow {
  return { key, lsn, epoch, value: text === null ? null : new TextEncoder().encode(text) };
}

export function rowsChange(rows: readonly StateRow[], group = "web"): StateChange {
  return { kind: "rows", group, packed: encodeRows(rows, 0, 16 * MIB).bytes };
}

export function positionChange(lsn: number, over: Partial<Position> = {}, group = "web"): StateChange {
  return { kind: "position", group, floor: 0, lsn, copying: false, ...over };
}

/** Adds changes and writes all that waits. */
export function store(to: StateStore, ...changes: StateChange[]): void {
  to.add(changes, to.sequence + 1);
  while (to.flush());
}

/** All rows of a group. */
export function storedRows(from: StateStore, group = "web"): StateRow[] {
  const rows: StateRow[] = [];
  for (let next: RowCursor | null = TABLE_START; next !== null;) {
    const page: ReturnType<StateStore["page"]> = from.page(group, next);
    rows.push(...decodeRows(page.piece)!.map((row) => ({ ...row, value: row.value && row.value.slice() })));
    next = page.next;
  }
  return rows;
}
