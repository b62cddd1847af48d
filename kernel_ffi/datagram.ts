/** A connected UDP socket between two fixed addresses: the wire of heartbeats. */
import { AF_INET, decodeSockaddr, encodeSockaddr, parseIp } from "./address.ts";
import { decodeExtendedErrno, IP_RECVERR, IPV6_RECVERR, SOL_IP, SOL_IPV6 } from "./error_queue.ts";
import { EAGAIN, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH } from "./errno.ts";
import { closeFd, errno, interfaceIndex, libc, must, setIntOption } from "./libc.ts";
import {
  FAILED,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  NOTHING,
  PRIORITY_CONTROL,
  SO_ERROR,
  SO_MARK,
  SO_PRIORITY,
  SO_REUSEADDR,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOL_SOCKET,
} from "./socket_constants.ts";

/** sizeof(struct msghdr) and the places of its fields on a 64-bit machine. */
const MSGHDR_BYTES = 56;
const MSGHDR_IOV = 16;
const MSGHDR_IOVLEN = 24;
const MSGHDR_CONTROL = 32;
const MSGHDR_CONTROLLEN = 40;

export interface DatagramEndpoint {
  /** IPv4 or IPv6 address without brackets; a link-local one names its interface: `fe80::1%eth0`. */
  readonly host: string;
  /** 0: any free port (local only). */
  readonly port: number;
}

/**
 * Non-blocking and connected, so that only the peer is heard, and ICMP answers come back as errors. With IP_RECVERR
 * they wait in the error queue: whoever sees `failed(fd)` must call `drainErrors`, or ppoll returns at once for ever.
 *
 * The constructor throws `KernelError` where the local address is not there (EADDRNOTAVAIL) or the remote one has no
 * route (ENETUNREACH): links come and go, so the caller tries again.
 */
export class DatagramSocket {
  readonly fd: number;
  readonly localPort: number;
  /** errno of the last `receive` that returned -2. */
  lastErrno = 0;
  #mark = 0;
  #queue: ErrorQueue | undefined;

  constructor(o: { readonly local: DatagramEndpoint; readonly remote: DatagramEndpoint }) {
    const local = toSockaddr(o.local);
    const remote = toSockaddr(o.remote);
    if (local.length !== remote.length) {
      throw new RangeError(`connect ${o.local.host} to ${o.remote.host}: one is IPv4, the other IPv6`);
    }
    const family = local[0]!;
    this.fd = must(libc().socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open UDP socket");
    try {
      setIntOption(this.fd, SOL_SOCKET, SO_REUSEADDR, 1, "SO_REUSEADDR");
      setIntOption(this.fd, SOL_SOCKET, SO_PRIORITY, PRIORITY_CONTROL, "SO_PRIORITY");
      if (family === AF_INET) setIntOption(this.fd, SOL_IP, IP_RECVERR, 1, "IP_RECVERR");
      else setIntOption(this.fd, SOL_IPV6, IPV6_RECVERR, 1, "IPV6_RECVERR");
      must(libc().bind(this.fd, local, local.length), `bind ${nameOf(o.local)}`);
      must(libc().connect(this.fd, remote, remote.length), `connect ${nameOf(o.local)} to ${nameOf(o.remote)}`);
      this.localPort = o.local.port !== 0 ? o.local.port : boundPort(this.fd);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /** Mark of everything sent from now on (SO_MARK); costs a call only when it changes. */
  setMark(mark: number): void {
    if (mark === this.#mark) return;
    setIntOption(this.fd, SOL_SOCKET, SO_MARK, mark | 0, "SO_MARK");
    this.#mark = mark;
  }

  /** Sends the first `length` bytes. 0, or the errno: ENOBUFS where a rule refused it or a queue is full. */
  send(buffer: Uint8Array<ArrayBuffer>, length: number): number {
    if (libc().send32(this.fd, buffer, length, MSG_DONTWAIT) >= 0) return 0;
    const failure = errno();
    // The answer to an earlier datagram is reported in place of sending this one, and gone with the report. This one
    // deserves its own try; the answer stays in the error queue.
    if (failure !== ECONNREFUSED && failure !== EHOSTUNREACH && failure !== ENETUNREACH) return failure;
    return libc().send32(this.fd, buffer, length, MSG_DONTWAIT) >= 0 ? 0 : errno();
  }

  /**
   * One datagram: its length (cut to the buffer's), -1 when there is none, -2 when an error was pending (`lastErrno`).
   * An error hides no datagram: read on until -1.
   */
  receive(buffer: Uint8Array<ArrayBuffer>): number {
    const length = libc().recv32(this.fd, buffer, buffer.length, MSG_DONTWAIT);
    if (length >= 0) return length;
    const failure = errno();
    if (failure === EAGAIN) return NOTHING;
    this.lastErrno = failure;
    return FAILED;
  }

  /** Empties the error queue; errno of the last answer in it (ECONNREFUSED: port unreachable), 0 if there was none. */
  drainErrors(): number {
    this.#queue ??= new ErrorQueue();
    return this.#queue.drain(this.fd);
  }

  close(): void {
    closeFd(this.fd);
  }
}

/** The structures that recvmsg(2) wants, made once and used for each read of the error queue. */
class ErrorQueue {
  // Memory of their own, named explicitly: V8 moves small arrays, and the kernel keeps to the address that it was told.
  readonly #header = new Uint8Array(new ArrayBuffer(MSGHDR_BYTES));
  readonly #vector = new Uint8Array(new ArrayBuffer(16));
  readonly #payload = new Uint8Array(new ArrayBuffer(64));
  readonly #control = new Uint8Array(new ArrayBuffer(512));
  readonly #view = new DataView(this.#header.buffer);
  readonly #controlAddress = addressOf(this.#control);
  readonly #int = new Int32Array(1);
  readonly #intLength = new Uint32Array(1);

  constructor() {
    const vector = new DataView(this.#vector.buffer);
    vector.setBigUint64(0, addressOf(this.#payload), true);
    vector.setBigUint64(8, BigInt(this.#payload.length), true);
    this.#view.setBigUint64(MSGHDR_IOV, addressOf(this.#vector), true);
    this.#view.setBigUint64(MSGHDR_IOVLEN, 1n, true);
    this.#view.setBigUint64(MSGHDR_CONTROL, this.#controlAddress, true);
  }

  drain(fd: number): number {
    let last = 0;
    for (;;) {
      this.#view.setBigUint64(MSGHDR_CONTROLLEN, BigInt(this.#control.length), true);
      if (libc().recvmsg(fd, this.#header, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) break;
      const length = this.#view.getUint32(MSGHDR_CONTROLLEN, true);
      last = decodeExtendedErrno(this.#control, length) || last;
    }
    // A queue that overflowed leaves an error without an entry, which would keep ppoll awake.
    this.#intLength[0] = 4;
    if (libc().getsockopt(fd, SOL_SOCKET, SO_ERROR, this.#int, this.#intLength) === 0) last = this.#int[0]! || last;
    return last;
  }
}

function addressOf(bytes: Uint8Array<ArrayBuffer>): bigint {
  return Deno.UnsafePointer.value(Deno.UnsafePointer.of(bytes));
}

function nameOf(endpoint: DatagramEndpoint): string {
  return endpoint.host.includes(":") ? `[${endpoint.host}]:${endpoint.port}` : `${endpoint.host}:${endpoint.port}`;
}

function toSockaddr(endpoint: DatagramEndpoint): Uint8Array<ArrayBuffer> {
  const [host, zone] = endpoint.host.split("%", 2) as [string, string?];
  const bytes = parseIp(host);
  if (bytes === null) throw new RangeError(`parse address ${endpoint.host}: neither IPv4 nor IPv6`);
  return encodeSockaddr(bytes, endpoint.port, zone === undefined ? 0 : interfaceIndex(zone));
}

function boundPort(fd: number): number {
  const address = new Uint8Array(28);
  const length = new Uint32Array([address.length]);
  must(libc().getsockname(fd, address, length), "read own port");
  return decodeSockaddr(address)!.port;
}
