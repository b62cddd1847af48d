/** A queue in which the kernel keeps packets until they are let go, in order, or given back. */
import { EAGAIN, EINTR, ENOBUFS, KernelError } from "./errno.ts";
import { errno, libc, must, setBufferSize, setIntOption } from "./libc.ts";
import { messages, viewOf } from "./netlink.ts";
import { nfqLibrary } from "./nfqueue_library.ts";
import {
  encodeBatchVerdict,
  NF_ACCEPT,
  NF_DROP,
  NFQUEUE_PACKET,
  packetId,
  packetPayload,
  setBatchVerdict,
} from "./nfqueue_codec.ts";
import { MSG_DONTWAIT } from "./socket_constants.ts";

// linux/netlink.h, asm-generic/socket.h, asm-generic/fcntl.h
const SOL_NETLINK = 270;
const NETLINK_NO_ENOBUFS = 5;
const F_SETFD = 2;
const FD_CLOEXEC = 1;

// linux/netfilter/nfnetlink_queue.h
const NFQNL_COPY_META = 1;
const NFQNL_COPY_PACKET = 2;
const NFQA_CFG_F_FAIL_OPEN = 1 << 0;
const NFQA_CFG_F_GSO = 1 << 2;

const RECEIVE_BUFFER_BYTES = 32 << 20;
/** A packet of 64 KiB with all that the kernel tells about it. */
const MESSAGE_BYTES = 1 << 17;
/** A release that is fed faster than it empties ends here; the next one goes on. */
const RELEASE_ROUNDS_MAX = 64;

export interface HoldQueueOptions {
  /** Packets at most; what comes beyond is dropped. */
  readonly maxLength: number;
  /** Folder of the libraries, in place of SEGUE_LIB_DIR or the system's. */
  readonly libraryDir?: string;
  /**
   * Bring the packets themselves, so that `takeAll` can give them back. Costs a copy of each, and big TCP segments are
   * cut to the size of the wire first, each piece a packet of its own.
   */
  readonly copyPackets?: boolean;
}

export interface HoldCounts {
  /** Packets that the queue has told of. */
  readonly queued: number;
  /** Let go to the local service. */
  readonly released: number;
  /** Taken out to be given back. */
  readonly returned: number;
  /** Lost because the socket's buffer was full. What overran `maxLength` is known to `overrun` alone. */
  readonly dropped: number;
}

/**
 * The packets belong to the socket, not to the process: whoever holds its descriptor keeps them (guard.ts). Closed on
 * exec unless `setCloseOnExec(false)`, since any child that inherits it would keep them too.
 */
export class HoldQueue {
  readonly fd: number;
  readonly queue: number;
  readonly #library;
  readonly #handle: Deno.PointerObject;
  readonly #queueHandle: Deno.PointerObject;
  readonly #buffer = new Uint8Array(new ArrayBuffer(MESSAGE_BYTES));
  readonly #view = viewOf(this.#buffer);
  readonly #verdict: Uint8Array<ArrayBuffer>;
  readonly #verdictView: DataView;
  readonly #keep: boolean;
  #packets: Uint8Array<ArrayBuffer>[] = [];
  /** Highest id told of, and packets told of that wait for a verdict. */
  #highest = 0;
  #waiting = 0;
  #queued = 0;
  #released = 0;
  #returned = 0;
  #dropped = 0;

  /** Throws `KernelError`: EPERM without CAP_NET_ADMIN, EBUSY where another process has the queue. */
  constructor(queue: number, options: HoldQueueOptions) {
    this.queue = queue;
    this.#keep = options.copyPackets ?? false;
    this.#verdict = encodeBatchVerdict(queue);
    this.#verdictView = viewOf(this.#verdict);
    const library = this.#library = nfqLibrary(options.libraryDir);
    this.#handle = mustPointer(library.nfq_open(), "open NFQUEUE");
    try {
      this.fd = library.nfq_fd(this.#handle);
      this.setCloseOnExec(true);
      setBufferSize(this.fd, "receive", RECEIVE_BUFFER_BYTES);
      // Without it one overflow makes every later verdict fail once.
      setIntOption(this.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1, "NETLINK_NO_ENOBUFS");
      this.#queueHandle = mustPointer(
        library.nfq_create_queue(this.#handle, queue, null, null),
        `bind NFQUEUE ${queue}`,
      );
      const mode = this.#keep ? NFQNL_COPY_PACKET : NFQNL_COPY_META;
      must(library.nfq_set_mode(this.#queueHandle, mode, 0xffff), `set mode of NFQUEUE ${queue}`);
      must(
        library.nfq_set_queue_maxlen(this.#queueHandle, options.maxLength),
        `set length of NFQUEUE ${queue} to ${options.maxLength}`,
      );
      const flags = this.#keep ? 0 : NFQA_CFG_F_GSO;
      must(
        library.nfq_set_queue_flags(this.#queueHandle, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO, flags),
        `set flags of NFQUEUE ${queue}`,
      );
    } catch (error) {
      library.nfq_close(this.#handle);
      throw error;
    }
  }

  /** Packets that are known to wait. `drain` first, for the ones that came since. */
  get waiting(): number {
    return this.#waiting;
  }

  get counts(): HoldCounts {
    return { queued: this.#queued, released: this.#released, returned: this.#returned, dropped: this.#dropped };
  }

  /** Reads what the queue has to tell, without waiting; returns how many packets came. They stay queued. */
  drain(): number {
    let packets = 0;
    for (;;) {
      const length = Number(libc().recv(this.fd, this.#buffer, BigInt(this.#buffer.length), MSG_DONTWAIT));
      if (length < 0) {
        const failure = errno();
        if (failure === EAGAIN) break;
        if (failure === EINTR || failure === ENOBUFS) continue;
        throw new KernelError(`read NFQUEUE ${this.queue}`, failure);
      }
      for (const message of messages(this.#buffer, length)) {
        // Errors that arrive here answer a verdict for a queue that was empty by then.
        if (message.type !== NFQUEUE_PACKET) continue;
        const id = packetId(this.#view, message.payloadOffset, message.end);
        if (id === 0) continue;
        this.#note(id);
        if (this.#keep) {
          const packet = packetPayload(this.#view, message.payloadOffset, message.end);
          if (packet !== null) this.#packets.push(packet);
        }
        packets++;
      }
    }
    return packets;
  }

  /**
   * Lets go, in order, everything that is queued, and what comes while it does so. Returns how many packets it were. An
   * empty queue gets no verdict: the kernel would answer ENOENT, which makes the descriptor readable again.
   */
  releaseAll(): number {
    let released = 0;
    this.drain();
    for (let round = 0; round < RELEASE_ROUNDS_MAX && this.#waiting > 0; round++) {
      released += this.#decide(NF_ACCEPT);
      // A verdict given before the last read leaves what was read after it behind.
      this.drain();
    }
    this.#released += released;
    return released;
  }

  /**
   * Takes everything out of the queue: the packets from their IP headers on, in order; the kernel forgets them. Only of
   * a queue with `copyPackets`.
   */
  takeAll(): Uint8Array<ArrayBuffer>[] {
    if (!this.#keep) throw new RangeError(`take packets of NFQUEUE ${this.queue}: it copies none`);
    const taken: Uint8Array<ArrayBuffer>[] = [];
    this.drain();
    for (let round = 0; round < RELEASE_ROUNDS_MAX && this.#waiting > 0; round++) {
      taken.push(...this.#packets);
      this.#returned += this.#decide(NF_DROP);
      this.drain();
    }
    return taken;
  }

  /**
   * Packets that overran the queue or its socket since it was made, as the kernel counts them
   * (/proc/net/netfilter/nfnetlink_queue, columns queue_dropped and user_dropped). Reads a file: not for a busy loop.
   */
  overrun(): number {
    for (const line of Deno.readTextFileSync("/proc/thread-self/net/netfilter/nfnetlink_queue").split("\n")) {
      const columns = line.trim().split(/\s+/);
      if (columns[0] === `${this.queue}`) return Number(columns[5]) + Number(columns[6]);
    }
    return 0;
  }

  /** Whether children inherit the descriptor. Turn it off around the start of the guard only. */
  setCloseOnExec(on: boolean): void {
    must(libc().fcntl(this.fd, F_SETFD, BigInt(on ? FD_CLOEXEC : 0)), `set close-on-exec of NFQUEUE ${this.queue}`);
  }

  /** Closes the queue. What is still in it is dropped, unless somebody else holds the descriptor. */
  close(): void {
    // nfq_destroy_queue would unbind, and drop the packets even then.
    this.#library.nfq_close(this.#handle);
  }

  #note(id: number): void {
    // Ids are given in order and without gaps, also to packets whose message found no room in the socket.
    if (id > this.#highest + 1) this.#dropped += id - this.#highest - 1;
    this.#highest = id;
    this.#waiting++;
    this.#queued++;
  }

  /** Decides about everything told of so far; returns how many packets that were. */
  #decide(verdict: number): number {
    setBatchVerdict(this.#verdictView, verdict, this.#highest);
    const length = BigInt(this.#verdict.length);
    must(libc().send(this.fd, this.#verdict, length, MSG_DONTWAIT), `decide about packets of NFQUEUE ${this.queue}`);
    const decided = this.#waiting;
    this.#waiting = 0;
    this.#packets = [];
    return decided;
  }
}

function mustPointer(pointer: Deno.PointerValue, operation: string): Deno.PointerObject {
  if (pointer === null) throw new KernelError(operation, errno());
  return pointer;
}
