/**
 * What a packet of the peer stream says, before it is sealed. A sequence of frames, big-endian:
 *
 * ```
 * 0x01 ping      nothing; wants an acknowledgement
 * 0x02 close     nothing; the sender goes away
 * 0x03 ack       u8 path, u32 µs held back, u8 ranges, u48 largest, u32 numbers before it in the same range,
 *                further ranges × {u32 numbers that are missing − 1, u32 numbers there − 1}, descending
 * 0x1c data      u48 offset, u16 length, bytes of channel c
 * 0x2c credit    u48 offset that channel c may be sent up to
 * ```
 *
 * Offsets and numbers have 48 bits: 256 TiB of a channel in one connection.
 */

export const PING = 0x01;
export const CLOSE = 0x02;
export const ACK = 0x03;
/** Kinds with the channel in their low bits. */
export const DATA = 0x10;
export const CREDIT = 0x20;

export const DATA_HEAD_BYTES = 9;
export const CREDIT_BYTES = 7;
export const ACK_HEAD_BYTES = 17;
export const ACK_RANGE_BYTES = 8;

export function put16(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 8;
  out[at + 1] = value;
}

export function put32(out: Uint8Array, at: number, value: number): void {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
}

export function put48(out: Uint8Array, at: number, value: number): void {
  put16(out, at, Math.floor(value / 0x1_0000_0000));
  put32(out, at + 2, value % 0x1_0000_0000);
}

export function get16(bytes: Uint8Array, at: number): number {
  return bytes[at]! << 8 | bytes[at + 1]!;
}

export function get32(bytes: Uint8Array, at: number): number {
  return (bytes[at]! << 24 | bytes[at + 1]! << 16 | bytes[at + 2]! << 8 | bytes[at + 3]!) >>> 0;
}

export function get48(bytes: Uint8Array, at: number): number {
  return get16(bytes, at) * 0x1_0000_0000 + get32(bytes, at + 2);
}

/** Length of the frame at `at`, −1 where it is none or does not end before `end`. */
export function frameLength(bytes: Uint8Array, at: number, end: number): number {
  const length = lengthOf(bytes, at, end);
  return at + length <= end ? length : -1;
}

function lengthOf(bytes: Uint8Array, at: number, end: number): number {
  switch (bytes[at]) {
    case PING:
    case CLOSE:
      return 1;
    case ACK:
      if (at + ACK_HEAD_BYTES > end || bytes[at + 6]! === 0) return -1;
      return ACK_HEAD_BYTES + (bytes[at + 6]! - 1) * ACK_RANGE_BYTES;
    case DATA:
    case DATA | 1:
      return at + DATA_HEAD_BYTES > end ? -1 : DATA_HEAD_BYTES + get16(bytes, at + 7);
    case CREDIT:
    case CREDIT | 1:
      return CREDIT_BYTES;
    default:
      return -1;
  }
}
