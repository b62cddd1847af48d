/**
 * Watches on the switch who speaks as the virtual addresses: who sends from them, who answers ARP and neighbour solicitations
 * for them, who announces them. Asks no node. One socket hears all ports, so what it hears is in order.
 */
import { parseIp, sameBytes } from "../../kernel_ffi/address.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../kernel_ffi/ethernet.ts";
import { interfaceIndex, libc, monotonicUs, must } from "../../kernel_ffi/libc.ts";
import {
  bindPacketSocket,
  EVERY_ETHERTYPE,
  openPacketSocket,
  SOCKADDR_LL_BYTES,
} from "../../kernel_ffi/packet_socket.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { enlargeReceiveBuffer } from "../../kernel_ffi/receive_buffer.ts";
import { noteSpeech, type Reign } from "./ownership.ts";
import { type NodeName, NODES, SERVICE_V4, SERVICE_V6 } from "./topology.ts";

export { type Reign, reignText } from "./ownership.ts";

/** How a frame speaks as an address. */
export type Speech = "ip" | "arp" | "ipv6" | "nd";

/** What the watcher prints. */
export interface Watched {
  readonly reigns: readonly Reign[];
  readonly missed: number;
}

const CLOCK_REALTIME = 0;
const SOL_PACKET = 263;
const PACKET_STATISTICS = 6;
/** asm-generic/sockios.h: struct timespec of the frame that was read last. */
const SIOCGSTAMPNS = 0x8907n;
const ANY_INTERFACE = 0;
const SLL_IFINDEX = 4;
/** The longest frame of an Ethernet without jumbo frames. */
const FRAME_BYTES = 1514;
/** A second of traffic, even if this process gets no time. */
const BUFFER_BYTES = 64 << 20;
const REPORT_EVERY_US = 50_000;

/** Kind of speech of a frame as one of the addresses, null for all other frames. Pure. */
export function speechOf(
  frame: Uint8Array,
  length: number,
  v4: Uint8Array,
  v6: Uint8Array,
): Speech | null {
  if (length < 34) return null;
  const type = (frame[12]! << 8) | frame[13]!;
  if (type === ETHERTYPE_IPV4) return sameBytes(frame.subarray(26, 30), v4) ? "ip" : null;
  if (type === ETHERTYPE_ARP) return sameBytes(frame.subarray(28, 32), v4) ? "arp" : null;
  if (type !== ETHERTYPE_IPV6 || length < 54) return null;
  if (sameBytes(frame.subarray(22, 38), v6)) return "ipv6";
  const advertisement = frame[20] === 58 && frame[54] === 136;
  return advertisement && length >= 78 && sameBytes(frame.subarray(62, 78), v6) ? "nd" : null;
}

/** Prints `ready`, then what it knows as JSON whenever that has changed, at most twenty times a second. Never returns. */
export function runWatcher(): void {
  const reigns: Reign[] = [];
  watchPorts({
    frame(node, _frame, _length, speech, atUs) {
      if (speech === null) return false;
      noteSpeech(reigns, node, atUs());
      return true;
    },
    report: (missed) => console.log(JSON.stringify({ reigns, missed } satisfies Watched)),
  });
}

/** What is done with the frames that nodes send. */
export interface Watching {
  /**
   * Told of each frame. True: there is something to report.
   * @param speech as one of the addresses, if it is  @param atUs when the switch received it
   */
  frame(node: NodeName, frame: Uint8Array, length: number, speech: Speech | null, atUs: () => number): boolean;
  /** At most twenty times a second. `missed`: frames that could not be taken, so far. */
  report(missed: number): void;
}

/** Hears the nodes' ports of the switch whose namespace it runs in, and prints `ready` when it does. Never returns. */
export function watchPorts(watching: Watching): never {
  const v4 = parseIp(SERVICE_V4)!, v6 = parseIp(SERVICE_V6)!;
  const fd = openPacketSocket();
  enlargeReceiveBuffer(fd, BUFFER_BYTES);
  bindPacketSocket(fd, "all ports", ANY_INTERFACE, EVERY_ETHERTYPE);
  const ports = new Map<number, NodeName>(NODES.map((node) => [interfaceIndex(`p-${node}`), node]));
  const clock = new ReceiveClock(fd);
  const poller = new Poller();
  poller.set(fd);
  const frame = new Uint8Array(FRAME_BYTES),
    from = new Uint8Array(SOCKADDR_LL_BYTES),
    fromView = new DataView(from.buffer),
    fromLength = new Uint32Array(1);
  const atUs = () => clock.lastUs();
  let changed = true, reportedUs = 0, missed = 0;
  console.log("ready");
  for (;;) {
    poller.wait(REPORT_EVERY_US);
    for (;;) {
      fromLength[0] = SOCKADDR_LL_BYTES;
      const length = libc().recvfrom32(fd, frame, frame.length, 0, from, fromLength);
      if (length < 0) break;
      const node = ports.get(fromView.getInt32(SLL_IFINDEX, true));
      if (node === undefined) continue;
      if (watching.frame(node, frame, length, speechOf(frame, length, v4, v6), atUs)) changed = true;
    }
    if (!changed || monotonicUs() - reportedUs < REPORT_EVERY_US) continue;
    changed = false;
    reportedUs = monotonicUs();
    missed += takeDrops(fd);
    watching.report(missed);
  }
}

/** Frames that found the buffer full since the last call (struct tpacket_stats: received, dropped). */
function takeDrops(fd: number): number {
  const stats = new Uint32Array(2), length = new Uint32Array([8]);
  must(libc().getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, stats, length), "read PACKET_STATISTICS");
  return stats[1]!;
}

/** When the kernel received a frame: the switch saw it then, however late this process reads it. */
class ReceiveClock {
  readonly #fd: number;
  readonly #stamp = new Uint32Array(4);
  /** From the wall clock, which stamps frames, to the monotonic one, which everything else here is told by. */
  readonly #offsetUs: number;

  constructor(fd: number) {
    this.#fd = fd;
    libc().clock_gettime(CLOCK_REALTIME, this.#stamp);
    this.#offsetUs = this.#stampUs() - monotonicUs();
    // The first question turns the stamps on; there is nothing to tell yet.
    libc().ioctl(fd, SIOCGSTAMPNS, this.#stamp);
  }

  /** Of the frame that was read last. */
  lastUs(): number {
    if (libc().ioctl(this.#fd, SIOCGSTAMPNS, this.#stamp) < 0) return monotonicUs();
    return Math.round(this.#stampUs() - this.#offsetUs);
  }

  #stampUs(): number {
    return (this.#stamp[1]! * 2 ** 32 + this.#stamp[0]!) * 1e6 + this.#stamp[2]! / 1e3;
  }
}
