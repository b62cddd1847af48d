/**
 * Watches on the switch who speaks as the virtual addresses: who sends from them, who answers ARP and neighbour solicitations
 * for them, who announces them. Asks no node. One socket hears all ports, so what it hears is in order.
 */
import { parseIp, sameBytes } from "../../kernel_ffi/address.ts";
import { ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6 } from "../../kernel_ffi/ethernet.ts";
import { interfaceIndex, libc, monotonicUs, setIntOption } from "../../kernel_ffi/libc.ts";
import {
  bindPacketSocket,
  EVERY_ETHERTYPE,
  openPacketSocket,
  SOCKADDR_LL_BYTES,
} from "../../kernel_ffi/packet_socket.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { type NodeName, NODES, SERVICE_V4, SERVICE_V6 } from "./topology.ts";

/** Frames of one node in a row, as the addresses. */
export interface Reign {
  readonly node: NodeName;
  /** Microseconds of the monotonic clock. */
  readonly firstUs: number;
  lastUs: number;
  frames: number;
}

const NOT_HEARD = "-";
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const ANY_INTERFACE = 0;
const SLL_IFINDEX = 4;
const REPORT_EVERY_US = 50_000;

/** Kind of speech of a frame as one of the addresses, null for all other frames. Pure. */
export function speechOf(
  frame: Uint8Array,
  length: number,
  v4: Uint8Array,
  v6: Uint8Array,
): "ip" | "arp" | "ipv6" | "nd" | null {
  if (length < 34) return null;
  const type = (frame[12]! << 8) | frame[13]!;
  if (type === ETHERTYPE_IPV4) return sameBytes(frame.subarray(26, 30), v4) ? "ip" : null;
  if (type === ETHERTYPE_ARP) return sameBytes(frame.subarray(28, 32), v4) ? "arp" : null;
  if (type !== ETHERTYPE_IPV6 || length < 54) return null;
  if (sameBytes(frame.subarray(22, 38), v6)) return "ipv6";
  const advertisement = frame[20] === 58 && frame[54] === 136;
  return advertisement && length >= 78 && sameBytes(frame.subarray(62, 78), v6) ? "nd" : null;
}

/** Prints `ready`, then the list of reigns as JSON whenever it has changed, at most twenty times a second. Never returns. */
export function runWatcher(): void {
  const v4 = parseIp(SERVICE_V4)!, v6 = parseIp(SERVICE_V6)!;
  const fd = openPacketSocket();
  setIntOption(fd, SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20, "SO_RCVBUFFORCE");
  bindPacketSocket(fd, "all ports", ANY_INTERFACE, EVERY_ETHERTYPE);
  const ports = new Map<number, NodeName>(NODES.map((node) => [interfaceIndex(`p-${node}`), node]));
  const poller = new Poller();
  poller.set(fd);
  const frame = new Uint8Array(128),
    from = new Uint8Array(SOCKADDR_LL_BYTES),
    fromView = new DataView(from.buffer),
    fromLength = new Uint32Array(1);
  const reigns: Reign[] = [];
  let changed = true, reportedUs = 0;
  console.log("ready");
  for (;;) {
    poller.wait(REPORT_EVERY_US);
    for (;;) {
      fromLength[0] = SOCKADDR_LL_BYTES;
      const length = libc().recvfrom32(fd, frame, frame.length, 0, from, fromLength);
      if (length < 0) break;
      const node = ports.get(fromView.getInt32(SLL_IFINDEX, true));
      if (node === undefined || speechOf(frame, length, v4, v6) === null) continue;
      note(reigns, node);
      changed = true;
    }
    if (!changed || monotonicUs() - reportedUs < REPORT_EVERY_US) continue;
    changed = false;
    reportedUs = monotonicUs();
    console.log(JSON.stringify(reigns));
  }
}

function note(reigns: Reign[], node: NodeName): void {
  const now = monotonicUs(), last = reigns.at(-1);
  if (last !== undefined && last.node === node) {
    last.lastUs = now;
    last.frames++;
  } else {
    reigns.push({ node, firstUs: now, lastUs: now, frames: 1 });
  }
}

/** One line about who reigned, `a b a`. */
export function reignText(reigns: readonly Reign[]): string {
  return reigns.length === 0 ? NOT_HEARD : reigns.map((reign) => reign.node).join(" ");
}
