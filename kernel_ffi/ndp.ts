/** Neighbour discovery of IPv6 (RFC 4861) over Ethernet: announcements and probes. Whole frames; pure. */
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV6,
  etherTypeOf,
  MAC_BYTES,
  multicastMac,
  writeEthernetHeader,
} from "./ethernet.ts";

export const NEIGHBOUR_SOLICITATION = 135;
export const NEIGHBOUR_ADVERTISEMENT = 136;

const IPV6_HEADER_BYTES = 40;
const NEXT_HEADER_ICMPV6 = 58;
/** 7.1: anything else was forwarded, and neighbours are never forwarded to. */
const HOP_LIMIT = 255;

// 4.4: flags of an advertisement.
const FLAG_ROUTER = 0x80;
const FLAG_SOLICITED = 0x40;
const FLAG_OVERRIDE = 0x20;

// 4.6.1: options with a link-layer address.
const OPTION_SOURCE_MAC = 1;
const OPTION_TARGET_MAC = 2;
/** Type, length in units of 8 bytes, MAC. */
const MAC_OPTION_BYTES = 8;

// Places within a frame. An ICMPv6 message of discovery: type, code, checksum, flags, target, options.
const IP = ETHERNET_HEADER_BYTES;
const SOURCE = IP + 8;
const DESTINATION = IP + 24;
const ICMP = IP + IPV6_HEADER_BYTES;
const TARGET = ICMP + 8;
const OPTIONS = TARGET + 16;

/** ff02::1, everybody on the link. */
export const ALL_NODES: Uint8Array<ArrayBuffer> = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
/** ::, "I have no address yet". */
export const UNSPECIFIED: Uint8Array<ArrayBuffer> = new Uint8Array(16);

/** The group in which the owner of an address listens for questions about it: ff02::1:ffXX:XXXX (RFC 4291 2.7.1). */
export function solicitedNodeGroup(address: Uint8Array): Uint8Array<ArrayBuffer> {
  const group = Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0, 0, 0);
  group.set(address.subarray(13, 16), 13);
  return group;
}

/**
 * "I have this address", to everybody, unasked (7.2.6). The override flag makes neighbours replace what they know.
 * @param router whether this node forwards; neighbours drop it from their routers where the flag goes missing
 */
export function encodeUnsolicitedAdvertisement(
  mac: Uint8Array,
  address: Uint8Array,
  router = false,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(OPTIONS + MAC_OPTION_BYTES);
  writeEthernetHeader(frame, multicastMac(ALL_NODES), mac, ETHERTYPE_IPV6);
  frame[ICMP] = NEIGHBOUR_ADVERTISEMENT;
  frame[ICMP + 4] = FLAG_OVERRIDE | (router ? FLAG_ROUTER : 0);
  frame.set(address, TARGET);
  writeMacOption(frame, OPTION_TARGET_MAC, mac);
  closePacket(frame, address, ALL_NODES);
  return frame;
}

/**
 * "Who has this address?" to its solicited-node group. Without a source it is the form of duplicate address detection
 * (RFC 4862 5.4.2): no neighbour learns from it, and the answer goes to everybody (ff02::1). With a source the answer
 * comes to that address alone, at `mac`.
 */
export function encodeSolicitation(
  mac: Uint8Array,
  target: Uint8Array,
  source?: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const group = solicitedNodeGroup(target);
  const frame = new Uint8Array(source === undefined ? OPTIONS : OPTIONS + MAC_OPTION_BYTES);
  writeEthernetHeader(frame, multicastMac(group), mac, ETHERTYPE_IPV6);
  frame[ICMP] = NEIGHBOUR_SOLICITATION;
  frame.set(target, TARGET);
  // 4.3: the option must not be there when the source is unspecified.
  if (source !== undefined) writeMacOption(frame, OPTION_SOURCE_MAC, mac);
  closePacket(frame, source ?? UNSPECIFIED, group);
  return frame;
}

function writeMacOption(frame: Uint8Array, type: number, mac: Uint8Array): void {
  frame[OPTIONS] = type;
  frame[OPTIONS + 1] = MAC_OPTION_BYTES / 8;
  frame.set(mac, OPTIONS + 2);
}

/** Writes the IPv6 header, then the checksum, which covers both. */
function closePacket(frame: Uint8Array<ArrayBuffer>, source: Uint8Array, destination: Uint8Array): void {
  const view = new DataView(frame.buffer);
  const payload = frame.length - ICMP;
  view.setUint8(IP, 0x60);
  view.setUint16(IP + 4, payload);
  view.setUint8(IP + 6, NEXT_HEADER_ICMPV6);
  view.setUint8(IP + 7, HOP_LIMIT);
  frame.set(source, SOURCE);
  frame.set(destination, DESTINATION);
  view.setUint16(ICMP + 2, icmpv6Checksum(source, destination, frame.subarray(ICMP)));
}

/**
 * Checksum of an ICMPv6 message over the pseudo-header too (RFC 4443 2.3, RFC 8200 8.1). Over a message that has a
 * right checksum in it the result is 0.
 */
export function icmpv6Checksum(source: Uint8Array, destination: Uint8Array, message: Uint8Array): number {
  let sum = sumOf(source) + sumOf(destination) + sumOf(message);
  sum += (message.length >>> 16) + (message.length & 0xffff) + NEXT_HEADER_ICMPV6;
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < bytes.length; i += 2) sum += bytes[i]! << 8 | (bytes[i + 1] ?? 0);
  return sum;
}

export interface Advertisement {
  readonly target: Uint8Array;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** Target link-layer address option where there is one, else the frame's sender. */
  readonly mac: Uint8Array;
  readonly router: boolean;
  readonly solicited: boolean;
  readonly override: boolean;
}

/**
 * Reads a neighbour advertisement; null for everything else and for what RFC 4861 7.1.2 tells to ignore. Addresses are
 * views into `frame`.
 */
export function decodeAdvertisement(frame: Uint8Array, length: number = frame.length): Advertisement | null {
  const end = endOfMessage(frame, length);
  if (end < OPTIONS || frame[ICMP] !== NEIGHBOUR_ADVERTISEMENT || frame[ICMP + 1] !== 0) return null;
  const source = frame.subarray(SOURCE, SOURCE + 16);
  const destination = frame.subarray(DESTINATION, DESTINATION + 16);
  if (icmpv6Checksum(source, destination, frame.subarray(ICMP, end)) !== 0) return null;
  const target = frame.subarray(TARGET, TARGET + 16);
  const flags = frame[ICMP + 4]!;
  const solicited = (flags & FLAG_SOLICITED) !== 0;
  if (target[0] === 0xff || (solicited && destination[0] === 0xff)) return null;
  const mac = findMac(frame, end);
  if (mac === null) return null;
  return {
    target,
    source,
    destination,
    mac,
    router: (flags & FLAG_ROUTER) !== 0,
    solicited,
    override: (flags & FLAG_OVERRIDE) !== 0,
  };
}

export interface Solicitation {
  readonly target: Uint8Array;
  /** Unspecified (`::`) where the asker means to take the address, or is checking that nobody else has it. */
  readonly source: Uint8Array;
  /** The frame's sender. */
  readonly mac: Uint8Array;
}

/** Reads a neighbour solicitation; null for everything else and for what RFC 4861 7.1.1 tells to ignore. */
export function decodeSolicitation(frame: Uint8Array, length: number = frame.length): Solicitation | null {
  const end = endOfMessage(frame, length);
  if (end < OPTIONS || frame[ICMP] !== NEIGHBOUR_SOLICITATION || frame[ICMP + 1] !== 0) return null;
  const source = frame.subarray(SOURCE, SOURCE + 16);
  const destination = frame.subarray(DESTINATION, DESTINATION + 16);
  if (icmpv6Checksum(source, destination, frame.subarray(ICMP, end)) !== 0) return null;
  const target = frame.subarray(TARGET, TARGET + 16);
  return target[0] === 0xff ? null : { target, source, mac: frame.subarray(MAC_BYTES, 2 * MAC_BYTES) };
}

/** Where the ICMPv6 message of a frame ends, or 0 if it holds none that neighbours may send. */
function endOfMessage(frame: Uint8Array, length: number): number {
  if (length < OPTIONS || etherTypeOf(frame, length) !== ETHERTYPE_IPV6) return 0;
  if (frame[IP]! >> 4 !== 6 || frame[IP + 6] !== NEXT_HEADER_ICMPV6 || frame[IP + 7] !== HOP_LIMIT) return 0;
  const end = ICMP + (frame[IP + 4]! << 8 | frame[IP + 5]!);
  return end <= length ? end : 0;
}

/** The target's MAC from the options, else the sender's; null where an option is malformed (7.1.2: discard). */
function findMac(frame: Uint8Array, end: number): Uint8Array | null {
  let mac = frame.subarray(MAC_BYTES, 2 * MAC_BYTES);
  for (let at = OPTIONS; at < end;) {
    const size = at + 1 < end ? frame[at + 1]! * 8 : 0;
    if (size === 0 || at + size > end) return null;
    if (frame[at] === OPTION_TARGET_MAC && size === MAC_OPTION_BYTES) mac = frame.subarray(at + 2, at + 2 + MAC_BYTES);
    at += size;
  }
  return mac;
}
