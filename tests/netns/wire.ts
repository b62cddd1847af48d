/** The far end of a wire: frames made by hand, sent and watched by packet sockets. For tests of what the kernel lets through. */
import { EAGAIN } from "../../kernel_ffi/errno.ts";
import { closeFd, errno, interfaceIndex, libc, must, setIntOption } from "../../kernel_ffi/libc.ts";
import {
  MSG_DONTWAIT,
  SO_MARK,
  SOCK_CLOEXEC,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
} from "../../kernel_ffi/socket_constants.ts";

const AF_PACKET = 17;
const ETH_P_ALL = 0x0003;
/** Place of sll_pkttype in struct sockaddr_ll, and its value for frames that leave. */
const PKTTYPE = 10;
const PACKET_OUTGOING = 4;
const SO_RCVBUFFORCE = 33;

// Opened once for the whole run: in a test it would look like a leak.
libc();

/** A packet socket on one interface. */
export class Wire {
  readonly #fd: number;
  readonly #buffer = new Uint8Array(new ArrayBuffer(1 << 16));
  readonly #from = new Uint8Array(new ArrayBuffer(20));
  readonly #fromLength = new Uint32Array([20]);

  constructor(device: string) {
    this.#fd = must(libc().socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), "open packet socket");
    setIntOption(this.#fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20, "SO_RCVBUFFORCE");
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, ETH_P_ALL);
    view.setInt32(4, interfaceIndex(device), true);
    must(libc().bind(this.#fd, address, address.length), `bind packet socket to ${device}`);
  }

  /** Sends a frame; 0, or the errno of a refusal. */
  send(frame: Uint8Array<ArrayBuffer>, mark = 0): number {
    setIntOption(this.#fd, SOL_SOCKET, SO_MARK, mark | 0, "SO_MARK");
    return libc().send(this.#fd, frame, BigInt(frame.length), MSG_DONTWAIT) < 0 ? errno() : 0;
  }

  /** All frames that arrived on the interface since the last call (what it sent itself is left out). */
  received(): Uint8Array<ArrayBuffer>[] {
    const frames: Uint8Array<ArrayBuffer>[] = [];
    for (;;) {
      this.#fromLength[0] = 20;
      const size = BigInt(this.#buffer.length);
      const length = Number(libc().recvfrom(this.#fd, this.#buffer, size, MSG_DONTWAIT, this.#from, this.#fromLength));
      if (length < 0) {
        if (errno() === EAGAIN) return frames;
        throw new Error(`receive frame: errno ${errno()}`);
      }
      if (this.#from[PKTTYPE] !== PACKET_OUTGOING) frames.push(this.#buffer.slice(0, length));
    }
  }

  close(): void {
    closeFd(this.#fd);
  }
}

export const ETHERTYPE = { ipv4: 0x0800, arp: 0x0806, ipv6: 0x86dd, segue: 0x88b5 } as const;
const IPPROTO_UDP = 17;
const IPPROTO_ICMPV6 = 58;

export function frame(to: Uint8Array, from: Uint8Array, type: number, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(Math.max(60, 14 + payload.length));
  out.set(to);
  out.set(from, 6);
  new DataView(out.buffer).setUint16(12, type);
  out.set(payload, 14);
  return out;
}

/** ARP (RFC 826): operation 1 asks, 2 answers. */
export function arp(operation: number, senderMac: Uint8Array, sender: Uint8Array, target: Uint8Array): Uint8Array {
  const out = new Uint8Array([0, 1, 8, 0, 6, 4, 0, operation, ...new Uint8Array(20)]);
  out.set(senderMac, 8);
  out.set(sender, 14);
  out.set(target, 24);
  return out;
}

/** UDP over IPv4 or IPv6, by the length of the addresses. */
export function udp(
  from: Uint8Array,
  fromPort: number,
  to: Uint8Array,
  toPort: number,
  data: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const segment = new Uint8Array(8 + data.length);
  const view = new DataView(segment.buffer);
  view.setUint16(0, fromPort);
  view.setUint16(2, toPort);
  view.setUint16(4, segment.length);
  segment.set(data, 8);
  return ip(from, to, IPPROTO_UDP, segment, 6);
}

/** A neighbour solicitation (type 135) or advertisement (136) about a target (RFC 4861). */
export function discovery(type: number, from: Uint8Array, to: Uint8Array, target: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(24);
  message[0] = type;
  if (type === 136) message[4] = 0x20;
  message.set(target, 8);
  return ip(from, to, IPPROTO_ICMPV6, message, 2);
}

function ip(from: Uint8Array, to: Uint8Array, protocol: number, segment: Uint8Array, checksumAt: number) {
  const pseudo = [...from, ...to, 0, protocol, segment.length >> 8, segment.length & 0xff];
  new DataView(segment.buffer).setUint16(checksumAt, checksum(new Uint8Array([...pseudo, ...segment])));
  if (from.length === 4) {
    const length = 20 + segment.length;
    const header = new Uint8Array([
      0x45,
      0,
      length >> 8,
      length & 0xff,
      0,
      0,
      0,
      0,
      64,
      protocol,
      0,
      0,
      ...from,
      ...to,
    ]);
    new DataView(header.buffer).setUint16(10, checksum(header));
    return new Uint8Array([...header, ...segment]);
  }
  const length = segment.length;
  return new Uint8Array([0x60, 0, 0, 0, length >> 8, length & 0xff, protocol, 255, ...from, ...to, ...segment]);
}

/** RFC 1071. */
export function checksum(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum & 0xffff;
}

/** Calls `condition` until it gives something true, and returns that; throws after ten seconds. */
export async function until<T>(what: string, condition: () => T): Promise<T> {
  const end = performance.now() + 10_000;
  for (;;) {
    const result = condition();
    if (result) return result;
    if (performance.now() > end) throw new Error(`waited ten seconds for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}
