/**
 * A netlink socket: requests that are answered before they return, and notifications for a poll loop.
 *
 * The kernel carries out a request inside send(2), and writes the next part of a dump inside recv(2). So whatever
 * answers a request is already there when it is asked for, and no call here ever waits.
 */
import { EAGAIN, EINTR, ENOBUFS, KernelError } from "./errno.ts";
import { closeFd, errno, libc, must, setBufferSize, setIntOption } from "./libc.ts";
import {
  decodeError,
  messages,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_DUMP_INTR,
  NLMSG_DONE,
  NLMSG_ERROR,
  NLMSG_HEADER_BYTES,
  viewOf,
} from "./netlink.ts";
import { MSG_DONTWAIT, MSG_TRUNC, NOTHING, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "./socket_constants.ts";

// linux/netlink.h
export const NETLINK_ROUTE = 0;
export const NETLINK_NETFILTER = 12;
const AF_NETLINK = 16;
const SOL_NETLINK = 270;
const NETLINK_ADD_MEMBERSHIP = 1;
const NETLINK_NO_ENOBUFS = 5;
const NETLINK_CAP_ACK = 10;
const NETLINK_EXT_ACK = 11;
// asm-generic/socket.h: without the limit of net.core.[rw]mem_max; needs CAP_NET_ADMIN

/** sizeof(struct sockaddr_nl) */
const SOCKADDR_NL_BYTES = 12;
/** The kernel writes at most 32 KiB of a dump at once; single answers and notifications are shorter. */
const RECEIVE_BYTES = 1 << 16;

/** One answer, copied out of the socket's buffer. */
export interface NetlinkReply {
  readonly type: number;
  readonly flags: number;
  /** What follows the netlink header. */
  readonly payload: Uint8Array<ArrayBuffer>;
}

export interface NetlinkOptions {
  /** For error messages: `rtnetlink`, `nf_tables`. */
  readonly name: string;
  /** Multicast groups. A socket with groups should make no requests: notifications would stand among the answers. */
  readonly groups?: readonly number[];
  /** Bytes of the kernel's receive queue, beyond net.core.rmem_max if need be. */
  readonly receiveBuffer?: number;
  /** Bytes that one request may have, beyond net.core.wmem_max if need be. */
  readonly sendBuffer?: number;
  /** Say nothing when the receive queue overflows (NETLINK_NO_ENOBUFS). */
  readonly noEnobufs?: boolean;
}

export class NetlinkSocket {
  readonly fd: number;
  /** The kernel's name for this socket; notifications about own requests carry it. */
  readonly portId: number;
  readonly #name: string;
  #seq = 0;
  readonly #buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  readonly #view = viewOf(this.#buffer);

  /** @param family NETLINK_ROUTE, NETLINK_NETFILTER, … */
  constructor(family: number, options: NetlinkOptions) {
    this.#name = options.name;
    const type = SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK;
    this.fd = must(libc().socket(AF_NETLINK, type, family), `open ${options.name} socket`);
    try {
      setIntOption(this.fd, SOL_NETLINK, NETLINK_EXT_ACK, 1, "NETLINK_EXT_ACK");
      setIntOption(this.fd, SOL_NETLINK, NETLINK_CAP_ACK, 1, "NETLINK_CAP_ACK");
      if (options.noEnobufs) setIntOption(this.fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, 1, "NETLINK_NO_ENOBUFS");
      if (options.receiveBuffer !== undefined) setBufferSize(this.fd, "receive", options.receiveBuffer);
      if (options.sendBuffer !== undefined) setBufferSize(this.fd, "send", options.sendBuffer);
      this.portId = this.#bind();
      for (const group of options.groups ?? []) this.join(group);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Joins a multicast group (NFNLGRP_…, RTNLGRP_…). */
  join(group: number): void {
    setIntOption(this.fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group, `membership of ${this.#name} group ${group}`);
  }

  /**
   * Sends one or more messages and returns what answers them, acknowledgements left out. Throws `KernelError` with the
   * first refusal, and with the kernel's own words where it has some; EINTR if a dump was changed while it was read.
   */
  request(bytes: Uint8Array<ArrayBuffer>, operation = "request"): NetlinkReply[] {
    const replies: NetlinkReply[] = [];
    const failure = this.exchange(bytes, (view, message) => {
      const payload = new Uint8Array(
        view.buffer as ArrayBuffer,
        message.payloadOffset,
        message.end - message.payloadOffset,
      );
      replies.push({ type: message.type, flags: message.flags, payload: payload.slice() });
    });
    if (failure !== 0) throw new KernelError(`${this.#name}: ${operation}${this.lastErrorText}`, failure);
    return replies;
  }

  /** In brackets: what the kernel said about the request that `exchange` failed on; "" if nothing. */
  lastErrorText = "";

  /**
   * Like `request`, but returns the errno (0: done) and shows each answer in the socket's own buffer, valid during the
   * call only. Sequence numbers are filled in: each message gets its own.
   */
  exchange(
    bytes: Uint8Array<ArrayBuffer>,
    onReply?: (view: DataView, message: { type: number; flags: number; payloadOffset: number; end: number }) => void,
  ): number {
    const first = this.#seq + 1;
    let awaited = this.#number(bytes);
    // A request that asks for no acknowledgement is read until nothing is left.
    const untilEmpty = awaited === 0;
    const last = this.#seq;
    let failure = 0;
    this.lastErrorText = "";
    if (libc().send(this.fd, bytes, BigInt(bytes.length), 0) < 0) {
      failure = errno();
      this.lastErrorText = " (send)";
      return failure;
    }
    // After a refusal, what else was said about this request is read too, so that the next one finds a clean queue.
    while (awaited > 0 || untilEmpty || failure !== 0) {
      const length = this.receive(this.#buffer);
      if (length === NOTHING) {
        if (awaited > 0 && failure === 0) failure = ENOBUFS;
        break;
      }
      for (const message of messages(this.#buffer, length)) {
        if (message.seq < first || message.seq > last) continue;
        if ((message.flags & NLM_F_DUMP_INTR) !== 0) failure ||= EINTR;
        if (message.type === NLMSG_ERROR) {
          awaited--;
          const answer = decodeError(this.#view, message);
          if (answer === null || answer.errno === 0 || failure !== 0) continue;
          failure = answer.errno;
          this.lastErrorText = this.#describe(answer.text, answer.requestType, message.seq - first, last - first);
        } else if (message.type === NLMSG_DONE) {
          awaited--;
          const status = message.end - message.payloadOffset >= 4
            ? this.#view.getInt32(message.payloadOffset, true)
            : 0;
          if (status < 0) failure ||= -status;
        } else if (onReply !== undefined) onReply(this.#view, message);
      }
    }
    return failure;
  }

  /** Sends without waiting for anything; throws `KernelError` if the kernel does not take it. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    must(libc().send(this.fd, bytes, BigInt(bytes.length), MSG_DONTWAIT), `${this.#name}: send`);
  }

  /**
   * Reads one datagram of messages and returns its length, -1 if there is none. Throws `KernelError`: ENOBUFS when
   * notifications were lost (what they told must be read anew).
   */
  receive(buffer: Uint8Array<ArrayBuffer>): number {
    const length = Number(libc().recv(this.fd, buffer, BigInt(buffer.length), MSG_DONTWAIT | MSG_TRUNC));
    if (length >= 0 && length <= buffer.length) return length;
    if (length > 0) throw new RangeError(`${this.#name}: message of ${length} bytes, buffer of ${buffer.length}`);
    const failure = errno();
    if (failure === EAGAIN || failure === EINTR) return NOTHING;
    throw new KernelError(`${this.#name}: receive`, failure);
  }

  close(): void {
    closeFd(this.fd);
  }

  #bind(): number {
    const address = new Uint8Array(SOCKADDR_NL_BYTES);
    address[0] = AF_NETLINK;
    must(libc().bind(this.fd, address, address.length), `bind ${this.#name} socket`);
    must(libc().getsockname(this.fd, address, new Uint32Array([address.length])), `read port of ${this.#name} socket`);
    return viewOf(address).getUint32(4, true);
  }

  /** Numbers the messages and counts how many of them will be answered by an acknowledgement or the end of a dump. */
  #number(bytes: Uint8Array<ArrayBuffer>): number {
    const view = viewOf(bytes);
    let awaited = 0;
    for (const message of messages(bytes, bytes.length)) {
      this.#seq = (this.#seq + 1) >>> 0;
      view.setUint32(message.payloadOffset - NLMSG_HEADER_BYTES + 8, this.#seq, true);
      // A dump is closed by DONE, whether or not it asks for an acknowledgement; both bits are needed, since for a NEW
      // request each alone means something else.
      if ((message.flags & (NLM_F_ACK | NLM_F_DUMP)) !== 0 && isAnswered(message.flags)) awaited++;
    }
    return awaited;
  }

  #describe(text: string, type: number, index: number, last: number): string {
    const where = last === 0 ? "" : `message ${index} of type 0x${type.toString(16)}`;
    const words = [where, text].filter((part) => part !== "").join(": ");
    return words === "" ? "" : ` (${words})`;
  }
}

/** True for a message that the kernel ends with an acknowledgement or DONE. */
function isAnswered(flags: number): boolean {
  return (flags & NLM_F_ACK) !== 0 || (flags & NLM_F_DUMP) === NLM_F_DUMP;
}
