/** The socket to which an NFQUEUE belongs: set up by libnetfilter_queue, read and answered without it. */
import { EAGAIN, EINTR, ENOBUFS, KernelError } from "./errno.ts";
import { errno, libc, must, setBufferSize, setIntOption } from "./libc.ts";
import { NLMSG_HEADER_BYTES, viewOf } from "./netlink.ts";
import { encodeBatchVerdict, NFQUEUE_PACKET, packetId, setBatchVerdict } from "./nfqueue_codec.ts";
import { nfqLibrary } from "./nfqueue_library.ts";
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
const WHOLE_PACKET = 0xffff;

const RECEIVE_BUFFER_BYTES = 32 << 20;
/** A packet of 64 KiB with all that the kernel tells about it. */
const MESSAGE_BYTES = 1 << 17;

export interface QueueSocketOptions {
  /** Packets at most; what comes beyond is dropped. */
  readonly maxLength: number;
  /** Bytes of each packet that the messages bring, from its IP header on; "all" cuts big TCP segments to the wire's size first. */
  readonly copy: number | "all";
  /** Folder of the libraries, in place of SEGUE_LIB_DIR or the system's. */
  readonly libraryDir?: string;
}

interface Room {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly view: DataView;
}

/** By size. A thread reads one socket at a time, so all of its sockets can share the room for messages. */
const rooms = new Map<number, Room>();

function roomOf(size: number): Room {
  let room = rooms.get(size);
  if (room === undefined) {
    const bytes = new Uint8Array(new ArrayBuffer(size));
    rooms.set(size, room = { bytes, view: viewOf(bytes) });
  }
  return room;
}

/** Told of each packet: its id, and where the kernel's message about it stands. */
export type PacketVisitor = (id: number, view: DataView, payloadOffset: number, end: number) => void;

export class QueueSocket {
  readonly fd: number;
  readonly queue: number;
  readonly #library;
  readonly #handle: Deno.PointerObject;
  readonly #room: Room;
  readonly #verdict: Uint8Array<ArrayBuffer>;
  readonly #verdictView: DataView;

  /** Throws `KernelError`: EPERM without CAP_NET_ADMIN, EBUSY where another process has the queue. */
  constructor(queue: number, options: QueueSocketOptions) {
    this.queue = queue;
    this.#room = roomOf(options.copy === "all" ? MESSAGE_BYTES : 1 << 12);
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
      this.#setUp(options);
    } catch (error) {
      library.nfq_close(this.#handle);
      throw error;
    }
  }

  #setUp({ maxLength, copy }: QueueSocketOptions): void {
    const library = this.#library, { queue } = this;
    const handle = mustPointer(library.nfq_create_queue(this.#handle, queue, null, null), `bind NFQUEUE ${queue}`);
    const mode = copy === 0 ? NFQNL_COPY_META : NFQNL_COPY_PACKET;
    must(library.nfq_set_mode(handle, mode, copy === "all" ? WHOLE_PACKET : copy), `set mode of NFQUEUE ${queue}`);
    must(library.nfq_set_queue_maxlen(handle, maxLength), `set length of NFQUEUE ${queue} to ${maxLength}`);
    const flags = copy === "all" ? 0 : NFQA_CFG_F_GSO;
    must(
      library.nfq_set_queue_flags(handle, NFQA_CFG_F_FAIL_OPEN | NFQA_CFG_F_GSO, flags),
      `set flags of NFQUEUE ${queue}`,
    );
  }

  /**
   * Reads what the queue has to tell, without waiting, and shows each packet to the visitor, who reads no other queue meanwhile. They stay
   * queued.
   */
  read(visit: PacketVisitor): void {
    const { bytes } = this.#room;
    for (;;) {
      const length = libc().recv32(this.fd, bytes, bytes.length, MSG_DONTWAIT);
      if (length < 0) {
        const failure = errno();
        if (failure === EAGAIN) return;
        if (failure === EINTR || failure === ENOBUFS) continue;
        throw new KernelError(`read NFQUEUE ${this.queue}`, failure);
      }
      this.#visitAll(Math.min(length, bytes.length), visit);
    }
  }

  /** By hand, not by a generator: at fifty thousand packets a second each object counts. */
  #visitAll(length: number, visit: PacketVisitor): void {
    const { view } = this.#room;
    for (let at = 0; at + NLMSG_HEADER_BYTES <= length;) {
      const bytes = view.getUint32(at, true);
      if (bytes < NLMSG_HEADER_BYTES || at + bytes > length) return;
      // Errors that arrive here answer a verdict for a queue that was empty by then.
      if (view.getUint16(at + 4, true) === NFQUEUE_PACKET) {
        const id = packetId(view, at + NLMSG_HEADER_BYTES, at + bytes);
        if (id !== 0) visit(id, view, at + NLMSG_HEADER_BYTES, at + bytes);
      }
      at += (bytes + 3) & ~3;
    }
  }

  /**
   * Decides about everything that is queued up to an id. With nothing there the kernel answers ENOENT, which makes the descriptor
   * readable again: not for an empty queue.
   */
  decide(verdict: number, upToId: number): void {
    setBatchVerdict(this.#verdictView, verdict, upToId);
    if (libc().send32(this.fd, this.#verdict, this.#verdict.length, MSG_DONTWAIT) >= 0) return;
    throw new KernelError(`decide about packets of NFQUEUE ${this.queue}`, errno());
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
}

function mustPointer(pointer: Deno.PointerValue, operation: string): Deno.PointerObject {
  if (pointer === null) throw new KernelError(operation, errno());
  return pointer;
}
