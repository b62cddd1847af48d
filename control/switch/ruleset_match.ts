/** What the rules ask of a packet: expressions that load a part of it or end the rule. Pure. */
import { equals, type Expression, meta, payload } from "../../kernel_ffi/nftables/expressions.ts";
import { KEY_IPV4, KEY_IPV6 } from "../../kernel_ffi/nftables/set.ts";

export const FAMILIES = [4, 6] as const;
export const KEY_OF = { 4: KEY_IPV4, 6: KEY_IPV6 } as const;

/** Messages of neighbour discovery (RFC 4861 4.3, 4.4). */
export const SOLICIT = 135;
const ADVERTISE = 136;

const isProtocol = (high: number, low: number) => [meta("protocol"), equals(new Uint8Array([high, low]))];
const IP = isProtocol(0x08, 0x00);
const IPV6 = isProtocol(0x86, 0xdd);
/** What the nodes send to a virtual MAC to see whether it arrives (`wire_watch.ts`). */
export const WIRE_TEST: readonly Expression[] = isProtocol(0x88, 0xb6);
/** ARP of Ethernet and IPv4 (RFC 826: hardware and protocol address length). */
export const ARP: readonly Expression[] = [
  ...isProtocol(0x08, 0x06),
  payload("network", 4, 2),
  equals(new Uint8Array([6, 4])),
];
/** Of an IPv6 packet: an ICMPv6 message of this type. */
export const isIcmp6 = (type: number): readonly Expression[] => [
  meta("l4proto"),
  equals(new Uint8Array([58])),
  payload("transport", 0, 1),
  equals(new Uint8Array([type])),
];
/** A message of neighbour discovery, with its target address in the register. */
const discovery = (type: number) => [...IPV6, ...isIcmp6(type), payload("transport", 8, 16)];
export const SOLICITATION: readonly Expression[] = discovery(SOLICIT);
export const ADVERTISEMENT: readonly Expression[] = discovery(ADVERTISE);
export const ARP_SENDER: readonly Expression[] = [...ARP, payload("network", 14, 4)];
export const ARP_TARGET: readonly Expression[] = [...ARP, payload("network", 24, 4)];
export const SOURCE = { 4: [...IP, payload("network", 12, 4)], 6: [...IPV6, payload("network", 8, 16)] } as const;
export const DESTINATION = { 4: [...IP, payload("network", 16, 4)], 6: [...IPV6, payload("network", 24, 16)] } as const;

export const MAC_BYTES = 6;
export const loadDestinationMac = payload("link", 0, MAC_BYTES);
export const loadSourceMac = payload("link", 6, MAC_BYTES);
