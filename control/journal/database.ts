/** The database file itself. Everything here throws what SQLite throws; `store.ts` decides what to do about it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { dirname } from "node:path";
import { EPOCH_MAX } from "../core/limits.ts";
import type { JitterRow } from "../core/jitter.ts";
import type { EntryQuery, JournalEntry } from "./entry.ts";
import type { EpochMark, EpochMarks } from "./epoch_copy.ts";
import { failureKind, JournalError } from "./failure.ts";
import { removeIfThere, syncFolder } from "./files.ts";
import { JitterTable } from "./jitter_table.ts";
import { migrate, requireSchema, SCHEMA } from "./schema.ts";
import { selectEntries } from "./select.ts";

export const EVENTS_KEPT = 100_000;
export const SWITCHES_KEPT = 10_000;
/** Rows deleted at once at most, so that nobody waits long for the journal. */
const PRUNE_STEP = 500;

/** Fact that stands while epochs of groups without a row are not known. */
const UNPROVEN = "unproven_since";

/** Files that belong to a database, the main one last: while it stands, so does the journal. */
export const DATABASE_SUFFIXES = ["-wal", "-shm", ""] as const;

export class JournalDatabase {
  readonly #db: DatabaseSync;
  readonly #raise: StatementSync;
  readonly #noteUsed: StatementSync;
  readonly #addEvent: StatementSync;
  readonly #addSwitch: StatementSync;
  readonly #jitter: JitterTable;

  /** Opens a journal that exists. Checks the epochs, which are needed at once; `verify` checks the rest. */
  static open(path: string): JournalDatabase {
    const db = new DatabaseSync(path, { timeout: 2000 });
    try {
      requireSchema(db, path);
      requireSound(db, path, "(epochs)");
      migrate(db);
      db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA journal_size_limit = 4194304");
      return new JournalDatabase(db);
    } catch (error) {
      closeQuietly(db);
      throw error;
    }
  }

  /** Makes a new journal that knows these epochs, whole or not at all: it gets its name last. */
  static create(path: string, marks: EpochMarks): JournalDatabase {
    const next = `${path}.new`;
    for (const suffix of ["-journal", ...DATABASE_SUFFIXES]) removeIfThere(next + suffix);
    Deno.writeFileSync(next, new Uint8Array(0), { createNew: true, mode: 0o600 });
    const db = new DatabaseSync(next);
    try {
      db.exec(`PRAGMA synchronous = FULL; BEGIN; ${SCHEMA}`);
      const add = db.prepare("INSERT INTO epochs (group_name, reserved_up_to, unproven) VALUES (?, ?, ?)");
      for (const [group, mark] of marks.groups) add.run(group, mark.reservedUpTo, mark.unproven ? 1 : 0);
      if (marks.othersUnproven) {
        db.prepare("INSERT INTO facts (name, value) VALUES (?, ?)").run(UNPROVEN, new Date().toISOString());
      }
      db.exec("COMMIT");
    } finally {
      closeQuietly(db);
    }
    Deno.renameSync(next, path);
    syncFolder(dirname(path));
    return JournalDatabase.open(path);
  }

  private constructor(db: DatabaseSync) {
    this.#db = db;
    this.#raise = db.prepare(`
      INSERT INTO epochs (group_name, reserved_up_to, unproven) VALUES (:group, :floor + :block, NOT :proven)
      ON CONFLICT (group_name) DO UPDATE
        SET reserved_up_to = MAX(reserved_up_to, last_used, :floor) + :block, unproven = unproven AND NOT :proven
      RETURNING reserved_up_to`);
    this.#noteUsed = db.prepare(`
      UPDATE epochs SET last_used = MAX(last_used, :epoch), unproven = 0
      WHERE group_name = :group AND (last_used < :epoch OR unproven)`);
    this.#addEvent = db.prepare(
      "INSERT OR REPLACE INTO events (id, at, level, kind, group_name, body) VALUES (?, ?, ?, ?, ?, ?)",
    );
    this.#jitter = new JitterTable(db);
    this.#addSwitch = db.prepare(`
      INSERT OR REPLACE INTO switches (id, at, group_name, kind, outcome, epoch, duration_us, body)
      VALUES (?, ?, ?, ?, ?, ?, ?, ?)`);
  }

  /** Counted delays of a span of time. */
  addJitter(row: JitterRow): void {
    this.#transaction(() => this.#jitter.add(row));
  }

  jitter(sinceS: number): JitterRow[] {
    return this.#jitter.select(sinceS);
  }

  epochMarks(): EpochMarks {
    return readEpochMarks(this.#db);
  }

  /** Highest id of an entry, 0 in an empty journal. */
  lastEntryId(): number {
    const row = this.#db.prepare(`
      SELECT MAX(IFNULL((SELECT MAX(id) FROM events), 0), IFNULL((SELECT MAX(id) FROM switches), 0)) AS id`).get();
    return Number(row?.id);
  }

  /**
   * Reserves `block` epochs above everything reserved or used before and above `floor`; returns the highest.
   * @param confirm called with that number before the commit; if it throws, nothing is reserved
   */
  reserve(group: string, floor: number, block: number, proven: boolean, confirm: (upTo: number) => void): number {
    return this.#transaction(() => {
      const row = this.#raise.get({ group, floor, block, proven: proven ? 1 : 0 });
      const upTo = Number(row?.reserved_up_to);
      if (!(upTo > floor && upTo <= EPOCH_MAX)) {
        throw new JournalError("usedUp", `${group}: no epochs are left above ${floor}`);
      }
      confirm(upTo);
      return upTo;
    });
  }

  /** Writes entries in one transaction: one wait for the disk however many they are. */
  append(entries: readonly JournalEntry[]): void {
    this.#transaction(() => {
      for (const entry of entries) this.#add(entry);
    });
  }

  #add(entry: JournalEntry): void {
    if (entry.type === "event") {
      const e = entry.event;
      this.#addEvent.run(entry.id, e.at, e.level, e.kind, e.group ?? null, JSON.stringify(e));
      return;
    }
    const r = entry.receipt;
    const durationUs = Number.isFinite(r.durationUs) ? r.durationUs : 0;
    this.#addSwitch.run(entry.id, r.at, r.group, r.kind, r.outcome, r.epoch, durationUs, JSON.stringify(r));
    if (r.outcome === "done") this.noteUsed(r.group, r.epoch);
  }

  /** An epoch was used, here or by the peer; that the group's epochs are known again follows. */
  noteUsed(group: string, epoch: number): void {
    this.#noteUsed.run({ group, epoch });
  }

  /** Writes something: after a full or read-only disk, whether it can be written again. */
  touch(): void {
    this.#db.prepare("INSERT OR REPLACE INTO facts (name, value) VALUES ('written', ?)").run(new Date().toISOString());
  }

  select(query: EntryQuery): JournalEntry[] {
    return selectEntries(this.#db, query);
  }

  /** Deletes some of what is older than the journal keeps; true if there may be more. @param nowS Unix seconds */
  prune(eventsKept: number, switchesKept: number, nowS: number): boolean {
    const deleted = this.#pruneTable("events", eventsKept) + this.#pruneTable("switches", switchesKept);
    const folded = this.#transaction(() => this.#jitter.fold(nowS));
    return deleted >= PRUNE_STEP || folded;
  }

  #pruneTable(table: "events" | "switches", kept: number): number {
    const changes = this.#db.prepare(`
      DELETE FROM ${table} WHERE id IN (
        SELECT id FROM ${table} WHERE id <= (SELECT id FROM ${table} ORDER BY id DESC LIMIT 1 OFFSET ?) ORDER BY id LIMIT ${PRUNE_STEP})`)
      .run(kept).changes;
    return Number(changes);
  }

  /** Checks the whole file; throws `JournalError` `damaged` with what is wrong. */
  verify(path: string): void {
    requireSound(this.#db, path, "");
    requireSoundAnew(path);
  }

  close(): void {
    closeQuietly(this.#db);
  }

  #transaction<T>(body: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = body();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      // SQLite has rolled back by itself after some errors (a full disk among them).
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }
}

/** The epochs of an open database, sound or not; throws what SQLite throws. Values that cannot be epochs are left out. */
export function readEpochMarks(db: DatabaseSync): EpochMarks {
  const groups = new Map<string, EpochMark>();
  const rows = db.prepare("SELECT group_name, MAX(reserved_up_to, last_used) AS up_to, unproven FROM epochs").all();
  for (const { group_name: group, up_to: upTo, unproven } of rows) {
    if (typeof group !== "string" || typeof upTo !== "number" || !(upTo >= 0 && upTo <= EPOCH_MAX)) continue;
    groups.set(group, { reservedUpTo: upTo, unproven: unproven !== 0 });
  }
  const lost = db.prepare("SELECT 1 AS lost FROM facts WHERE name = ?").get(UNPROVEN);
  return { groups, othersUnproven: lost !== undefined };
}

function requireSound(db: DatabaseSync, path: string, table: string): void {
  const rows = db.prepare(`PRAGMA quick_check${table}`).all();
  const first = String(rows[0]?.quick_check);
  if (first !== "ok") throw new JournalError("damaged", `${path}: ${first}`);
}

/** By a connection of its own: the one that writes has pages in memory, and does not see what became of the file. */
function requireSoundAnew(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true, timeout: 2000 });
  try {
    requireSchema(db, path);
    requireSound(db, path, "");
  } catch (error) {
    // A lock or a disk that fails says nothing about the file.
    if (failureKind(error) === "damaged") throw error;
  } finally {
    closeQuietly(db);
  }
}

function closeQuietly(db: DatabaseSync): void {
  try {
    db.close();
  } catch {
    // Closed already, or a checkpoint that a full disk refused: the WAL stays and is read at the next start.
  }
}
