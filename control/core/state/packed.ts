/**
 * Many rows in one piece of memory: between threads, to the peer, from the disk. Big-endian.
 *
 * ```
 *  0 u8 version 1   1 u8 0   2 u16 0   4 u32 rows
 *  rows × { f64 lsn, u32 epoch, u32 bytes of the value or 0xffffffff: tombstone, u16 bytes of the key, key, value }
 * ```
 */
import { isText, KEY_BYTES_MAX, keyBytes, keyText, type StateRow, VALUE_BYTES_MAX } from "./row.ts";

export const PACKED_VERSION = 1;
const HEAD_BYTES = 8;
const ROW_BYTES = 18;
const TOMBSTONE = 0xffff_ffff;
/** Usual size of a piece: one message, one datagram stream's bite, one transaction. */
export const PIECE_BYTES = 256 * 1024;
/** A piece that is decoded has at most this many bytes: the largest row, or as many small ones as a full piece has. */
export const PACKED_BYTES_MAX = HEAD_BYTES + ROW_BYTES + KEY_BYTES_MAX + VALUE_BYTES_MAX;
const SECOND_BYTES = 1024;
const NOTHING = new Uint8Array(0);
const NO_VIEW = new DataView(NOTHING.buffer);

/** Fills one piece of memory with rows. */
export class PackedWriter {
  readonly #max: number;
  #bytes = NOTHING;
  #view = NO_VIEW;
  #used = HEAD_BYTES;
  #rows = 0;

  /** @param maxBytes size at which it is full; a single row may be larger */
  constructor(maxBytes: number = PIECE_BYTES) {
    this.#max = Math.min(maxBytes, PACKED_BYTES_MAX);
  }

  get rows(): number {
    return this.#rows;
  }

  /** Adds a row; false if there is no room for it, which never happens to the first one. `value` null: a tombstone. */
  add(lsn: number, epoch: number, key: Uint8Array, value: Uint8Array | null): boolean {
    const size = ROW_BYTES + key.length + (value?.length ?? 0);
    if (this.#rows > 0 && this.#used + size > this.#max) return false;
    this.#reserve(size);
    const at = this.#used;
    this.#view.setFloat64(at, lsn);
    this.#view.setUint32(at + 8, epoch);
    this.#view.setUint32(at + 12, value === null ? TOMBSTONE : value.length);
    this.#view.setUint16(at + 16, key.length);
    this.#bytes.set(key, at + ROW_BYTES);
    if (value !== null) this.#bytes.set(value, at + ROW_BYTES + key.length);
    this.#used += size;
    this.#rows++;
    return true;
  }

  /** The piece, in a buffer of its own that can be transferred. The writer is empty afterwards. */
  finish(): Uint8Array<ArrayBuffer> {
    if (this.#rows === 0) this.#reserve(0);
    this.#view.setUint8(0, PACKED_VERSION);
    this.#view.setUint32(4, this.#rows);
    const piece = this.#used === this.#bytes.length
      ? this.#bytes
      : new Uint8Array(this.#bytes.buffer.transfer(this.#used));
    this.#bytes = NOTHING;
    this.#view = NO_VIEW;
    this.#used = HEAD_BYTES;
    this.#rows = 0;
    return piece;
  }

  /** The first row gets what it needs, as most pieces are of one; with the second one room for many is made. */
  #reserve(size: number): void {
    const needed = this.#used + size;
    if (needed <= this.#bytes.length) return;
    const room = this.#rows === 0
      ? needed
      : Math.max(needed, Math.min(Math.max(SECOND_BYTES, this.#bytes.length * 2), this.#max));
    this.#bytes = this.#rows === 0 ? new Uint8Array(room) : new Uint8Array(this.#bytes.buffer.transfer(room));
    this.#view = new DataView(this.#bytes.buffer);
  }
}

/** Reads a piece row by row, without making anything but what is asked for. */
export class PackedReader {
  readonly bytes: Uint8Array;
  readonly #view: DataView;
  readonly rows: number;
  #next = HEAD_BYTES;
  #left: number;
  lsn = 0;
  epoch = 0;
  keyAt = 0;
  keyLength = 0;
  valueAt = 0;
  /** -1: a tombstone. */
  valueLength = -1;

  /** Null for anything that is not exactly a piece: all of it is looked at first. */
  static open(bytes: Uint8Array): PackedReader | null {
    if (bytes.length < HEAD_BYTES || bytes.length > PACKED_BYTES_MAX || bytes[0] !== PACKED_VERSION) return null;
    const reader = new PackedReader(bytes);
    return reader.#isWhole() ? new PackedReader(bytes) : null;
  }

  private constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.rows = this.#view.getUint32(4);
    this.#left = this.rows;
  }

  /** Goes to the next row; false behind the last one. */
  next(): boolean {
    if (this.#left === 0) return false;
    this.#left--;
    const at = this.#next;
    this.lsn = this.#view.getFloat64(at);
    this.epoch = this.#view.getUint32(at + 8);
    const value = this.#view.getUint32(at + 12);
    this.valueLength = value === TOMBSTONE ? -1 : value;
    this.keyLength = this.#view.getUint16(at + 16);
    this.keyAt = at + ROW_BYTES;
    this.valueAt = this.keyAt + this.keyLength;
    this.#next = this.valueAt + Math.max(0, this.valueLength);
    return true;
  }

  get key(): Uint8Array {
    return this.bytes.subarray(this.keyAt, this.valueAt);
  }

  get keyText(): string {
    return keyText(this.bytes, this.keyAt, this.keyLength);
  }

  /** A view, not a copy. */
  get value(): Uint8Array | null {
    return this.valueLength < 0 ? null : this.bytes.subarray(this.valueAt, this.valueAt + this.valueLength);
  }

  #isWhole(): boolean {
    if (this.rows > (this.bytes.length - HEAD_BYTES) / (ROW_BYTES + 1)) return false;
    if (this.#view.getUint32(0) !== PACKED_VERSION << 24) return false;
    while (this.#left > 0) {
      if (this.#next + ROW_BYTES > this.bytes.length) return false;
      this.next();
      if (this.#next > this.bytes.length || !this.#isSound()) return false;
    }
    return this.#next === this.bytes.length;
  }

  #isSound(): boolean {
    return this.keyLength > 0 && this.keyLength <= KEY_BYTES_MAX && this.valueLength <= VALUE_BYTES_MAX &&
      Number.isSafeInteger(this.lsn) && this.lsn > 0 && isText(this.bytes, this.keyAt, this.keyLength);
  }
}

/** Sound pieces as one, in a buffer of its own that can be transferred; together they have at most `PACKED_BYTES_MAX`. */
export function joinPieces(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const size = pieces.reduce((sum, { length }) => sum + length - HEAD_BYTES, HEAD_BYTES);
  const joined = new Uint8Array(size), view = new DataView(joined.buffer);
  let rows = 0, at = HEAD_BYTES;
  for (const piece of pieces) {
    rows += new DataView(piece.buffer, piece.byteOffset).getUint32(4);
    joined.set(piece.subarray(HEAD_BYTES), at);
    at += piece.length - HEAD_BYTES;
  }
  view.setUint8(0, PACKED_VERSION);
  view.setUint32(4, rows);
  return joined;
}

/**
 * Packs rows from `from` on, as many as fit into `maxBytes` (one at least); `next` is the first that did not.
 * @throws RangeError for a row that no table can have
 */
export function encodeRows(
  rows: readonly StateRow[],
  from = 0,
  maxBytes: number = PIECE_BYTES,
): { bytes: Uint8Array<ArrayBuffer>; next: number } {
  const writer = new PackedWriter(maxBytes);
  let next = from;
  for (; next < rows.length; next++) {
    const row = rows[next]!;
    const key = keyBytes(row.key);
    if (key === null || !isRowSound(row)) {
      throw new RangeError("packed rows: a row with a key, value or LSN that cannot be");
    }
    if (!writer.add(row.lsn, row.epoch, key, row.value)) break;
  }
  return { bytes: writer.finish(), next };
}

/** The rows of a piece; their values are views of it. Null if it is malformed. */
export function decodeRows(bytes: Uint8Array): StateRow[] | null {
  const reader = PackedReader.open(bytes);
  if (reader === null) return null;
  const rows: StateRow[] = [];
  while (reader.next()) {
    rows.push({ key: reader.keyText, lsn: reader.lsn, epoch: reader.epoch, value: reader.value });
  }
  return rows;
}

function isRowSound({ lsn, epoch, value }: StateRow): boolean {
  return Number.isSafeInteger(lsn) && lsn > 0 && epoch >>> 0 === epoch && (value?.length ?? 0) <= VALUE_BYTES_MAX;
}
