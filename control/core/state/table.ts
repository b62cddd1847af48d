/**
 * The table of one group in memory. The primary writes it, the standby applies what it is sent: both do the same.
 *
 * A row is 32 bytes (`row_memory.ts`) and a block for key and value (`arena.ts`); a hash index finds it (`key_index.ts`),
 * and it stands in two orders, of keys (`key_order.ts`) and of writes (`lsn_order.ts`). Nothing of it is an object, so a
 * million rows cost the garbage collector nothing. Everything that comes out is a copy.
 */
import { hashKey, KeyIndex } from "./key_index.ts";
import { KeyOrder } from "./key_order.ts";
import { LsnOrder } from "./lsn_order.ts";
import { PackedReader, PackedWriter, PIECE_BYTES } from "./packed.ts";
import { compareBytes, keyBytes, type StateRow, VALUE_BYTES_MAX } from "./row.ts";
import { RowMemory } from "./row_memory.ts";

/** Bytes of values that `rowsAbove` and `takeAbove` copy at most, but for a single larger row. */
const COPY_BYTES_MAX = 4 * 1024 * 1024;
const NOTHING = new Uint8Array(0);

/** What `list` says of a key. */
export interface ListedKey {
  readonly key: string;
  readonly lsn: number;
  readonly epoch: number;
  /** Bytes of the value. */
  readonly size: number;
}

export class GroupTable {
  readonly #memory = new RowMemory();
  readonly #index = new KeyIndex(this.#memory);
  readonly #byKey: KeyOrder | null;
  readonly #byLsn = new LsnOrder(this.#memory);
  readonly #graves = new LsnOrder(this.#memory);
  #keys = 0;
  #bytes = 0;
  #tombstones = 0;
  #lsn = 0;
  #floor = 0;

  /** @param listed false: without `list`, and without the half of a new key's cost that it takes */
  constructor(listed = true) {
    this.#byKey = listed ? new KeyOrder(this.#memory) : null;
  }

  /** Keys that have a value. */
  get keys(): number {
    return this.#keys;
  }

  /** Bytes of these keys and values. */
  get bytes(): number {
    return this.#bytes;
  }

  get tombstones(): number {
    return this.#tombstones;
  }

  /** Highest LSN that was applied or restored. */
  get lsn(): number {
    return this.#lsn;
  }

  /** Tombstones at or below it were forgotten: a copy that only knows less must get every row. */
  get floor(): number {
    return this.#floor;
  }

  /** Bytes of memory that the table has taken. */
  get allocated(): number {
    const { allocated } = this.#memory;
    return allocated + this.#index.allocated + (this.#byKey?.allocated ?? 0) + this.#byLsn.allocated +
      this.#graves.allocated;
  }

  /** Takes over what is known of the table besides its rows; neither number ever falls by it. */
  restore(floor: number, lsn: number): void {
    this.#floor = Math.max(this.#floor, floor);
    this.#lsn = Math.max(this.#lsn, lsn, floor);
  }

  /** The row of a key, tombstones included; null if there is none. */
  get(key: string): StateRow | null {
    const row = this.#find(key);
    return row < 0 ? null : this.#copy(row, key);
  }

  /** Version of a key without a copy of its value: 0 if there is no row, a tombstone has one. */
  versionOf(key: string): number {
    const row = this.#find(key);
    return row < 0 ? 0 : this.#memory.lsn(row);
  }

  /** `apply` with a value. */
  put(key: string, lsn: number, epoch: number, value: Uint8Array): boolean {
    return this.apply({ key, lsn, epoch, value });
  }

  /** `apply` with a tombstone. */
  delete(key: string, lsn: number, epoch: number): boolean {
    return this.apply({ key, lsn, epoch, value: null });
  }

  /**
   * Applies a row; false if the key has one of the same or a later LSN.
   * @throws RangeError for a key, LSN, epoch or value that cannot be
   */
  apply({ key, lsn, epoch, value }: StateRow): boolean {
    const bytes = keyBytes(key);
    if (bytes === null) throw new RangeError("state: a key is 1 to 1024 bytes of text");
    if (!Number.isSafeInteger(lsn) || lsn < 1) throw new RangeError(`state: ${lsn} is no LSN`);
    if (epoch >>> 0 !== epoch) throw new RangeError(`state: ${epoch} is no epoch`);
    if ((value?.length ?? 0) > VALUE_BYTES_MAX) throw new RangeError("state: a value has at most 16 MiB");
    return this.#apply(bytes, 0, bytes.length, lsn, epoch, value ?? NOTHING, 0, value === null ? -1 : value.length);
  }

  /** Applies packed rows; how many of them were new, or null if the piece is malformed, and then none of it. */
  applyPacked(piece: Uint8Array): number | null {
    const reader = PackedReader.open(piece);
    if (reader === null) return null;
    let applied = 0;
    while (reader.next()) {
      const { bytes, keyAt, keyLength, lsn, epoch, valueAt, valueLength } = reader;
      if (this.#apply(bytes, keyAt, keyLength, lsn, epoch, bytes, valueAt, valueLength)) applied++;
    }
    return applied;
  }

  /** Keys that begin with `prefix` and stand behind `after`, in the order of their bytes; tombstones are left out. */
  list(prefix: string, after: string, limit: number): ListedKey[] {
    const start = encode(prefix), behind = encode(after);
    const found: ListedKey[] = [];
    if (this.#byKey === null) throw new Error("state: list: this table was made without an order of keys");
    if (limit < 1) return found;
    const skip = after !== "" && compare(behind, start) >= 0;
    this.#byKey.visit(skip ? behind : start, skip, (row) => {
      if (!this.#memory.startsWith(row, start)) return false;
      const size = this.#memory.valueLength(row);
      if (size < 0) return true;
      const key = this.#memory.keyText(row);
      found.push({ key, lsn: this.#memory.lsn(row), epoch: this.#memory.epoch(row), size });
      return found.length < limit;
    });
    return found;
  }

  /** Rows above an LSN in the order of their LSNs, tombstones included; fewer than `limit` where values are large. */
  rowsAbove(lsn: number, limit: number): StateRow[] {
    const rows: StateRow[] = [];
    let bytes = 0;
    if (limit < 1) return rows;
    this.#byLsn.visitAbove(lsn, (row) => {
      bytes += Math.max(0, this.#memory.valueLength(row));
      if (rows.length > 0 && bytes > COPY_BYTES_MAX) return false;
      rows.push(this.#copy(row));
      return rows.length < limit;
    });
    return rows;
  }

  /** Whether more rows than `count` stand above an LSN, or longer keys than `keyLength` together. */
  hasMoreAbove(lsn: number, count: number, keyLength: number): boolean {
    let rows = 0, length = 0;
    this.#byLsn.visitAbove(lsn, (row) => {
      rows++;
      length += this.#memory.keyLength(row);
      return rows <= count && length <= keyLength;
    });
    return rows > count || length > keyLength;
  }

  /** The same as `rowsAbove`, packed: as many as fit into `maxBytes`, one at least, none above `lastLsn`. `upTo` is the LSN of the last one. */
  packAbove(
    lsn: number,
    maxBytes: number = PIECE_BYTES,
    lastLsn: number = Infinity,
  ): { piece: Uint8Array<ArrayBuffer>; rows: number; upTo: number } {
    const writer = new PackedWriter(maxBytes);
    let upTo = lsn;
    this.#byLsn.visitAbove(lsn, (row, its) => {
      if (its > lastLsn) return false;
      if (!writer.add(its, this.#memory.epoch(row), this.#memory.key(row), this.#memory.value(row))) return false;
      upTo = its;
      return true;
    });
    const { rows } = writer;
    return { piece: writer.finish(), rows, upTo };
  }

  /** Forgets a key as if it had never been; false if it was not there. */
  forget(key: string): boolean {
    const row = this.#find(key);
    if (row >= 0) this.#remove(row);
    return row >= 0;
  }

  /**
   * Takes out rows above an LSN, the first `limit` of them; fewer where values are large. Called until it returns none:
   * then the table's LSN is this one.
   */
  takeAbove(lsn: number, limit: number): StateRow[] {
    const rows = this.rowsAbove(lsn, limit);
    for (const { key } of rows) this.#remove(this.#find(key));
    if (rows.length === 0) {
      this.#byLsn.truncate(lsn);
      this.#graves.truncate(lsn);
      this.#lsn = Math.min(this.#lsn, lsn);
    }
    return rows;
  }

  /**
   * Forgets the oldest tombstones until `keep` are left, at most `limit` at a time, and raises the floor.
   * Returns how many it forgot.
   */
  compact(keep: number, limit = 10_000): number {
    const surplus = Math.min(this.#tombstones - keep, limit);
    const rows: number[] = [];
    if (surplus < 1) return 0;
    this.#graves.visitAbove(0, (row) => {
      if (this.#memory.valueLength(row) < 0) rows.push(row);
      return rows.length < surplus;
    });
    for (const row of rows) {
      this.#floor = Math.max(this.#floor, this.#memory.lsn(row));
      this.#remove(row);
    }
    return rows.length;
  }

  /** Empty, as new: LSN and floor are 0. */
  clear(): void {
    for (const part of [this.#memory, this.#index, this.#byKey, this.#byLsn, this.#graves]) part?.clear();
    this.#keys =
      this.#bytes =
      this.#tombstones =
      this.#lsn =
      this.#floor =
        0;
  }

  #apply(
    key: Uint8Array,
    keyAt: number,
    keyLength: number,
    lsn: number,
    epoch: number,
    value: Uint8Array,
    valueAt: number,
    valueLength: number,
  ): boolean {
    const hash = hashKey(key, keyAt, keyLength);
    let row = this.#index.find(hash, key, keyAt, keyLength);
    if (row < 0) {
      row = this.#memory.add(hash, key, keyAt, keyLength);
      this.#index.add(row);
      this.#byKey?.add(row);
    } else {
      if (this.#memory.lsn(row) >= lsn) return false;
      this.#count(row, -1);
    }
    this.#memory.write(row, lsn, epoch, value, valueAt, valueLength);
    this.#byLsn.add(lsn, row);
    if (valueLength < 0) this.#graves.add(lsn, row);
    this.#count(row, 1);
    if (lsn > this.#lsn) this.#lsn = lsn;
    return true;
  }

  #count(row: number, sign: 1 | -1): void {
    const size = this.#memory.valueLength(row);
    if (size < 0) {
      this.#tombstones += sign;
      return;
    }
    this.#keys += sign;
    this.#bytes += sign * (size + this.#memory.keyLength(row));
  }

  #find(key: string): number {
    const bytes = keyBytes(key);
    return bytes === null ? -1 : this.#index.find(hashKey(bytes, 0, bytes.length), bytes, 0, bytes.length);
  }

  #remove(row: number): void {
    const lsn = this.#memory.lsn(row);
    this.#count(row, -1);
    this.#byLsn.remove(lsn, row);
    if (this.#memory.valueLength(row) < 0) this.#graves.remove(lsn, row);
    this.#index.remove(row);
    this.#byKey?.remove(row);
    this.#memory.remove(row);
  }

  #copy(row: number, key = this.#memory.keyText(row)): StateRow {
    const value = this.#memory.value(row)?.slice() ?? null;
    return { key, lsn: this.#memory.lsn(row), epoch: this.#memory.epoch(row), value };
  }
}

const encoder = new TextEncoder();

function encode(text: string): Uint8Array {
  return encoder.encode(text);
}

function compare(a: Uint8Array, b: Uint8Array): number {
  return compareBytes(a, 0, a.length, b, 0, b.length);
}
