/**
 * The groups' state on the disk, which does not give up: whatever happens to its file, it keeps what it can, says what it
 * cannot, and comes back by itself.
 *
 * | the file | what happens |
 * | --- | --- |
 * | damaged, at the start or later | set aside as `state.db.damaged-TIME`, a new one made; `lost` says that it wants all tables again |
 * | disk full, read-only, not to be opened | changes wait in memory, each key once; tried again 1 s … 1 min later |
 * | of a newer segue | `open` throws: nothing is touched |
 *
 * Not for a thread that must never wait for a disk.
 */
import type { DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { copyDatabase } from "./copy_database.ts";
import { failureKind, failureText, JournalError } from "./failure.ts";
import { exists } from "./files.ts";
import { openReadOnly, type ReadOnlyJournal } from "./open_readonly.ts";
import { setAside } from "./salvage.ts";
import { DATABASE_SUFFIXES } from "./sqlite.ts";
import { type StateBatch, StateBatches } from "./state_batch.ts";
import type { Orphan, Position, Reign, StateChange } from "./state_change.ts";
import { StateCommit } from "./state_commit.ts";
import type { RowCursor } from "./state_cursor.ts";
import { StateDatabase } from "./state_database.ts";
import { pruneState } from "./state_prune.ts";
import { type RowPage, selectOrphans, selectPage, selectPosition, selectReigns } from "./state_select.ts";
import { nextTrouble, retryInMs, type Trouble } from "./trouble.ts";

/** Whether the state can be written, in words for people. */
export interface StateHealth {
  readonly ok: boolean;
  readonly text: string;
  readonly path: string;
  /** Where a damaged file was put. */
  readonly setAside?: string;
  /** Rows that wait in memory for the disk. */
  readonly waiting: number;
}

/** What is stored of a group besides its rows. */
export interface StoredGroup extends Position {
  readonly reigns: readonly Reign[];
}

export class StateStore {
  readonly #path: string;
  readonly #groups: readonly string[];
  #db: StateDatabase | null = null;
  /** While the file cannot be opened to write. */
  #reader: ReadOnlyJournal | null = null;
  readonly #batches = new StateBatches();
  #commit: StateCommit | null = null;
  #sequence = 0;
  #durable = 0;
  #dropped = 0;
  #trouble: Trouble | null = null;
  #setAside: string | null = null;
  #note = "";
  /** Files that were lost in this run: a table that is older than the last one of them is not whole on the disk. */
  #losses = 0;
  readonly #wholeSince = new Map<string, number>();

  /**
   * Opens or makes the file. Never throws for a damaged, full or read-only one: `health` says it.
   * @param groups a file that takes the place of a damaged one says of these from its first moment that they are not whole
   * @throws JournalError of kind `newer`
   */
  static open(path: string, groups: readonly string[] = []): StateStore {
    const store = new StateStore(path, groups);
    try {
      Deno.mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      store.#ready();
    } catch (error) {
      if (error instanceof JournalError && error.kind === "newer") throw error;
      store.#failed("open", error);
    }
    return store;
  }

  private constructor(path: string, groups: readonly string[]) {
    this.#path = path;
    this.#groups = groups;
  }

  /** Everything up to this number of an `add` is on the disk. */
  get durable(): number {
    return this.#durable;
  }

  /** Number of the last `add`. */
  get sequence(): number {
    return this.#sequence;
  }

  /** How often the file was lost in this run: after each time every table must be added again, beginning with `clear`. */
  get losses(): number {
    return this.#losses;
  }

  /** Something waits for the disk. */
  get isWaiting(): boolean {
    return this.#commit !== null || !this.#batches.empty;
  }

  health(): StateHealth {
    const waiting = this.#batches.waiting + (this.#commit?.waiting ?? 0);
    const dropped = this.#dropped === 0 ? "" : `; ${this.#dropped} pieces were refused`;
    const text = this.#trouble === null ? this.#note || "ok" : `${this.#trouble.text}; ${waiting} rows wait in memory`;
    const aside = this.#setAside === null ? {} : { setAside: this.#setAside };
    return { ok: this.#trouble === null, text: text + dropped, path: this.#path, ...aside, waiting };
  }

  retryInMs(): number {
    return retryInMs(this.#trouble);
  }

  /** Takes changes over; `flush` writes them. @param sequence number of the last one, higher than those before */
  add(changes: Iterable<StateChange>, sequence: number): void {
    this.#batches.add(changes);
    this.#sequence = sequence;
  }

  /** Writes what waits, one transaction of it, unless the disk failed a moment ago. True if there is more to write. */
  flush(): boolean {
    if (this.retryInMs() > 0) return false;
    if (!this.isWaiting && this.#trouble === null) {
      this.#durable = this.#sequence;
      return false;
    }
    this.#commit ??= this.#takeBatches();
    const commit = this.#commit;
    try {
      if (!this.#write("write", (db) => commit.step(db, (batch) => this.#isWhole(batch)))) return true;
    } catch (error) {
      if (error instanceof JournalError) return false;
      throw error;
    }
    this.#durable = commit.sequence;
    this.#commit = null;
    return !this.#batches.empty;
  }

  /** Null: nothing is stored of the group. @throws JournalError if it cannot be read */
  group(group: string): StoredGroup | null {
    if (this.#isMissing) return null;
    return this.#read((db) => {
      const position = selectPosition(db, group);
      return position && { ...position, reigns: selectReigns(db, group) };
    });
  }

  /** Rows behind `from` in the order of their LSNs. @throws JournalError */
  page(group: string, from: RowCursor): RowPage {
    if (this.#isMissing) return { piece: new Uint8Array(0), rows: 0, next: null };
    return this.#read((db) => selectPage(db, group, from));
  }

  /** @throws JournalError */
  orphans(group: string, limit: number): { total: number; rows: Orphan[] } {
    if (this.#isMissing) return { total: 0, rows: [] };
    return this.#read((db) => selectOrphans(db, group, limit));
  }

  /** Deletes them; how many there were. @throws JournalError */
  dropOrphans(group: string): number {
    return this.#write("delete orphans", (db) => db.dropOrphans(group));
  }

  /** Copies the file, whole or not at all, and never over another one. Returns its size. @throws JournalError */
  backup(path: string): number {
    return this.#read((db) => copyDatabase(db, path));
  }

  /** Deletes some of what nobody needs; true if there is more to do. */
  prune(): boolean {
    if (this.#trouble !== null || this.#db === null) return false;
    try {
      this.#db.boundLog();
      return pruneState(this.#db.db);
    } catch (error) {
      this.#failed("tidy", error);
      return false;
    }
  }

  /** Checks the whole file, which takes a while; a damaged one is set aside. */
  verify(): void {
    try {
      this.#db?.verify();
    } catch (error) {
      this.#failed("check", error);
    }
  }

  /** Writes what waits, if it can be written, and closes the file. */
  close(): void {
    if (this.#trouble !== null) this.#trouble = { ...this.#trouble, retryAt: 0 };
    while (this.flush());
    this.#closeReader();
    this.#db?.close();
    this.#db = null;
  }

  #takeBatches(): StateCommit {
    const batches = this.#batches.take();
    for (const batch of batches) {
      this.#dropped += batch.dropped;
      if (batch.cleared) this.#wholeSince.set(batch.group, this.#losses);
    }
    return new StateCommit(batches, this.#sequence);
  }

  #isWhole(batch: StateBatch): boolean {
    return (this.#wholeSince.get(batch.group) ?? 0) === this.#losses;
  }

  /** The disk has refused to make the file: nothing was ever stored, and that can be said. */
  get #isMissing(): boolean {
    return this.#db === null && this.#trouble !== null && !exists(this.#path);
  }

  #read<T>(body: (db: DatabaseSync) => T): T {
    try {
      return body(this.#readable());
    } catch (error) {
      if (failureKind(error) === "damaged") this.#failed("read", error);
      if (error instanceof JournalError) throw error;
      throw new JournalError(failureKind(error), `cannot read ${this.#path}: ${failureText(error)}`);
    }
  }

  /** A file that cannot be opened to write may still be read. */
  #readable(): DatabaseSync {
    try {
      return this.#ready().db;
    } catch (error) {
      if (failureKind(error) === "damaged" || !exists(this.#path)) throw error;
      this.#reader ??= openReadOnly(this.#path);
      return this.#reader.db;
    }
  }

  /** Does something with the file, once more with a new one if it turns out to be damaged. Throws JournalError. */
  #write<T>(what: string, body: (db: StateDatabase) => T): T {
    for (let attempt = 1;; attempt++) {
      try {
        const result = body(this.#ready());
        this.#trouble = null;
        return result;
      } catch (error) {
        this.#failed(what, error);
        if (this.#trouble === null && attempt === 1) continue;
        this.#trouble ??= nextTrouble(null, what, this.#path, error);
        throw new JournalError(failureKind(error), this.#trouble.text);
      }
    }
  }

  #ready(): StateDatabase {
    if (this.#db !== null) return this.#db;
    if (exists(this.#path)) {
      this.#db = StateDatabase.open(this.#path);
      this.#closeReader();
      return this.#db;
    }
    // A log without its database would be played into the new one.
    if (DATABASE_SUFFIXES.some((suffix) => exists(this.#path + suffix))) {
      this.#setAside = setAside(this.#path, new Date());
    }
    return this.#db = StateDatabase.create(this.#path, this.#losses > 0 ? this.#groups : []);
  }

  #closeReader(): void {
    this.#reader?.close();
    this.#reader = null;
  }

  /** After an error: a damaged file is replaced, anything else is tried again later. */
  #failed(what: string, error: unknown): void {
    this.#commit?.restart();
    const kind = failureKind(error);
    if (kind !== "full") {
      this.#db?.close();
      this.#db = null;
    }
    if (kind !== "damaged") {
      this.#trouble = nextTrouble(this.#trouble, what, this.#path, error);
      return;
    }
    this.#closeReader();
    try {
      this.#setAside = setAside(this.#path, new Date());
      this.#losses++;
      this.#note = `the state was damaged (${failureText(error)}) and was set aside as ${this.#setAside}`;
      this.#ready();
      this.#trouble = null;
    } catch (second) {
      this.#trouble = nextTrouble(this.#trouble, "replace the damaged", this.#path, second);
    }
  }
}
