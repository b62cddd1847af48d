/** A queue in which the kernel keeps packets that most likely nobody needs: the oldest are dropped all the time, without being read. */
import { NF_ACCEPT, NF_DROP, packetIpLength, packetSource } from "./nfqueue_codec.ts";
import { QueueSocket } from "./nfqueue_socket.ts";

/** As much of a packet as tells its length. */
const IP_HEADER_BYTES = 40;

/**
 * Ids of packets are numbers of 32 bits that wrap: they are kept and given back, and never compared. Leaves nothing to the garbage
 * collector, however many packets there are.
 */
export class ShadowQueue {
  readonly #socket: QueueSocket;
  #highest = 0;
  /** Packets told of since the queue was made, their bytes from the IP header on, and those that found no room. */
  packets = 0;
  bytes = 0;
  lost = 0;
  /** Whence the newest came that `drain` told of: its address, and the length of that, 0 if none came. */
  readonly source = new Uint8Array(16);
  sourceLength = 0;
  /** Where the kernel's message about it stands, until the next is read. */
  readonly #newest = { view: null as DataView | null, offset: 0, end: 0 };

  /** @param maxLength packets at most; the newest are dropped beyond: the owner has to drop old ones before. Throws as `QueueSocket`. */
  constructor(queue: number, maxLength: number) {
    this.#socket = new QueueSocket(queue, { maxLength, copy: IP_HEADER_BYTES });
  }

  /** Id of the packet that was told of last. */
  get highest(): number {
    return this.#highest;
  }

  /** Takes note of what has come since; all of it stays queued. */
  drain(): void {
    const before = this.packets;
    this.#socket.read(this.#visit);
    this.sourceLength = this.packets === before
      ? 0
      : packetSource(this.#newest.view!, this.#newest.offset, this.#newest.end, this.source);
  }

  readonly #visit = (id: number, view: DataView, payloadOffset: number, end: number): void => {
    if (this.packets > 0) this.lost += (id - this.#highest - 1) >>> 0;
    this.#highest = id;
    this.packets++;
    this.#newest.view = view;
    this.#newest.offset = payloadOffset;
    this.#newest.end = end;
    this.bytes += packetIpLength(view, payloadOffset, end);
  };

  /** Lets the packets up to this one go on their way, in order; some must be queued. */
  release(upToId: number): void {
    this.#socket.decide(NF_ACCEPT, upToId);
  }

  /** Drops the packets up to this one; some must be queued. */
  drop(upToId: number): void {
    this.#socket.decide(NF_DROP, upToId);
  }

  close(): void {
    this.#socket.close();
  }
}
