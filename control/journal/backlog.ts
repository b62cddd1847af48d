/** Entries that wait for the disk: so many and no more, the oldest go first. Pure. */
import { entryGroup, type EntryQuery, type JournalEntry, plainEntry } from "./entry.ts";

export class Backlog {
  readonly #max: number;
  #entries: JournalEntry[] = [];
  #nextId: number;
  #dropped = 0;

  constructor(max: number, firstId: number) {
    this.#max = max;
    this.#nextId = firstId;
  }

  get entries(): readonly JournalEntry[] {
    return this.#entries;
  }

  /** Entries that were lost because too many waited. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Id that the next entry gets. */
  get nextId(): number {
    return this.#nextId;
  }

  /** Full: one more drops the oldest. */
  get full(): boolean {
    return this.#entries.length >= this.#max;
  }

  /** An entry whose id is not new gets the next one. */
  add(entry: JournalEntry): void {
    if (this.full) {
      this.#entries.shift();
      this.#dropped++;
    }
    const id = Math.max(this.#nextId, entry.id);
    this.#nextId = id + 1;
    this.#entries.push({ ...plainEntry(entry), id });
  }

  /** Empties it; returns what was in it. */
  take(): readonly JournalEntry[] {
    const entries = this.#entries;
    this.#entries = [];
    return entries;
  }

  /** The disk has entries up to this id: what got its id while nobody could know that is numbered anew. */
  startAbove(id: number): void {
    if ((this.#entries[0]?.id ?? this.#nextId) > id) return;
    this.#nextId = id + 1;
    this.#entries = this.#entries.map((entry) => ({ ...entry, id: this.#nextId++ }));
  }

  select(query: EntryQuery): JournalEntry[] {
    return this.#entries.filter((entry) =>
      entry.id > (query.afterId ?? -1) && (query.group === undefined || entryGroup(entry) === query.group)
    );
  }
}
