/** Waiting for descriptors with ppoll(2): nanosecond time-outs, no allocation while waiting. */
import { EINTR, KernelError } from "./errno.ts";
import { errno, libc } from "./libc.ts";

// asm-generic/poll.h
export const POLLIN = 0x0001;
export const POLLPRI = 0x0002;
export const POLLOUT = 0x0004;
export const POLLERR = 0x0008;
export const POLLHUP = 0x0010;
export const POLLNVAL = 0x0020;

/** sizeof(struct pollfd): int fd, short events, short revents. */
const POLLFD_BYTES = 8;

/**
 * A set of descriptors, and one place to wait for all of them. Level-triggered: a descriptor that stays readable ends
 * every wait at once, so whoever is told must read until nothing is left.
 */
export class Poller {
  #capacity = 0;
  #count = 0;
  #bytes = new Uint8Array(0);
  /** fd of slot i at 2i. */
  #words = new Int32Array(0);
  /** events of slot i at 4i + 2, revents at 4i + 3. */
  #halves = new Int16Array(0);
  readonly #slotOf = new Map<number, number>();
  // struct timespec as words. The upper half of each 64-bit field stays zero, so no bigint is made for a wait; low word
  // first, as on every machine that Deno runs on.
  readonly #timeout = new Uint32Array(4);

  constructor() {
    this.#grow(16);
  }

  /** Adds a descriptor, or changes what is awaited of it. Errors (`failed`) are reported whatever is asked for. */
  set(fd: number, events: number = POLLIN): void {
    let slot = this.#slotOf.get(fd);
    if (slot === undefined) {
      if (this.#count === this.#capacity) this.#grow(this.#capacity * 2);
      slot = this.#count++;
      this.#slotOf.set(fd, slot);
      this.#words[slot * 2] = fd;
      this.#halves[slot * 4 + 3] = 0;
    }
    this.#halves[slot * 4 + 2] = events;
  }

  /** Forgets a descriptor; do so before it is closed. Unknown ones are no error. */
  remove(fd: number): void {
    const slot = this.#slotOf.get(fd);
    if (slot === undefined) return;
    const last = --this.#count;
    this.#slotOf.delete(fd);
    if (slot === last) return;
    // The last one takes the free slot, with what was found out about it.
    const moved = this.#words[last * 2]!;
    this.#words[slot * 2] = moved;
    this.#halves[slot * 4 + 2] = this.#halves[last * 4 + 2]!;
    this.#halves[slot * 4 + 3] = this.#halves[last * 4 + 3]!;
    this.#slotOf.set(moved, slot);
  }

  /**
   * Waits for the first event, at most `timeoutUs` (fractions count, negative: for ever), and returns how many
   * descriptors have one; 0 on time-out and when a signal came. Throws `KernelError` for anything else.
   */
  wait(timeoutUs: number): number {
    const ready = libc().ppoll32(this.#bytes, this.#count, timeoutUs < 0 ? null : this.#timespec(timeoutUs), null);
    if (ready >= 0) return ready;
    const failure = errno();
    if (failure !== EINTR) throw new KernelError(`ppoll of ${this.#count} descriptors`, failure);
    for (let slot = 0; slot < this.#count; slot++) this.#halves[slot * 4 + 3] = 0;
    return 0;
  }

  /** What the last wait found out about a descriptor (POLLIN, …); 0 for an unknown one. */
  revents(fd: number): number {
    const slot = this.#slotOf.get(fd);
    return slot === undefined ? 0 : this.#halves[slot * 4 + 3]!;
  }

  readable(fd: number): boolean {
    return (this.revents(fd) & POLLIN) !== 0;
  }

  /**
   * An error is pending (an ICMP answer, a link that went down), the other end is gone, or the descriptor is not open.
   */
  failed(fd: number): boolean {
    return (this.revents(fd) & (POLLERR | POLLHUP | POLLNVAL)) !== 0;
  }

  #timespec(timeoutUs: number): Uint32Array<ArrayBuffer> {
    const seconds = Math.min(Math.floor(timeoutUs / 1e6), 0x7fff_ffff);
    this.#timeout[0] = seconds;
    this.#timeout[2] = Math.min(Math.floor((timeoutUs - seconds * 1e6) * 1e3), 999_999_999);
    return this.#timeout;
  }

  #grow(capacity: number): void {
    const buffer = new ArrayBuffer(capacity * POLLFD_BYTES);
    const bytes = new Uint8Array(buffer);
    bytes.set(this.#bytes);
    this.#bytes = bytes;
    this.#words = new Int32Array(buffer);
    this.#halves = new Int16Array(buffer);
    this.#capacity = capacity;
  }
}
