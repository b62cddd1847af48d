/**
 * One channel's bytes on their way in: put in order, cut into messages. What arrives in order is copied once, into its message; what
 * arrives too early waits in a ring, made when it is first needed, and as large as that takes: the window at most, seldom more than some packets.
 */
import { MESSAGE_MAX } from "./limits.ts";
import { PREFIX_BYTES } from "./outgoing.ts";
import { RangeSet } from "./range_set.ts";

/** Some packets; a power of two. */
const RING_FIRST = 16 * 1024;

export type Deliver = (bytes: Uint8Array<ArrayBuffer>) => void;

export class Incoming {
  readonly #window: number;
  readonly #deliver: Deliver;
  /** All before it has arrived. */
  #next = 0;
  /** Offset that the sender was last told it may go up to. */
  #limit: number;
  #ring = new Uint8Array(0);
  /** Waiting in the ring. */
  readonly #early = new RangeSet();
  #prefix = 0;
  #prefixBytes = 0;
  #message: Uint8Array<ArrayBuffer> | null = null;
  #filled = 0;

  constructor(window: number, deliver: Deliver) {
    this.#window = window;
    this.#limit = window;
    this.#deliver = deliver;
  }

  /** Should the sender be told that there is room? Once half of what it knew of is used up. */
  get creditDue(): boolean {
    return this.#limit - this.#next <= this.#window / 2;
  }

  /** The offset to tell; counts as told. */
  grant(): number {
    this.#limit = this.#next + this.#window;
    return this.#limit;
  }

  /**
   * The bytes `from`…`to` of `packet` are this channel's from `offset` on. False: beyond what was granted, or a message longer than
   * any may be; the peer does not keep to the protocol.
   */
  accept(offset: number, packet: Uint8Array, from: number, to: number): boolean {
    const end = offset + to - from;
    if (end > this.#limit) return false;
    if (end <= this.#next) return true;
    if (offset > this.#next) {
      this.#keep(offset, packet, from, to);
      return true;
    }
    const news = from + this.#next - offset;
    this.#next = end;
    return this.#feed(packet, news, to) && this.#feedEarly();
  }

  #keep(offset: number, packet: Uint8Array, from: number, to: number): void {
    const end = offset + to - from;
    if (end - this.#next > this.#ring.length) this.#grow(end - this.#next);
    this.#early.add(offset, end);
    this.#put(offset, packet, from, to);
  }

  #put(offset: number, bytes: Uint8Array, from: number, to: number): void {
    const ring = this.#ring, place = offset % ring.length, first = Math.min(to - from, ring.length - place);
    ring.set(bytes.subarray(from, from + first), place);
    if (first < to - from) ring.set(bytes.subarray(from + first, to), 0);
  }

  /** Doubled, so that a window that fills byte by byte is not copied each time. */
  #grow(span: number): void {
    const old = this.#ring;
    let size = Math.max(RING_FIRST, old.length);
    while (size < span) size *= 2;
    this.#ring = new Uint8Array(Math.min(size, this.#window));
    for (let i = 0; i < this.#early.count; i++) {
      for (let at = this.#early.startOf(i); at < this.#early.endOf(i);) {
        const place = at % old.length, count = Math.min(this.#early.endOf(i) - at, old.length - place);
        this.#put(at, old, place, place + count);
        at += count;
      }
    }
  }

  #feedEarly(): boolean {
    while (this.#early.count > 0 && this.#early.startOf(0) <= this.#next) {
      const end = this.#early.endOf(0);
      this.#early.removeFirst();
      while (this.#next < end) {
        const place = this.#next % this.#ring.length;
        const count = Math.min(end - this.#next, this.#ring.length - place);
        this.#next += count;
        if (!this.#feed(this.#ring, place, place + count)) return false;
      }
    }
    return true;
  }

  /** Cuts bytes that are in order into messages. */
  #feed(bytes: Uint8Array, from: number, to: number): boolean {
    let at = from;
    while (at < to) {
      if (this.#message === null) {
        this.#prefix = this.#prefix * 256 + bytes[at++]!;
        if (++this.#prefixBytes < PREFIX_BYTES) continue;
        const length = this.#prefix;
        this.#prefix = this.#prefixBytes = 0;
        if (length > MESSAGE_MAX) return false;
        if (to - at >= length) {
          // A view of a shared buffer would keep the whole of it alive; the receiver gets bytes of its own.
          const message = new Uint8Array(length);
          message.set(bytes.subarray(at, at + length));
          at += length;
          this.#deliver(message);
          continue;
        }
        this.#message = new Uint8Array(length);
        this.#filled = 0;
      }
      const message = this.#message;
      const count = Math.min(to - at, message.length - this.#filled);
      message.set(bytes.subarray(at, at + count), this.#filled);
      at += count;
      this.#filled += count;
      if (this.#filled < message.length) continue;
      this.#message = null;
      this.#deliver(message);
    }
    return true;
  }
}
