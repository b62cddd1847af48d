/**
 * The rows in the order of their keys: sorted pages of row numbers, kept sorted with each new key. Sorting a million keys
 * when somebody lists them would stop the thread for a second; finding a place costs each new key a microsecond or two.
 *
 * What takes the time is to fetch keys from memory, so a page has four bytes of each of its keys at hand: those behind what
 * all of them begin with. They tell most keys apart.
 */
import type { RowMemory } from "./row_memory.ts";
import { compareBytes } from "./row.ts";

const PAGE_ROWS = 1024;

interface Page {
  readonly rows: Uint32Array;
  readonly heads: Uint32Array;
  /** What all keys of the page begin with. */
  prefix: Uint8Array;
  count: number;
}

export class KeyOrder {
  readonly #memory: RowMemory;
  #pages: Page[] = [];

  constructor(memory: RowMemory) {
    this.#memory = memory;
  }

  get allocated(): number {
    return this.#pages.length * PAGE_ROWS * 8;
  }

  /** A row whose key is not there yet. */
  add(row: number): void {
    const key = this.#memory.key(row);
    const number = this.#pageOf(key), page = this.#pages[number];
    if (page === undefined) {
      this.#pages.push(this.#newPage(Uint32Array.of(row)));
      return;
    }
    const at = this.#placeIn(page, key);
    if (page.count < PAGE_ROWS) return this.#insert(page, at, row, key);
    // Keys that come in order fill their pages: the last one is not halved.
    if (at === page.count && number === this.#pages.length - 1) {
      this.#pages.push(this.#newPage(Uint32Array.of(row)));
      return;
    }
    const half = PAGE_ROWS / 2;
    const behind = this.#newPage(page.rows.subarray(half));
    page.count = half;
    this.#learn(page);
    this.#pages.splice(number + 1, 0, behind);
    if (at <= half) this.#insert(page, at, row, key);
    else this.#insert(behind, at - half, row, key);
  }

  /** Takes a row out, while it still has its key. */
  remove(row: number): void {
    const key = this.#memory.key(row);
    const number = this.#pageOf(key), page = this.#pages[number]!;
    const at = this.#placeIn(page, key);
    page.rows.copyWithin(at, at + 1, page.count);
    page.heads.copyWithin(at, at + 1, page.count);
    page.count--;
    const next = this.#pages[number + 1];
    if (page.count === 0) {
      this.#pages.splice(number, 1);
    } else if (page.count < PAGE_ROWS / 4 && next !== undefined && page.count + next.count <= PAGE_ROWS / 2) {
      page.rows.set(next.rows.subarray(0, next.count), page.count);
      page.count += next.count;
      this.#learn(page);
      this.#pages.splice(number + 1, 1);
    }
  }

  /** Calls back for each row whose key is `from` or behind it (only behind it with `after`), until it says false. */
  visit(from: Uint8Array, after: boolean, visitor: (row: number) => boolean): void {
    let number = this.#pageOf(from);
    const first = this.#pages[number];
    if (first === undefined) return;
    let at = this.#placeIn(first, from);
    if (after && at < first.count && this.#compare(first.rows[at]!, from) === 0) at++;
    for (; number < this.#pages.length; number++, at = 0) {
      const page = this.#pages[number]!;
      for (; at < page.count; at++) if (!visitor(page.rows[at]!)) return;
    }
  }

  clear(): void {
    this.#pages = [];
  }

  #newPage(rows: Uint32Array): Page {
    const page = {
      rows: new Uint32Array(PAGE_ROWS),
      heads: new Uint32Array(PAGE_ROWS),
      prefix: new Uint8Array(0),
      count: rows.length,
    };
    page.rows.set(rows);
    this.#learn(page);
    return page;
  }

  #insert(page: Page, at: number, row: number, key: Uint8Array): void {
    page.rows.copyWithin(at + 1, at, page.count);
    page.heads.copyWithin(at + 1, at, page.count);
    page.rows[at] = row;
    page.heads[at] = headOf(key, page.prefix.length);
    page.count++;
    if (comparePrefix(key, page.prefix) !== 0) this.#learn(page);
  }

  /** Finds out what all keys of a page begin with: what the first and the last one do, as they are sorted. */
  #learn(page: Page): void {
    const first = this.#memory.key(page.rows[0]!), last = this.#memory.key(page.rows[page.count - 1]!);
    let length = 0;
    while (length < first.length && length < last.length && first[length] === last[length]) length++;
    page.prefix = first.slice(0, length);
    for (let at = 0; at < page.count; at++) page.heads[at] = headOf(this.#memory.key(page.rows[at]!), length);
  }

  /** The last page that does not begin behind the key. */
  #pageOf(key: Uint8Array): number {
    let low = 0, high = this.#pages.length - 1;
    while (low < high) {
      const middle = low + high + 1 >>> 1;
      if (this.#compare(this.#pages[middle]!.rows[0]!, key) <= 0) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** The first place in a page whose key is not before this one. */
  #placeIn(page: Page, key: Uint8Array): number {
    const side = comparePrefix(key, page.prefix);
    if (side !== 0) return side < 0 ? 0 : page.count;
    const head = headOf(key, page.prefix.length);
    let low = 0, high = page.count;
    while (low < high) {
      const middle = low + high >>> 1, its = page.heads[middle]!;
      if (its < head || (its === head && this.#compare(page.rows[middle]!, key) < 0)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #compare(row: number, key: Uint8Array): number {
    return this.#memory.compareKey(row, key, 0, key.length);
  }
}

/** Four bytes of a key as a number; where it ends, zeros, which a longer key may have too. */
function headOf(key: Uint8Array, at: number): number {
  return ((key[at] ?? 0) << 24 | (key[at + 1] ?? 0) << 16 | (key[at + 2] ?? 0) << 8 | (key[at + 3] ?? 0)) >>> 0;
}

/** 0 if the key begins with the prefix; else on which side of all that do it stands. */
function comparePrefix(key: Uint8Array, prefix: Uint8Array): number {
  return compareBytes(key, 0, Math.min(key.length, prefix.length), prefix, 0, prefix.length);
}
