/**
 * The journal that does not give up: whatever happens to its file, it keeps what it can, says what it cannot, and comes
 * back by itself.
 *
 * | the file | what happens |
 * | --- | --- |
 * | damaged, at the start or later | set aside as `journal.db.damaged-TIME`, a new one made, epochs kept |
 * | disk full, read-only, not to be opened | entries wait in memory (1,000, then the oldest go), tried again 1 s … 1 min later |
 * | of a newer segue | `open` throws: nothing is touched |
 *
 * Not for a thread that must never wait for a disk.
 */
import { dirname, join } from "node:path";
import { EPOCH_MAX } from "../core/limits.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import { Backlog } from "./backlog.ts";
import { EVENTS_KEPT, JournalDatabase, SWITCHES_KEPT } from "./database.ts";
import type { EntryQuery, EpochStart, JournalEntry, JournalHealth } from "./entry.ts";
import { ENTRY_LIMIT } from "./entry.ts";
import { type EpochMarks, readEpochCopy, writeEpochCopy } from "./epoch_copy.ts";
import { EpochLedger } from "./epoch_ledger.ts";
import { failureKind, failureText, JournalError } from "./failure.ts";
import { exists } from "./files.ts";
import { newestSetAside, PLAUSIBLE_MAX, salvageEpochs, setAside } from "./salvage.ts";
import { DATABASE_SUFFIXES } from "./sqlite.ts";
import { nextTrouble, retryInMs, type Trouble } from "./trouble.ts";

/** Epochs reserved at a time. */
export const EPOCH_BLOCK = 1000;
/**
 * Where the copy of the epochs cannot be read the database alone has them, and it may have lost some: what a reader kept in the log, or
 * a write that the disk only claimed. So far ahead is above all of it: the log is written back after 1,000 pages.
 */
export const EPOCH_LEAP = 4096 * EPOCH_BLOCK;
/** Entries that may wait in memory for the disk. */
export const BACKLOG_MAX = 1000;

/** How many entries are kept on the disk. */
export interface Retention {
  readonly events: number;
  readonly switches: number;
}

export class JournalStore {
  readonly #path: string;
  readonly #copyPath: string;
  readonly #retention: Retention;
  #db: JournalDatabase | null = null;
  readonly #ledger = new EpochLedger();
  readonly #first = new Map<string, EpochStart>();
  readonly #backlog = new Backlog(BACKLOG_MAX, Math.floor(Date.now() / 1000));
  #trouble: Trouble | null = null;
  /** No copy of the epochs stands by what the database says. */
  #copyLost = false;
  #setAside: string | null = null;
  #note = "";

  /**
   * Opens or makes the journal. Never throws for a damaged, full or read-only one: `health` says it.
   * @throws JournalError of kind `newer`, and what keeps the folder from being made
   */
  static open(path: string, retention: Retention = { events: EVENTS_KEPT, switches: SWITCHES_KEPT }): {
    store: JournalStore;
    health: JournalHealth;
  } {
    const store = new JournalStore(path, retention);
    store.#begin();
    return { store, health: store.health() };
  }

  private constructor(path: string, retention: Retention) {
    this.#path = path;
    this.#copyPath = join(dirname(path), "epochs");
    this.#retention = retention;
  }

  health(): JournalHealth {
    const waiting = this.#backlog.entries.length;
    const dropped = this.#backlog.dropped;
    const lost = dropped === 0 ? "" : `; ${dropped} entries were lost`;
    const text = this.#trouble === null
      ? (this.#note || "ok") + lost
      : `${this.#trouble.text}; ${waiting} entries wait in memory${lost}`;
    return {
      ok: this.#trouble === null,
      text,
      path: this.#path,
      ...(this.#setAside === null ? {} : { setAside: this.#setAside }),
      waiting,
      dropped,
    };
  }

  /** Id that the next entry gets. */
  get nextId(): number {
    return this.#backlog.nextId;
  }

  /** What this run may use. The first call for a group reserves a block; later calls repeat the answer. */
  firstEpoch(group: string): EpochStart {
    const known = this.#first.get(group);
    if (known) return known;
    const { reservedUpTo: lastUsed, unproven } = this.#ledger.mark(group);
    try {
      const start = { group, lastUsed, reservedUpTo: this.reserve(group, 0), unproven };
      this.#first.set(group, start);
      return start;
    } catch (error) {
      if (!(error instanceof JournalError)) throw error;
      // A later block may be above what a failed attempt left in the copy, never below.
      return { group, lastUsed, reservedUpTo: lastUsed, unproven };
    }
  }

  /**
   * Reserves epochs that nobody has used: those above `above` and above every earlier reservation, up to the number
   * that is returned. They are on the disk twice when it returns.
   * @throws JournalError if they cannot be put there
   */
  reserve(group: string, above: number, block = EPOCH_BLOCK): number {
    const known = this.#ledger.mark(group);
    const floor = Math.max(known.reservedUpTo, above);
    if (!Number.isSafeInteger(above) || floor >= EPOCH_MAX) {
      throw new JournalError("usedUp", `${group}: no epochs are left above ${floor}`);
    }
    // Only a peer can have told of an epoch above all that were ever reserved here.
    const proven = !known.unproven || above > known.reservedUpTo;
    const size = Math.min(block, EPOCH_MAX - floor);
    return this.#write("reserve epochs", (db) =>
      db.reserve(group, floor, size, proven, (upTo) => {
        const mark = { reservedUpTo: upTo, unproven: !proven };
        writeEpochCopy(this.#copyPath, this.#ledger.allWith(group, mark));
        this.#copyLost = false;
        // From here on the copy says so, whatever becomes of the commit.
        this.#ledger.set(group, mark);
      }));
  }

  /**
   * An epoch was used: by this node, or by the peer. Receipts of finished switches say so by themselves.
   * @throws JournalError if it cannot be written
   */
  noteUsed(group: string, epoch: number): void {
    this.#write("note an epoch", (db) => db.noteUsed(group, epoch));
    this.#ledger.prove(group, epoch);
  }

  addReceipt(receipt: SwitchReceipt): void {
    this.add({ id: this.nextId, type: "switch", receipt });
    this.flush();
  }

  addEvent(event: NodeEvent): void {
    this.add({ id: this.nextId, type: "event", event });
    this.flush();
  }

  /** Puts an entry into the backlog; `flush` writes it. One whose id is not new gets the next one. */
  add(entry: JournalEntry): void {
    if (this.#backlog.full) this.flush();
    this.#backlog.add(entry);
  }

  /** Writes what waits, in one transaction, unless the disk failed a moment ago. */
  flush(): void {
    if (this.#backlog.entries.length === 0 && this.#trouble === null) return;
    if (this.retryInMs() > 0) return;
    try {
      const mending = this.#trouble !== null;
      this.#write("write", (db) => {
        if (mending) db.touch();
        db.append(this.#backlog.entries);
      });
    } catch (error) {
      if (error instanceof JournalError) return;
      throw error;
    }
    for (const entry of this.#backlog.take()) {
      if (entry.type === "switch" && entry.receipt.outcome === "done") {
        this.#ledger.prove(entry.receipt.group, entry.receipt.epoch);
      }
    }
  }

  /** Milliseconds until `flush` tries the disk again; 0 if nothing keeps it from it. */
  retryInMs(): number {
    return retryInMs(this.#trouble);
  }

  /** Entries on the disk and those that wait for it. */
  entries(query: EntryQuery): JournalEntry[] {
    this.flush();
    let stored: JournalEntry[] = [];
    try {
      stored = this.#db?.select(query) ?? [];
    } catch (error) {
      this.#failed("read", error);
    }
    const limit = query.limit ?? ENTRY_LIMIT;
    const all = [...stored, ...this.#backlog.select(query)];
    return query.afterId === undefined ? all.slice(-limit) : all.slice(0, limit);
  }

  /** Deletes some of what is too old; true if there is more to delete. */
  prune(): boolean {
    const { events, switches } = this.#retention, nowS = Math.floor(Date.now() / 1000);
    return this.attempt("delete old entries", (db) => db.prune(events, switches, nowS), false);
  }

  /** Does what is worth no queue and no second try; returns `otherwise` where it cannot be done now. */
  attempt<T>(what: string, body: (db: JournalDatabase) => T, otherwise: T): T {
    if (this.#trouble !== null || this.#db === null) return otherwise;
    try {
      return body(this.#db);
    } catch (error) {
      this.#failed(what, error);
      return otherwise;
    }
  }

  /** Checks the whole file, which takes a while; a damaged one is set aside. Not while the disk refuses: first things first. */
  verify(): void {
    this.attempt("check", (db) => db.verify(this.#path), undefined);
  }

  /** Writes what waits, if it can be written, and closes the file. */
  close(): void {
    if (this.#trouble !== null) this.#trouble = { ...this.#trouble, retryAt: 0 };
    this.flush();
    this.#db?.close();
    this.#db = null;
  }

  #begin(): void {
    Deno.mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    const copy = readEpochCopy(this.#copyPath);
    // First of all: what the copy says holds whatever becomes of the database.
    if (copy) this.#ledger.learn(copy);
    this.#copyLost = copy === null;
    this.#ledger.othersUnproven = copy?.othersUnproven ?? true;
    try {
      this.#db = exists(this.#path) ? this.#openExisting() : this.#makeMissing(copy !== null);
      this.#backlog.startAbove(this.#db.lastEntryId());
    } catch (error) {
      if (error instanceof JournalError && error.kind === "newer") throw error;
      if (failureKind(error) !== "damaged") this.#learnReadOnly();
      this.#failed("open", error);
    }
  }

  #openExisting(): JournalDatabase {
    const db = JournalDatabase.open(this.#path);
    const marks = db.epochMarks();
    this.#requirePlausible(db, marks);
    this.#ledger.learn(marks, this.#copyLost ? EPOCH_LEAP : 0);
    // A sound database knows which groups it does not have.
    this.#ledger.othersUnproven &&= marks.othersUnproven;
    return db;
  }

  /** A page can be damaged so that it looks sound: SQLite keeps no checksums. The copy does. */
  #requirePlausible(db: JournalDatabase, marks: EpochMarks): void {
    for (const [group, { reservedUpTo }] of marks.groups) {
      if (reservedUpTo <= PLAUSIBLE_MAX || reservedUpTo <= this.#ledger.mark(group).reservedUpTo) continue;
      db.close();
      throw new JournalError("damaged", `epoch ${reservedUpTo} of ${group} cannot be`);
    }
  }

  /** There is no database: the first start, or somebody has taken it away. */
  #makeMissing(copied: boolean): JournalDatabase {
    const log = DATABASE_SUFFIXES.some((suffix) => exists(this.#path + suffix));
    const aside = newestSetAside(this.#path);
    const salvaged = aside === null || copied ? null : salvageEpochs(aside);
    if (salvaged) this.#ledger.learn(salvaged, EPOCH_LEAP);
    const first = !copied && !log && aside === null;
    if (first) this.#ledger.othersUnproven = false;
    else this.#note = copied ? "the journal was missing; epochs kept from their copy" : "the journal was missing";
    return this.#create();
  }

  #create(): JournalDatabase {
    // A log without its database would be played into the new one.
    if (DATABASE_SUFFIXES.some((suffix) => exists(this.#path + suffix))) {
      this.#setAside = setAside(this.#path, new Date());
    }
    return JournalDatabase.create(this.#path, this.#ledger.all());
  }

  /** The file cannot be opened to write: what it says about epochs may still be read. */
  #learnReadOnly(): void {
    const marks = salvageEpochs(this.#path);
    if (marks) this.#ledger.learn(marks, this.#copyLost ? EPOCH_LEAP : 0);
  }

  /** Does something with the database, once more with a new one if it turns out to be damaged. Throws JournalError. */
  #write<T>(what: string, body: (db: JournalDatabase) => T): T {
    try {
      const result = body(this.#ready());
      this.#trouble = null;
      return result;
    } catch (error) {
      if (error instanceof JournalError && error.kind === "usedUp") throw error;
      this.#failed(what, error);
      if (this.#trouble !== null) throw new JournalError(failureKind(error), this.#trouble.text);
    }
    try {
      return body(this.#ready());
    } catch (error) {
      this.#trouble = this.#nextTrouble(what, error);
      throw new JournalError(failureKind(error), this.#trouble.text);
    }
  }

  #ready(): JournalDatabase {
    if (this.#db !== null) return this.#db;
    this.#db = exists(this.#path) ? this.#openExisting() : this.#create();
    this.#backlog.startAbove(this.#db.lastEntryId());
    return this.#db;
  }

  /** After an error: a damaged file is replaced, anything else is tried again later. */
  #failed(what: string, error: unknown): void {
    const kind = failureKind(error);
    if (kind !== "full") {
      this.#db?.close();
      this.#db = null;
    }
    if (kind !== "damaged") {
      this.#trouble = this.#nextTrouble(what, error);
      return;
    }
    try {
      this.#replaceDamaged(failureText(error));
      this.#trouble = null;
    } catch (second) {
      this.#trouble = this.#nextTrouble("replace the damaged journal", second);
    }
  }

  #replaceDamaged(reason: string): void {
    const aside = setAside(this.#path, new Date());
    this.#setAside = aside;
    const copied = readEpochCopy(this.#copyPath) !== null;
    const salvaged = copied ? null : salvageEpochs(aside);
    if (salvaged) this.#ledger.learn(salvaged, EPOCH_LEAP);
    const kept = copied || salvaged || !this.#ledger.othersUnproven
      ? "epochs were kept"
      : "its epochs are lost, so the peer must tell its own before a takeover";
    this.#note = `the journal was damaged (${reason}) and was set aside as ${aside}; ${kept}`;
    this.#db = this.#create();
  }

  #nextTrouble(what: string, error: unknown): Trouble {
    return nextTrouble(this.#trouble, what, this.#path, error);
  }
}
