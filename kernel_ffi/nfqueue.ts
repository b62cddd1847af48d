/** A queue in which the kernel keeps packets until they are let go, in order, or given back. */
import { type CopiedPacket, copyPacket, NF_ACCEPT, NF_DROP } from "./nfqueue_codec.ts";
import { QueueSocket } from "./nfqueue_socket.ts";

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
  readonly queue: number;
  readonly #socket: QueueSocket;
  readonly #keep: boolean;
  #packets: CopiedPacket[] = [];
  /** Of the packets, one for each. */
  #ids: number[] = [];
  /** Highest id told of, and packets told of that wait for a verdict. */
  #highest = 0;
  #waiting = 0;
  #queued = 0;
  #released = 0;
  #returned = 0;
  #dropped = 0;
  #sifted = 0;

  /** Throws `KernelError`: EPERM without CAP_NET_ADMIN, EBUSY where another process has the queue. */
  constructor(queue: number, options: HoldQueueOptions) {
    this.queue = queue;
    this.#keep = options.copyPackets ?? false;
    this.#socket = new QueueSocket(queue, { ...options, copy: this.#keep ? "all" : 0 });
  }

  get fd(): number {
    return this.#socket.fd;
  }

  /** Packets that are known to wait. `drain` first, for the ones that came since. */
  get waiting(): number {
    return this.#waiting;
  }

  get counts(): HoldCounts {
    return {
      queued: this.#queued,
      released: this.#released,
      returned: this.#returned,
      dropped: this.#dropped,
    };
  }

  /** Packets that `releaseSome` did not want. */
  get sifted(): number {
    return this.#sifted;
  }

  /** Reads what the queue has to tell, without waiting; returns how many packets came. They stay queued. */
  drain(): number {
    const before = this.#queued;
    this.#socket.read(this.#visit);
    return this.#queued - before;
  }

  readonly #visit = (id: number, view: DataView, payloadOffset: number, end: number): void => {
    // Ids are given in order and without gaps, also to packets whose message found no room in the socket.
    if (id > this.#highest + 1) this.#dropped += id - this.#highest - 1;
    this.#highest = id;
    this.#waiting++;
    this.#queued++;
    if (!this.#keep) return;
    const packet = copyPacket(view, payloadOffset, end);
    if (packet === null) return;
    this.#packets.push(packet);
    this.#ids.push(id);
  };

  /**
   * Lets go, in order, everything that is queued, and what comes while it does so. Returns how many packets it were. An
   * empty queue gets no verdict: the kernel would answer ENOENT, which makes the descriptor readable again.
   * @param each is shown every packet before; of a queue with `copyPackets`
   */
  releaseAll(each?: (packet: Uint8Array) => void): number {
    let released = 0;
    this.drain();
    for (let round = 0; round < RELEASE_ROUNDS_MAX && this.#waiting > 0; round++) {
      if (each !== undefined) { for (const { bytes } of this.#packets) each(bytes); }
      released += this.#decide(NF_ACCEPT);
      // A verdict given before the last read leaves what was read after it behind.
      this.drain();
    }
    this.#released += released;
    return released;
  }

  /** Lets go, in order, those of the waiting packets that are `wanted`, and drops the others. Only of a queue with `copyPackets`. */
  releaseSome(wanted: (packet: Uint8Array) => boolean): void {
    if (!this.#keep) throw new RangeError(`sift packets of NFQUEUE ${this.queue}: it copies none`);
    this.drain();
    if (this.#waiting === 0) return;
    // One verdict for each run of packets with the same fate.
    const verdicts = this.#packets.map(({ bytes }) => wanted(bytes) ? NF_ACCEPT : NF_DROP);
    for (let i = 1; i < verdicts.length; i++) {
      if (verdicts[i] !== verdicts[i - 1]) this.#socket.decide(verdicts[i - 1]!, this.#ids[i - 1]!);
    }
    const released = verdicts.filter((verdict) => verdict === NF_ACCEPT).length;
    this.#released += released;
    this.#sifted += verdicts.length - released;
    this.#decide(verdicts.at(-1)!);
  }

  /**
   * Takes everything out of the queue, in order; the kernel forgets it. Only of a queue with `copyPackets`.
   */
  takeAll(): CopiedPacket[] {
    if (!this.#keep) throw new RangeError(`take packets of NFQUEUE ${this.queue}: it copies none`);
    const taken: CopiedPacket[] = [];
    this.drain();
    for (let round = 0; round < RELEASE_ROUNDS_MAX && this.#waiting > 0; round++) {
      taken.push(...this.#packets);
      this.#returned += this.#decide(NF_DROP);
      this.drain();
    }
    return taken;
  }

  /** As `QueueSocket.overrun`. */
  overrun(): number {
    return this.#socket.overrun();
  }

  /** As `QueueSocket.setCloseOnExec`. */
  setCloseOnExec(on: boolean): void {
    this.#socket.setCloseOnExec(on);
  }

  /** As `QueueSocket.close`. */
  close(): void {
    this.#socket.close();
  }

  /** Decides about everything told of so far; returns how many packets that were. */
  #decide(verdict: number): number {
    this.#socket.decide(verdict, this.#highest);
    const decided = this.#waiting;
    this.#waiting = 0;
    this.#packets = [];
    this.#ids = [];
    return decided;
  }
}
