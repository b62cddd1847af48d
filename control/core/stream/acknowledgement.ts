/** The acknowledgement frame (layout in frames.ts): written from what arrived, applied to what was sent. */
import { ACK, ACK_HEAD_BYTES, ACK_RANGE_BYTES, get32, get48, put32, put48 } from "./frames.ts";
import { ACK_RANGES_MAX } from "./limits.ts";
import type { Received } from "./received.ts";
import type { Sent } from "./sent.ts";

/** Writes what arrived on a path, newest first, as much as fits before `limit`. Returns the place behind it; `at`: no room. */
export function writeAck(
  out: Uint8Array,
  at: number,
  limit: number,
  path: number,
  received: Received,
  nowUs: number,
): number {
  const { ranges } = received;
  const room = Math.floor((limit - at - ACK_HEAD_BYTES) / ACK_RANGE_BYTES);
  const count = Math.min(ranges.count, ACK_RANGES_MAX, 1 + room);
  if (count < 1) return at;
  let index = ranges.count - 1;
  out[at] = ACK;
  out[at + 1] = path;
  put32(out, at + 2, Math.min(0xffff_ffff, Math.max(0, Math.round(nowUs - received.largestUs))));
  out[at + 6] = count;
  put48(out, at + 7, ranges.endOf(index) - 1);
  put32(out, at + 13, Math.min(0xffff_ffff, ranges.endOf(index) - 1 - ranges.startOf(index)));
  let to = at + ACK_HEAD_BYTES;
  for (let i = 1; i < count; i++, to += ACK_RANGE_BYTES) {
    const above = ranges.startOf(index--);
    put32(out, to, above - ranges.endOf(index) - 1);
    put32(out, to + 4, ranges.endOf(index) - 1 - ranges.startOf(index));
  }
  return to;
}

/**
 * Settles what the frame at `at` says has arrived, and finds what is lost.
 * @param all what was sent, by path
 * @returns false: it names a packet or a path that never was
 */
export function applyAck(payload: Uint8Array, at: number, all: readonly Sent[], nowUs: number): boolean {
  const sent = all[payload[at + 1]!];
  let to = get48(payload, at + 7);
  if (sent === undefined || to >= sent.next) return false;
  const delayUs = get32(payload, at + 2), count = payload[at + 6]!;
  let from = to - get32(payload, at + 13);
  let news = false;
  for (let i = 1, place = at + ACK_HEAD_BYTES;; i++, place += ACK_RANGE_BYTES) {
    if (from < 0) return false;
    news = sent.onAckedRange(from, to, nowUs, delayUs) || news;
    if (i === count) break;
    to = from - 2 - get32(payload, place);
    from = to - get32(payload, place + 4);
  }
  if (news) sent.detectLoss(nowUs);
  return true;
}
