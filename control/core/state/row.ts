/** One row of a group's table, and what it may hold. */

/** Longest key, in bytes of UTF-8. */
export const KEY_BYTES_MAX = 1024;
/** Longest value, in bytes. */
export const VALUE_BYTES_MAX = 16 * 1024 * 1024;

export interface StateRow {
  /** Well-formed text of 1 to `KEY_BYTES_MAX` bytes of UTF-8. */
  readonly key: string;
  /** Number of the write that made it, above 0; it is the row's version. */
  readonly lsn: number;
  /** Reign in which it was written, 32 bits. */
  readonly epoch: number;
  /** Null: a tombstone. */
  readonly value: Uint8Array | null;
}

const encoder = new TextEncoder();
/** Room for one character more, so that a key that is too long is seen to be. */
const scratch = new Uint8Array(KEY_BYTES_MAX + 4);

/**
 * The bytes of a key, or null if it cannot be one: empty, too long, or half a surrogate pair, which UTF-8 does not have.
 * They are valid until the next call.
 */
export function keyBytes(key: string): Uint8Array | null {
  const { read, written } = encoder.encodeInto(key, scratch);
  if (written === 0 || written > KEY_BYTES_MAX || read !== key.length || !key.isWellFormed()) return null;
  return scratch.subarray(0, written);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Up to here a loop is faster than a call of the decoder. */
const SHORT = 64;

/** Text of bytes that are UTF-8; throws a TypeError for others. */
export function keyText(bytes: Uint8Array, at: number, length: number): string {
  const key = bytes.subarray(at, at + length);
  for (let i = 0; i < length; i++) if (key[i]! >= 0x80 || i === SHORT) return decoder.decode(key);
  // One flat string; joined character by character it would be a chain of pieces.
  return String.fromCharCode.apply(null, key as unknown as number[]);
}

/** Whether bytes are UTF-8. */
export function isText(bytes: Uint8Array, at: number, length: number): boolean {
  for (let i = at; i < at + length; i++) {
    if (bytes[i]! < 0x80) continue;
    try {
      decoder.decode(bytes.subarray(i, at + length));
      return true;
    } catch {
      return false;
    }
  }
  return true;
}

/** Order of keys: that of their bytes, as SQLite and memcmp have it. Negative, 0 or positive. */
export function compareBytes(
  a: Uint8Array,
  aAt: number,
  aLength: number,
  b: Uint8Array,
  bAt: number,
  bLength: number,
): number {
  const shorter = Math.min(aLength, bLength);
  for (let i = 0; i < shorter; i++) {
    const difference = a[aAt + i]! - b[bAt + i]!;
    if (difference !== 0) return difference;
  }
  return aLength - bLength;
}
