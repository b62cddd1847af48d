/** Questions about sockets (sock_diag(7), linux/inet_diag.h): what waits in their queues, where they end. Pure. */
import { AF_INET, AF_INET6 } from "./address.ts";
import { type NetlinkWriter, NLM_F_DUMP, NLM_F_REQUEST } from "./netlink.ts";

const SOCK_DIAG_BY_FAMILY = 20;
const IPPROTO_TCP = 6;
const IPPROTO_UDP = 17;
/** struct inet_diag_req_v2: family, protocol, extensions, padding, states, struct inet_diag_sockid. */
const REQUEST_BYTES = 56;
const REQUEST_STATES = 4;
const EVERY_STATE = 0xffff_ffff;
/** Bits of TCP states (net/tcp_states.h). */
const ESTABLISHED = 1 << 1;
/** struct inet_diag_msg: family, state, timer, retransmissions, sockid (ports, source at 8), expires, receive queue. */
const SOURCE = 8;
const RECEIVE_QUEUE = 56;
const ANSWER_BYTES = 72;

/** Asks for every UDP socket of a family. */
export function writeGetUdpSockets(writer: NetlinkWriter, family: 4 | 6): void {
  writeGetSockets(writer, family, IPPROTO_UDP, EVERY_STATE);
}

/** Asks for every established TCP connection of a family. */
export function writeGetTcpConnections(writer: NetlinkWriter, family: 4 | 6): void {
  writeGetSockets(writer, family, IPPROTO_TCP, ESTABLISHED);
}

function writeGetSockets(writer: NetlinkWriter, family: 4 | 6, protocol: number, states: number): void {
  writer.begin(SOCK_DIAG_BY_FAMILY, NLM_F_REQUEST | NLM_F_DUMP);
  const at = writer.fixed(REQUEST_BYTES);
  writer.view.setUint8(at, family === 4 ? AF_INET : AF_INET6);
  writer.view.setUint8(at + 1, protocol);
  writer.view.setUint32(at + REQUEST_STATES, states, true);
  writer.end();
}

/**
 * Bytes that a socket has received and its program has not read, if it is bound to one of the addresses or to all.
 * @param at where the answer's payload begins
 */
export function unreadBytes(view: DataView, at: number, end: number, addresses: readonly Uint8Array[]): number {
  if (end - at < ANSWER_BYTES) return 0;
  const waiting = view.getUint32(at + RECEIVE_QUEUE, true);
  if (waiting === 0) return 0;
  const length = view.getUint8(at) === AF_INET ? 4 : 16;
  return isAny(view, at + SOURCE, length) || addresses.some((it) => isAt(view, at + SOURCE, length, it)) ? waiting : 0;
}

/** The first bytes of an IPv4 address in a socket that speaks IPv6 (RFC 4291 2.5.5.2). */
const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

/** Whether a socket's own end is one of the addresses. */
export function endsAt(view: DataView, at: number, end: number, addresses: readonly Uint8Array[]): boolean {
  if (end - at < ANSWER_BYTES) return false;
  const source = at + SOURCE;
  if (view.getUint8(at) === AF_INET) return addresses.some((it) => isAt(view, source, 4, it));
  const mapped = MAPPED.every((byte, i) => view.getUint8(source + i) === byte);
  return addresses.some((it) => isAt(view, source, 16, it) || (mapped && isAt(view, source + MAPPED.length, 4, it)));
}

function isAny(view: DataView, at: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== 0) return false;
  return true;
}

function isAt(view: DataView, at: number, length: number, address: Uint8Array): boolean {
  if (address.length !== length) return false;
  for (let i = 0; i < length; i++) if (view.getUint8(at + i) !== address[i]) return false;
  return true;
}
