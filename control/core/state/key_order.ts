/**
 * The rows in the order of their keys: sorted pages of row numbers, kept sorted with each new key. Sorting a million keys
 * when somebody lists them would stop the thread for a second; finding a place costs each new key about a microsecond.
 */
import type { RowMemory } from "./row_memory.ts";

const PAGE_ROWS = 512;

interface Page {
  readonly rows: Uint32Array;
  count: number;
}

export class KeyOrder {
  readonly #memory: RowMemory;
  #pages: Page[] = [];

  constructor(memory: RowMemory) {
    this.#memory = memory;
  }

  get allocated(): number {
    return this.#pages.length * PAGE_ROWS * 4;
  }

  /** A row whose key is not there yet. */
  add(row: number): void {
    const key = this.#memory.key(row);
    const number = this.#pageOf(key);
    const page = this.#pages[number];
    if (page === undefined) {
      this.#pages.push(newPage([row]));
      return;
    }
    const at = this.#placeIn(page, key);
    if (page.count < PAGE_ROWS) return insert(page, at, row);
    // Keys that come in order fill their pages: the last one is not halved.
    if (at === page.count && number === this.#pages.length - 1) {
      this.#pages.push(newPage([row]));
      return;
    }
    const half = PAGE_ROWS / 2;
    const behind = newPage(page.rows.subarray(half));
    page.count = half;
    this.#pages.splice(number + 1, 0, behind);
    if (at <= half) insert(page, at, row);
    else insert(behind, at - half, row);
  }

  /** Takes a row out, while it still has its key. */
  remove(row: number): void {
    const key = this.#memory.key(row);
    const number = this.#pageOf(key), page = this.#pages[number]!;
    const at = this.#placeIn(page, key);
    page.rows.copyWithin(at, at + 1, page.count);
    page.count--;
    const next = this.#pages[number + 1];
    if (page.count === 0) {
      this.#pages.splice(number, 1);
    } else if (page.count < PAGE_ROWS / 4 && next !== undefined && page.count + next.count <= PAGE_ROWS / 2) {
      page.rows.set(next.rows.subarray(0, next.count), page.count);
      page.count += next.count;
      this.#pages.splice(number + 1, 1);
    }
  }

  /** Calls back for each row whose key is `from` or behind it (only behind it with `after`), until it says false. */
  visit(from: Uint8Array, after: boolean, visitor: (row: number) => boolean): void {
    let number = this.#pageOf(from);
    if (number >= this.#pages.length) return;
    let at = this.#placeIn(this.#pages[number]!, from);
    const first = this.#pages[number]!;
    if (after && at < first.count && this.#memory.compareKey(first.rows[at]!, from, 0, from.length) === 0) at++;
    for (; number < this.#pages.length; number++, at = 0) {
      const page = this.#pages[number]!;
      for (; at < page.count; at++) if (!visitor(page.rows[at]!)) return;
    }
  }

  clear(): void {
    this.#pages = [];
  }

  /** The last page that does not begin behind the key. */
  #pageOf(key: Uint8Array): number {
    let low = 0, high = this.#pages.length - 1;
    while (low < high) {
      const middle = low + high + 1 >>> 1;
      if (this.#memory.compareKey(this.#pages[middle]!.rows[0]!, key, 0, key.length) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first place in a page whose key is not before this one. */
  #placeIn(page: Page, key: Uint8Array): number {
    let low = 0, high = page.count;
    while (low < high) {
      const middle = low + high >>> 1;
      if (this.#memory.compareKey(page.rows[middle]!, key, 0, key.length) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function newPage(rows: ArrayLike<number>): Page {
  const page = { rows: new Uint32Array(PAGE_ROWS), count: rows.length };
  page.rows.set(rows);
  return page;
}

function insert(page: Page, at: number, row: number): void {
  page.rows.copyWithin(at + 1, at, page.count);
  page.rows[at] = row;
  page.count++;
}
