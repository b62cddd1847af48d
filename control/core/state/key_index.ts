/**
 * Finds the row of a key: open addressing with linear probing. In 256 parts that grow one by one, so that no write waits
 * until a million rows are sorted in anew.
 */
import type { RowMemory } from "./row_memory.ts";

const PARTS = 256;
const FIRST_SLOTS = 16;
/** Slots hold the number of the row plus one. */
const EMPTY = 0;

/** FNV-1a with a last mix, as its low bits alone are weak. 32 bits. */
export function hashKey(key: Uint8Array, at: number, length: number): number {
  let hash = 0x811c_9dc5;
  for (let i = at; i < at + length; i++) hash = Math.imul(hash ^ key[i]!, 0x0100_0193);
  hash = Math.imul(hash ^ hash >>> 15, 0x2c1b_3c6d);
  return (hash ^ hash >>> 13) >>> 0;
}

export class KeyIndex {
  readonly #memory: RowMemory;
  #parts: (Uint32Array | undefined)[] = new Array(PARTS);
  #counts = new Uint32Array(PARTS);

  constructor(memory: RowMemory) {
    this.#memory = memory;
  }

  get allocated(): number {
    return this.#parts.reduce((sum, part) => sum + (part?.byteLength ?? 0), 0);
  }

  /** The row of a key, or -1. */
  find(hash: number, key: Uint8Array, at: number, length: number): number {
    const slots = this.#parts[hash >>> 24];
    if (slots === undefined) return -1;
    const mask = slots.length - 1;
    for (let slot = hash & mask;; slot = slot + 1 & mask) {
      const row = slots[slot]! - 1;
      if (row < 0) return -1;
      if (this.#memory.hash(row) === hash && this.#memory.compareKey(row, key, at, length) === 0) return row;
    }
  }

  /** A row whose key is not there yet. */
  add(row: number): void {
    const hash = this.#memory.hash(row), part = hash >>> 24;
    let slots = this.#parts[part] ??= new Uint32Array(FIRST_SLOTS);
    if (++this.#counts[part]! > slots.length * 0.75) slots = this.#grow(part, slots);
    put(slots, hash, row + 1);
  }

  /** Takes a row out, while it still has its key. */
  remove(row: number): void {
    const hash = this.#memory.hash(row), part = hash >>> 24;
    const slots = this.#parts[part]!, mask = slots.length - 1;
    let hole = hash & mask;
    while (slots[hole] !== row + 1) hole = hole + 1 & mask;
    this.#counts[part]!--;
    // Whoever stands behind the hole because of it moves into it (Knuth, volume 3, algorithm 6.4R).
    for (let slot = hole + 1 & mask; slots[slot] !== EMPTY; slot = slot + 1 & mask) {
      const home = this.#memory.hash(slots[slot]! - 1) & mask;
      if ((slot - home & mask) < (slot - hole & mask)) continue;
      slots[hole] = slots[slot]!;
      hole = slot;
    }
    slots[hole] = EMPTY;
  }

  clear(): void {
    this.#parts = new Array(PARTS);
    this.#counts.fill(0);
  }

  #grow(part: number, old: Uint32Array): Uint32Array {
    const slots = new Uint32Array(old.length * 2);
    for (const entry of old) if (entry !== EMPTY) put(slots, this.#memory.hash(entry - 1), entry);
    return this.#parts[part] = slots;
  }
}

function put(slots: Uint32Array, hash: number, entry: number): void {
  const mask = slots.length - 1;
  let slot = hash & mask;
  while (slots[slot] !== EMPTY) slot = slot + 1 & mask;
  slots[slot] = entry;
}
