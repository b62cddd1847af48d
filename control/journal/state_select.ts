/** Reads of the state's file that the daemon and the commands have in common. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { PackedReader, PackedWriter, PIECE_BYTES } from "../core/state/packed.ts";
import { KEY_BYTES_MAX } from "../core/state/row.ts";
import { JournalError } from "./failure.ts";
import type { Orphan, Position, Reign } from "./state_change.ts";
import type { RowCursor } from "./state_cursor.ts";

/** Null: nothing is stored of the group. */
export function selectPosition(db: DatabaseSync, group: string): Position | null {
  const row = db.prepare("SELECT floor, lsn, copying FROM groups WHERE name = ?").get(group);
  return row === undefined
    ? null
    : { floor: Number(row.floor), lsn: Number(row.lsn), copying: Number(row.copying) !== 0 };
}

/** Where a group's table stands. */
export interface StoredPosition extends Position {
  readonly group: string;
  /** Tombstones among them. */
  readonly rows: number;
}

export function selectPositions(db: DatabaseSync): StoredPosition[] {
  return db.prepare(`
    SELECT name, floor, lsn, copying, (SELECT COUNT(*) FROM rows WHERE group_id = id) AS n
    FROM groups WHERE name IS NOT NULL ORDER BY name`).all().map((row) => ({
    group: String(row.name),
    floor: Number(row.floor),
    lsn: Number(row.lsn),
    copying: Number(row.copying) !== 0,
    rows: Number(row.n),
  }));
}

export function selectReigns(db: DatabaseSync, group: string): Reign[] {
  return db.prepare(`
    SELECT epoch, first_lsn FROM reigns WHERE group_id = (SELECT id FROM groups WHERE name = ?) ORDER BY epoch`)
    .all(group).map((row) => ({ epoch: Number(row.epoch), firstLsn: Number(row.first_lsn) }));
}

const text = new TextDecoder();

/** The first `limit` in the order of epoch and LSN, and how many there are. */
export function selectOrphans(db: DatabaseSync, group: string, limit: number): { total: number; rows: Orphan[] } {
  const total = Number(db.prepare("SELECT COUNT(*) AS n FROM orphans WHERE group_name = ?").get(group)?.n);
  const rows = db.prepare(`
    SELECT epoch, lsn, key, value, at, found_by_epoch FROM orphans WHERE group_name = ? ORDER BY epoch, lsn, key LIMIT ?`)
    .all(group, limit).map((row) => ({
      epoch: Number(row.epoch),
      lsn: Number(row.lsn),
      key: text.decode(row.key as Uint8Array),
      value: row.value as Uint8Array | null,
      at: String(row.at),
      foundByEpoch: Number(row.found_by_epoch),
    }));
  return { total, rows };
}

/** Some rows of a table. */
export interface RowPage {
  /** Packed. */
  readonly piece: Uint8Array<ArrayBuffer>;
  readonly rows: number;
  /** Where to go on; null behind the last row. */
  readonly next: RowCursor | null;
}

/** Rows that are read at once, if they are small. */
const PAGE_ROWS = 3000;

/**
 * Rows behind `from` in the order of their LSNs. A row that nobody can have written is damage that SQLite does not see; left out, it would be
 * missing from a table that counts as whole. @throws JournalError `damaged`
 */
export function selectPage(db: DatabaseSync, group: string, from: RowCursor): RowPage {
  const floor = selectPosition(db, group)?.floor ?? 0;
  const writer = new PackedWriter();
  let next: RowCursor | null = null;
  for (const [lsn, key, epoch, value] of readRows(db, group, from)) {
    if (!isRow(lsn, key, epoch, value)) throw new JournalError("damaged", `a row of ${group} that cannot be`);
    // A tombstone below the floor is forgotten, if not yet deleted.
    if (value !== null || lsn > floor) { if (!writer.add(lsn, epoch, key, value)) break; }
    next = { lsn, key };
  }
  const { rows } = writer, piece = writer.finish();
  if (PackedReader.open(piece) === null) throw new JournalError("damaged", `rows of ${group} that cannot be`);
  return { rows, piece, next };
}

/** What `PackedWriter` takes for granted. */
function isRow(lsn: unknown, key: unknown, epoch: unknown, value: unknown): boolean {
  return typeof lsn === "number" && key instanceof Uint8Array && key.length <= KEY_BYTES_MAX &&
    typeof epoch === "number" && epoch >>> 0 === epoch && (value === null || value instanceof Uint8Array);
}

type StoredRow = [lsn: number, key: Uint8Array, epoch: number, value: Uint8Array | null];

/** All at once, which takes half the time of one by one; unless their values are too large for that. */
function readRows(db: DatabaseSync, group: string, from: RowCursor): Iterable<StoredRow> {
  const where = `FROM rows WHERE group_id = (SELECT id FROM groups WHERE name = ?) AND (lsn, key) > (?, ?)
    ORDER BY lsn, key`;
  const size = db.prepare(`SELECT SUM(LENGTH(value)) AS n FROM (SELECT value ${where} LIMIT ${PAGE_ROWS})`)
    .get(group, from.lsn, from.key)?.n;
  const isSmall = Number(size) <= PIECE_BYTES;
  const rows = arrays(db.prepare(`SELECT lsn, key, epoch, value ${where} ${isSmall ? `LIMIT ${PAGE_ROWS}` : ""}`));
  const found: unknown = isSmall ? rows.all(group, from.lsn, from.key) : rows.iterate(group, from.lsn, from.key);
  return found as Iterable<StoredRow>;
}

/** Rows as arrays, which cost less than objects. Deno has it (Node since 24); its types do not. */
function arrays(statement: StatementSync): StatementSync {
  (statement as StatementSync & { setReturnArrays(on: boolean): void }).setReturnArrays(true);
  return statement;
}
