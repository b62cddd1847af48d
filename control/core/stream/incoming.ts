/**
 * One channel's bytes on their way in: put in order, cut into messages. What arrives in order is copied once, into its message; what
 * arrives too early waits in a ring of the window's size, made when it is first needed.
 */
import { MESSAGE_MAX } from "./limits.ts";
import { PREFIX_BYTES } from "./outgoing.ts";
import { RangeSet } from "./range_set.ts";

export type Deliver = (bytes: Uint8Array<ArrayBuffer>) => void;

export class Incoming {
  readonly #window: number;
  readonly #deliver: Deliver;
  /** All before it has arrived. */
  #next = 0;
  /** Offset that the sender was last told it may go up to. */
  #limit: number;
  #ring: Uint8Array<ArrayBuffer> | null = null;
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
    const ring = this.#ring ??= new Uint8Array(this.#window);
    this.#early.add(offset, offset + to - from);
    const place = offset % this.#window;
    const first = Math.min(to - from, this.#window - place);
    ring.set(packet.subarray(from, from + first), place);
    if (first < to - from) ring.set(packet.subarray(from + first, to), 0);
  }

  #feedEarly(): boolean {
    while (this.#early.count > 0 && this.#early.startOf(0) <= this.#next) {
      const end = this.#early.endOf(0);
      this.#early.removeFirst();
      while (this.#next < end) {
        const place = this.#next % this.#window;
        const count = Math.min(end - this.#next, this.#window - place);
        this.#next += count;
        if (!this.#feed(this.#ring!, place, place + count)) return false;
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
