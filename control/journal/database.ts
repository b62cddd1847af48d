/** The database file itself. Everything here throws what SQLite throws; `store.ts` decides what to do about it. */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { EPOCH_MAX } from "../core/limits.ts";
import type { JitterRow } from "../core/jitter.ts";
import type { EntryQuery, JournalEntry } from "./entry.ts";
import type { EpochMark, EpochMarks } from "./epoch_copy.ts";
import { JournalError } from "./failure.ts";
import { JitterTable } from "./jitter_table.ts";
import { migrate, requireSchema, SCHEMA } from "./schema.ts";
import { selectEntries } from "./select.ts";
import { closeQuietly, createWhole, requireSound, requireSoundAnew, transaction } from "./sqlite.ts";

export const EVENTS_KEPT = 100_000;
export const SWITCHES_KEPT = 10_000;
/** Rows deleted at once at most, so that nobody waits long for the journal. */
const PRUNE_STEP = 500;

/** Fact that stands while epochs of groups without a row are not known. */
const UNPROVEN = "unproven_since";

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
    createWhole(path, (db) => {
      db.exec(`PRAGMA synchronous = FULL; BEGIN; ${SCHEMA}`);
      const add = db.prepare("INSERT INTO epochs (group_name, reserved_up_to, unproven) VALUES (?, ?, ?)");
      for (const [group, mark] of marks.groups) add.run(group, mark.reservedUpTo, mark.unproven ? 1 : 0);
      if (marks.othersUnproven) {
        db.prepare("INSERT INTO facts (name, value) VALUES (?, ?)").run(UNPROVEN, new Date().toISOString());
      }
      db.exec("COMMIT");
    });
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
    transaction(this.#db, () => this.#jitter.add(row));
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
    const reserved = transaction(this.#db, () => {
      const row = this.#raise.get({ group, floor, block, proven: proven ? 1 : 0 });
      const upTo = Number(row?.reserved_up_to);
      if (!(upTo > floor && upTo <= EPOCH_MAX)) {
        throw new JournalError("usedUp", `${group}: no epochs are left above ${floor}`);
      }
      confirm(upTo);
      return upTo;
    });
    // Out of the log, whose end can be lost without a trace: SQLite takes a torn log for one that ends there. Where a reader is in the way it
    // waits for the next time.
    this.#db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    return reserved;
  }

  /** Writes entries in one transaction: one wait for the disk however many they are. */
  append(entries: readonly JournalEntry[]): void {
    transaction(this.#db, () => {
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
    const folded = transaction(this.#db, () => this.#jitter.fold(nowS));
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
    requireSoundAnew(path, requireSchema);
  }

  close(): void {
    closeQuietly(this.#db);
  }
}

/** In a copy of a journal: nobody can tell from it which epochs were used after it was made. */
export function forgetProof(copy: DatabaseSync): void {
  copy.exec("UPDATE epochs SET unproven = 1");
  copy.prepare("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)").run(UNPROVEN, new Date().toISOString());
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
