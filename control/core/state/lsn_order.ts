/**
 * The rows in the order of their last writes. A write only adds an entry at the end; the row's older entry is dead from
 * then on, as the row no longer has its LSN, and is swept out later: a page with each page that fills up, and some more.
 */
import type { RowMemory } from "./row_memory.ts";

const PAGE_ENTRIES = 2048;
/** Pages that are swept when one is full: dead entries stay below a third of the living. */
const SWEEP_PAGES = 4;

interface Page {
  readonly lsns: Float64Array;
  readonly rows: Uint32Array;
  count: number;
}

export class LsnOrder {
  readonly #memory: RowMemory;
  #pages: Page[] = [];
  #sweepNext = 0;

  constructor(memory: RowMemory) {
    this.#memory = memory;
  }

  get allocated(): number {
    return this.#pages.length * PAGE_ENTRIES * 12;
  }

  /** A row has been written. Usually its LSN is the highest; a row that comes late is sorted in. */
  add(lsn: number, row: number): void {
    const last = this.#pages.at(-1);
    if (last === undefined || last.lsns[last.count - 1]! < lsn) return this.#append(lsn, row);
    // A row that was forgotten and comes back as it was: its dead entry lives again.
    if (this.#find(lsn, row) !== null) return;
    const number = this.#pageOf(lsn);
    let page = this.#pages[number]!;
    if (page.count === PAGE_ENTRIES) page = this.#split(number, lsn);
    insert(page, placeIn(page, lsn), lsn, row);
  }

  /** Takes out the entry of a row that is about to be removed. */
  remove(lsn: number, row: number): void {
    const found = this.#find(lsn, row);
    if (found === null) return;
    const { number, at } = found, page = this.#pages[number]!;
    page.lsns.copyWithin(at, at + 1, page.count);
    page.rows.copyWithin(at, at + 1, page.count);
    page.count--;
    if (page.count === 0) this.#pages.splice(number, 1);
  }

  /** Takes out every entry above an LSN. */
  truncate(lsn: number): void {
    for (let last = this.#pages.at(-1); last !== undefined; last = this.#pages.at(-1)) {
      last.count = placeIn(last, lsn);
      if (last.count > 0) return;
      this.#pages.pop();
    }
  }

  /** Calls back for each row above an LSN, in order, until it says false. The table must not change meanwhile. */
  visitAbove(lsn: number, visitor: (row: number, lsn: number) => boolean): void {
    let number = this.#pageOf(lsn);
    for (; number < this.#pages.length; number++) {
      const page = this.#pages[number]!;
      for (let at = placeIn(page, lsn); at < page.count; at++) {
        const row = page.rows[at]!, its = page.lsns[at]!;
        if (this.#memory.lsn(row) === its && !visitor(row, its)) return;
      }
    }
  }

  clear(): void {
    this.#pages = [];
    this.#sweepNext = 0;
  }

  #append(lsn: number, row: number): void {
    let page = this.#pages.at(-1);
    if (page === undefined || page.count === PAGE_ENTRIES) {
      this.#pages.push(page = newPage());
      this.#sweep();
    }
    insert(page, page.count, lsn, row);
  }

  /** Entries of the same LSN stand together, wherever a page ends. */
  #find(lsn: number, row: number): { number: number; at: number } | null {
    for (let number = this.#pageOf(lsn - 1); number < this.#pages.length; number++) {
      const page = this.#pages[number]!;
      for (let at = placeIn(page, lsn - 1); at < page.count; at++) {
        if (page.lsns[at] !== lsn) return null;
        if (page.rows[at] === row) return { number, at };
      }
    }
    return null;
  }

  /** The last page that begins at this LSN or below; the first one if all begin above it. */
  #pageOf(lsn: number): number {
    let low = 0, high = this.#pages.length - 1;
    while (low < high) {
      const middle = low + high + 1 >> 1;
      if (this.#pages[middle]!.lsns[0]! <= lsn) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #split(number: number, lsn: number): Page {
    const page = this.#pages[number]!, half = PAGE_ENTRIES / 2;
    const behind = newPage();
    append(behind, page, half);
    page.count = half;
    this.#pages.splice(number + 1, 0, behind);
    return behind.lsns[0]! <= lsn ? behind : page;
  }

  #sweep(): void {
    for (let n = 0; n < SWEEP_PAGES; n++) {
      // The last page is being filled.
      if (this.#sweepNext >= this.#pages.length - 1) {
        this.#sweepNext = 0;
        return;
      }
      this.#sweepPage(this.#sweepNext);
    }
  }

  #sweepPage(number: number): void {
    const page = this.#pages[number]!;
    let kept = 0;
    for (let at = 0; at < page.count; at++) {
      const row = page.rows[at]!, lsn = page.lsns[at]!;
      if (this.#memory.lsn(row) !== lsn) continue;
      page.lsns[kept] = lsn;
      page.rows[kept++] = row;
    }
    page.count = kept;
    const before = this.#pages[number - 1];
    if (kept === 0) {
      this.#pages.splice(number, 1);
    } else if (before !== undefined && before.count + kept <= PAGE_ENTRIES) {
      append(before, page, 0);
      this.#pages.splice(number, 1);
    } else {
      this.#sweepNext++;
    }
  }
}

function newPage(): Page {
  return { lsns: new Float64Array(PAGE_ENTRIES), rows: new Uint32Array(PAGE_ENTRIES), count: 0 };
}

/** The first place in a page whose LSN is above this one. */
function placeIn(page: Page, lsn: number): number {
  const { lsns, count } = page;
  if (count === 0 || lsns[count - 1]! <= lsn) return count;
  let low = 0, high = count;
  while (low < high) {
    const middle = low + high >>> 1;
    if (lsns[middle]! <= lsn) low = middle + 1;
    else high = middle;
  }
  return low;
}

function insert(page: Page, at: number, lsn: number, row: number): void {
  if (at < page.count) {
    page.lsns.copyWithin(at + 1, at, page.count);
    page.rows.copyWithin(at + 1, at, page.count);
  }
  page.lsns[at] = lsn;
  page.rows[at] = row;
  page.count++;
}

function append(to: Page, from: Page, at: number): void {
  to.lsns.set(from.lsns.subarray(at, from.count), to.count);
  to.rows.set(from.rows.subarray(at, from.count), to.count);
  to.count += from.count - at;
}
