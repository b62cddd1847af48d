/**
 * Messages to a thread that never returns to its event loop: a ring of bytes in shared memory, and an eventfd that makes
 * its ppoll return. One writer, one reader. Each message is a length (u32) and JSON.
 */
import { clearEventFd, openEventFd, signalEventFd } from "../../kernel_ffi/eventfd.ts";

const HEAD_WORDS = 2;
const WRITTEN = 0;
const READ = 1;
/** Holds the largest message, a whole configuration, many times. */
const RING_BYTES = 1 << 20;

/** What is handed from thread to thread. */
export interface MailboxShare {
  readonly memory: SharedArrayBuffer;
  readonly fd: number;
}

export function createMailbox(): MailboxShare {
  return { memory: new SharedArrayBuffer(HEAD_WORDS * 4 + RING_BYTES), fd: openEventFd() };
}

abstract class MailboxEnd {
  protected readonly head: Int32Array;
  protected readonly ring: Uint8Array;
  protected readonly fd: number;

  constructor(share: MailboxShare) {
    this.head = new Int32Array(share.memory, 0, HEAD_WORDS);
    this.ring = new Uint8Array(share.memory, HEAD_WORDS * 4);
    this.fd = share.fd;
  }

  /** Bytes that are written and not read. The counters only grow, modulo 2^32. */
  protected waiting(): number {
    return (Atomics.load(this.head, WRITTEN) - Atomics.load(this.head, READ)) >>> 0;
  }
}

export class MailboxWriter extends MailboxEnd {
  /** False if there is no room: the reader has stopped reading, and its thread is to be given up. */
  post(message: unknown): boolean {
    const text = new TextEncoder().encode(JSON.stringify(message));
    if (this.waiting() + 4 + text.length > this.ring.length) return false;
    const from = Atomics.load(this.head, WRITTEN) >>> 0;
    const length = new Uint8Array(new Uint32Array([text.length]).buffer);
    this.#write(from, length);
    this.#write(from + 4, text);
    Atomics.store(this.head, WRITTEN, (from + 4 + text.length) | 0);
    signalEventFd(this.fd);
    return true;
  }

  #write(from: number, bytes: Uint8Array): void {
    for (let i = 0; i < bytes.length; i++) this.ring[(from + i) % this.ring.length] = bytes[i]!;
  }
}

export class MailboxReader extends MailboxEnd {
  /** Everything that has come since the last call. Call it when the descriptor is readable. */
  take(): unknown[] {
    clearEventFd(this.fd);
    const messages: unknown[] = [];
    while (this.waiting() >= 4) {
      const from = Atomics.load(this.head, READ) >>> 0;
      const length = new Uint32Array(this.#read(from, 4).buffer)[0]!;
      messages.push(JSON.parse(new TextDecoder().decode(this.#read(from + 4, length))));
      Atomics.store(this.head, READ, (from + 4 + length) | 0);
    }
    return messages;
  }

  #read(from: number, length: number): Uint8Array<ArrayBuffer> {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = this.ring[(from + i) % this.ring.length]!;
    return out;
  }
}
