/** ARP for IPv4 over Ethernet (RFC 826), announcements and probes (RFC 5227). Whole frames; pure. */
import {
  BROADCAST_MAC,
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_ARP,
  etherTypeOf,
  MAC_BYTES,
  writeEthernetHeader,
} from "./ethernet.ts";

/** Ethernet header and 28 bytes of ARP. Devices pad it to Ethernet's least size by themselves. */
export const ARP_FRAME_BYTES = 42;

export const ARP_REQUEST = 1;
export const ARP_REPLY = 2;

const HARDWARE_ETHERNET = 1;
const PROTOCOL_IPV4 = 0x0800;

// Places within a frame.
const OPERATION = ETHERNET_HEADER_BYTES + 6;
const SENDER_MAC = ETHERNET_HEADER_BYTES + 8;
const SENDER_IP = ETHERNET_HEADER_BYTES + 14;
const TARGET_MAC = ETHERNET_HEADER_BYTES + 18;
const TARGET_IP = ETHERNET_HEADER_BYTES + 24;

const ZERO_MAC = new Uint8Array(MAC_BYTES);
const ZERO_IP = new Uint8Array(4);

export interface ArpPacket {
  /** 1 request, 2 reply. */
  readonly operation: number;
  readonly senderMac: Uint8Array;
  readonly senderIp: Uint8Array;
  readonly targetMac: Uint8Array;
  readonly targetIp: Uint8Array;
}

/** A frame from the packet's sender to `destination`. */
export function encodeArp(destination: Uint8Array, packet: ArpPacket): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(ARP_FRAME_BYTES);
  writeEthernetHeader(frame, destination, packet.senderMac, ETHERTYPE_ARP);
  const view = new DataView(frame.buffer, ETHERNET_HEADER_BYTES);
  view.setUint16(0, HARDWARE_ETHERNET);
  view.setUint16(2, PROTOCOL_IPV4);
  view.setUint8(4, MAC_BYTES);
  view.setUint8(5, 4);
  view.setUint16(6, packet.operation);
  frame.set(packet.senderMac, SENDER_MAC);
  frame.set(packet.senderIp, SENDER_IP);
  frame.set(packet.targetMac, TARGET_MAC);
  frame.set(packet.targetIp, TARGET_IP);
  return frame;
}

/**
 * "I have this address", as a request for it (the form that RFC 5227 3 recommends and that most neighbours believe).
 * Target hardware address zero, as the kernel's own announcement has it.
 */
export function encodeGratuitousArpRequest(mac: Uint8Array, ip: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeArp(BROADCAST_MAC, {
    operation: ARP_REQUEST,
    senderMac: mac,
    senderIp: ip,
    targetMac: ZERO_MAC,
    targetIp: ip,
  });
}

/**
 * The same as a reply nobody asked for: some neighbours believe only this form. Target is the sender, as in `arping
 * -A`.
 */
export function encodeGratuitousArpReply(mac: Uint8Array, ip: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeArp(BROADCAST_MAC, {
    operation: ARP_REPLY,
    senderMac: mac,
    senderIp: ip,
    targetMac: mac,
    targetIp: ip,
  });
}

/**
 * "Who has this address?" without claiming any (RFC 5227 2.1.1): sender 0.0.0.0, so that no neighbour learns from it.
 * With `senderIp` it is the ordinary question, for receivers that ignore probes.
 */
export function encodeArpProbe(mac: Uint8Array, ip: Uint8Array, senderIp?: Uint8Array): Uint8Array<ArrayBuffer> {
  return encodeArpRequest(mac, senderIp ?? ZERO_IP, ip);
}

/**
 * "Who has `targetIp`? Tell `senderIp`." To everybody, or to `destination` alone (a unicast poll, RFC 1122 2.3.2.1).
 */
export function encodeArpRequest(
  senderMac: Uint8Array,
  senderIp: Uint8Array,
  targetIp: Uint8Array,
  destination: Uint8Array = BROADCAST_MAC,
): Uint8Array<ArrayBuffer> {
  return encodeArp(destination, { operation: ARP_REQUEST, senderMac, senderIp, targetMac: ZERO_MAC, targetIp });
}

/** Answer to one asker. */
export function encodeArpReply(
  senderMac: Uint8Array,
  senderIp: Uint8Array,
  targetMac: Uint8Array,
  targetIp: Uint8Array,
): Uint8Array<ArrayBuffer> {
  return encodeArp(targetMac, { operation: ARP_REPLY, senderMac, senderIp, targetMac, targetIp });
}

/** Reads a frame; null if it is not ARP for IPv4 over Ethernet, or cut short. Addresses are views into `frame`. */
export function decodeArp(frame: Uint8Array, length: number = frame.length): ArpPacket | null {
  if (length < ARP_FRAME_BYTES || etherTypeOf(frame, length) !== ETHERTYPE_ARP) return null;
  const view = new DataView(frame.buffer, frame.byteOffset + ETHERNET_HEADER_BYTES);
  if (view.getUint16(0) !== HARDWARE_ETHERNET || view.getUint16(2) !== PROTOCOL_IPV4) return null;
  if (view.getUint8(4) !== MAC_BYTES || view.getUint8(5) !== 4) return null;
  return {
    operation: frame[OPERATION]! << 8 | frame[OPERATION + 1]!,
    senderMac: frame.subarray(SENDER_MAC, SENDER_MAC + MAC_BYTES),
    senderIp: frame.subarray(SENDER_IP, SENDER_IP + 4),
    targetMac: frame.subarray(TARGET_MAC, TARGET_MAC + MAC_BYTES),
    targetIp: frame.subarray(TARGET_IP, TARGET_IP + 4),
  };
}
