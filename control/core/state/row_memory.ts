/**
 * Rows by number: 32 bytes each, half a line of the processor's cache, in pages; key and value in a block of the arena.
 *
 * ```
 * 0 f64 lsn   8 u32 epoch   12 u32 block   16 u32 bytes of the value or 0xffffffff   20 u32 hash   24 u32 bytes of the key   28 u32 next unused row
 * ```
 */
import { Arena } from "./arena.ts";
import { compareBytes, keyText } from "./row.ts";

const PAGE_BITS = 12;
const PAGE_ROWS = 1 << PAGE_BITS;
const PAGE_MASK = PAGE_ROWS - 1;
const TOMBSTONE = 0xffff_ffff;
const NO_ROW = 0xffff_ffff;
const EPOCH = 2, BLOCK = 3, VALUE = 4, HASH = 5, KEY = 6, NEXT = 7;

export class RowMemory {
  readonly #arena = new Arena();
  #words: Uint32Array[] = [];
  #lsns: Float64Array[] = [];
  #used = 0;
  #unused = NO_ROW;

  get allocated(): number {
    return this.#arena.allocated + this.#words.length * PAGE_ROWS * 32;
  }

  lsn(row: number): number {
    return this.#lsns[row >>> PAGE_BITS]![(row & PAGE_MASK) * 4]!;
  }

  epoch(row: number): number {
    return this.#get(row, EPOCH);
  }

  hash(row: number): number {
    return this.#get(row, HASH);
  }

  keyLength(row: number): number {
    return this.#get(row, KEY);
  }

  /** -1: a tombstone. */
  valueLength(row: number): number {
    const length = this.#get(row, VALUE);
    return length === TOMBSTONE ? -1 : length;
  }

  /** A new row that has a key and LSN 0. */
  add(hash: number, key: Uint8Array, keyAt: number, keyLength: number): number {
    const row = this.#take();
    const block = this.#arena.allocate(keyLength);
    copy(key, keyAt, keyLength, this.#arena.bytesOf(block), this.#arena.offsetOf(block));
    const words = this.#words[row >>> PAGE_BITS]!, at = (row & PAGE_MASK) * 8;
    this.#lsns[row >>> PAGE_BITS]![(row & PAGE_MASK) * 4] = 0;
    words[at + EPOCH] = 0;
    words[at + BLOCK] = block;
    words[at + VALUE] = TOMBSTONE;
    words[at + HASH] = hash;
    words[at + KEY] = keyLength;
    return row;
  }

  /** Replaces everything but the key. `length` -1: a tombstone. */
  write(row: number, lsn: number, epoch: number, value: Uint8Array, valueAt: number, length: number): void {
    const words = this.#words[row >>> PAGE_BITS]!, at = (row & PAGE_MASK) * 8;
    const keyLength = words[at + KEY]!, size = keyLength + Math.max(0, length);
    let block = words[at + BLOCK]!;
    if (!this.#arena.fits(block, size)) {
      const next = this.#arena.allocate(size);
      copy(
        this.#arena.bytesOf(block),
        this.#arena.offsetOf(block),
        keyLength,
        this.#arena.bytesOf(next),
        this.#arena.offsetOf(next),
      );
      this.#arena.free(block);
      block = words[at + BLOCK] = next;
    }
    if (length > 0) copy(value, valueAt, length, this.#arena.bytesOf(block), this.#arena.offsetOf(block) + keyLength);
    words[at + VALUE] = length < 0 ? TOMBSTONE : length;
    words[at + EPOCH] = epoch;
    this.#lsns[row >>> PAGE_BITS]![(row & PAGE_MASK) * 4] = lsn;
  }

  /** From now on the row has LSN 0, which no row of a table has; its number may come again. */
  remove(row: number): void {
    this.#arena.free(this.#get(row, BLOCK));
    this.#lsns[row >>> PAGE_BITS]![(row & PAGE_MASK) * 4] = 0;
    this.#words[row >>> PAGE_BITS]![(row & PAGE_MASK) * 8 + NEXT] = this.#unused;
    this.#unused = row;
  }

  /** Order of the row's key and another one: negative, 0 or positive. */
  compareKey(row: number, key: Uint8Array, keyAt: number, keyLength: number): number {
    const block = this.#get(row, BLOCK);
    return compareBytes(
      this.#arena.bytesOf(block),
      this.#arena.offsetOf(block),
      this.keyLength(row),
      key,
      keyAt,
      keyLength,
    );
  }

  startsWith(row: number, prefix: Uint8Array): boolean {
    return this.keyLength(row) >= prefix.length &&
      compareBytes(this.key(row), 0, prefix.length, prefix, 0, prefix.length) === 0;
  }

  /** A view, valid until the row is written. */
  key(row: number): Uint8Array {
    const block = this.#get(row, BLOCK), at = this.#arena.offsetOf(block);
    return this.#arena.bytesOf(block).subarray(at, at + this.keyLength(row));
  }

  /** A view, valid until the row is written; null for a tombstone. */
  value(row: number): Uint8Array | null {
    const length = this.valueLength(row);
    if (length < 0) return null;
    const block = this.#get(row, BLOCK), at = this.#arena.offsetOf(block) + this.keyLength(row);
    return this.#arena.bytesOf(block).subarray(at, at + length);
  }

  keyText(row: number): string {
    const block = this.#get(row, BLOCK);
    return keyText(this.#arena.bytesOf(block), this.#arena.offsetOf(block), this.keyLength(row));
  }

  clear(): void {
    this.#arena.clear();
    this.#words = [];
    this.#lsns = [];
    this.#used = 0;
    this.#unused = NO_ROW;
  }

  #get(row: number, field: number): number {
    return this.#words[row >>> PAGE_BITS]![(row & PAGE_MASK) * 8 + field]!;
  }

  #take(): number {
    const row = this.#unused;
    if (row !== NO_ROW) {
      this.#unused = this.#get(row, NEXT);
      return row;
    }
    if (this.#used >>> PAGE_BITS === this.#words.length) {
      const words = new Uint32Array(PAGE_ROWS * 8);
      this.#words.push(words);
      this.#lsns.push(new Float64Array(words.buffer));
    }
    return this.#used++;
  }
}

/** Short pieces by a loop: a call of `set` with a view costs more than they do. */
function copy(from: Uint8Array, fromAt: number, length: number, to: Uint8Array, toAt: number): void {
  if (length > 64) {
    to.set(from.subarray(fromAt, fromAt + length), toAt);
    return;
  }
  for (let i = 0; i < length; i++) to[toAt + i] = from[fromAt + i]!;
}
