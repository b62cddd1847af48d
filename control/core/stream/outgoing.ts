/**
 * One channel's bytes on their way out. Messages are appended with their length before them; packets take ranges of the bytes, and
 * a range stays here until it is acknowledged, whatever packets it was in.
 */
import { MESSAGE_MAX, SEND_BUFFER_MAX } from "./limits.ts";
import { RangeSet } from "./range_set.ts";

const BLOCK_BYTES = 64 * 1024;
/** Empty blocks that are kept for the next message. */
const SPARE_BLOCKS = 4;
/** Length of a message before its bytes, big-endian. */
export const PREFIX_BYTES = 4;

export class Outgoing {
  /** The bytes from `#blocksFrom` on. */
  readonly #blocks: Uint8Array<ArrayBuffer>[] = [];
  readonly #spare: Uint8Array<ArrayBuffer>[] = [];
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #blocksFrom = 0;
  /** Offset behind the last byte that was appended. */
  #written = 0;
  /** All before it is acknowledged. */
  #ackedTo = 0;
  /** Acknowledged beyond that. */
  readonly #acked = new RangeSet();
  /** All before it has been in a packet. */
  #sentTo = 0;
  /** Was only in packets that are lost. */
  readonly #lost = new RangeSet();
  /** Offset that the receiver has room up to. */
  #credit: number;
  /** What `take` gave out. */
  start = 0;
  end = 0;

  /** @param credit the receiver's first window */
  constructor(credit: number) {
    this.#credit = credit;
  }

  /** Bytes that are not acknowledged, prefixes included. */
  get buffered(): number {
    return this.#written - this.#ackedTo;
  }

  /** False where the buffer is full. Throws for a message that is longer than any may be. */
  append(bytes: Uint8Array): boolean {
    if (bytes.length > MESSAGE_MAX) {
      throw new RangeError(`send ${bytes.length} bytes: a message has at most ${MESSAGE_MAX}`);
    }
    if (this.buffered + PREFIX_BYTES + bytes.length > SEND_BUFFER_MAX) return false;
    const prefix = this.#prefix, length = bytes.length;
    prefix[0] = length >>> 24;
    prefix[1] = length >>> 16;
    prefix[2] = length >>> 8;
    prefix[3] = length;
    this.#write(prefix);
    this.#write(bytes);
    return true;
  }

  #write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const place = this.#written - this.#blocksFrom;
      const inBlock = place % BLOCK_BYTES, index = (place - inBlock) / BLOCK_BYTES;
      if (index === this.#blocks.length) this.#blocks.push(this.#spare.pop() ?? new Uint8Array(BLOCK_BYTES));
      const count = Math.min(bytes.length - at, BLOCK_BYTES - inBlock);
      const whole = at === 0 && count === bytes.length;
      this.#blocks[index]!.set(whole ? bytes : bytes.subarray(at, at + count), inBlock);
      at += count;
      this.#written += count;
    }
  }

  /** Is there something that may leave now? */
  get ready(): boolean {
    return this.#lost.count > 0 || (this.#sentTo < this.#written && this.#sentTo < this.#credit);
  }

  /** Takes the next range of at most `room` bytes: what was lost first. Sets `start` and `end`; false: nothing. */
  take(room: number): boolean {
    if (room <= 0) return false;
    if (this.#lost.count > 0) {
      this.start = this.#lost.startOf(0);
      this.end = Math.min(this.#lost.endOf(0), this.start + room);
      this.#lost.remove(this.start, this.end);
      return true;
    }
    this.start = this.#sentTo;
    this.end = Math.min(this.#sentTo + room, this.#written, this.#credit);
    if (this.end <= this.start) return false;
    this.#sentTo = this.end;
    return true;
  }

  /** Copies bytes that are not acknowledged yet. */
  copy(start: number, end: number, out: Uint8Array, at: number): void {
    for (let from = start; from < end;) {
      const place = from - this.#blocksFrom;
      const inBlock = place % BLOCK_BYTES;
      const count = Math.min(end - from, BLOCK_BYTES - inBlock);
      out.set(this.#blocks[(place - inBlock) / BLOCK_BYTES]!.subarray(inBlock, inBlock + count), at);
      from += count;
      at += count;
    }
  }

  onAcked(start: number, end: number): void {
    if (start >= end || end <= this.#ackedTo) return;
    this.#lost.remove(start, end);
    if (start > this.#ackedTo) {
      this.#acked.add(start, end);
      return;
    }
    this.#ackedTo = end;
    while (this.#acked.count > 0 && this.#acked.startOf(0) <= this.#ackedTo) {
      this.#ackedTo = Math.max(this.#ackedTo, this.#acked.endOf(0));
      this.#acked.removeFirst();
    }
    this.#release();
  }

  #release(): void {
    while (this.#ackedTo - this.#blocksFrom >= BLOCK_BYTES) {
      const block = this.#blocks.shift()!;
      if (this.#spare.length < SPARE_BLOCKS) this.#spare.push(block);
      this.#blocksFrom += BLOCK_BYTES;
    }
  }

  /** The packet that had this range is lost: what of it is not acknowledged leaves again. */
  onLost(start: number, end: number): void {
    this.#lost.addExcept(Math.max(start, this.#ackedTo), end, this.#acked);
  }

  /** Credits only grow: an older one that comes late takes nothing away. */
  onCredit(offset: number): void {
    if (offset > this.#credit) this.#credit = offset;
  }
}
