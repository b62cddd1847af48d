/** What every Ethernet frame has (IEEE 802.3), and the group addresses of IPv6 in it. Pure. */

/** Destination, source, EtherType. */
export const ETHERNET_HEADER_BYTES = 14;
export const MAC_BYTES = 6;
/** The shortest frame, without its check sequence. */
export const ETHERNET_MIN_BYTES = 60;

// linux/if_ether.h
export const ETHERTYPE_IPV4 = 0x0800;
export const ETHERTYPE_ARP = 0x0806;
export const ETHERTYPE_IPV6 = 0x86dd;
/** IEEE 802 local experimental 1: free for private use, never registered. */
export const ETHERTYPE_EXPERIMENTAL = 0x88b5;
/** And the second one. */
export const ETHERTYPE_EXPERIMENTAL_2 = 0x88b6;

export const BROADCAST_MAC: Uint8Array<ArrayBuffer> = new Uint8Array(MAC_BYTES).fill(0xff);

/** Writes the header at the beginning of `frame`. */
export function writeEthernetHeader(
  frame: Uint8Array,
  destination: Uint8Array,
  source: Uint8Array,
  etherType: number,
): void {
  frame.set(destination, 0);
  frame.set(source, MAC_BYTES);
  frame[12] = etherType >> 8;
  frame[13] = etherType;
}

/** EtherType of a frame, or 0 for one that is too short to have any. */
export function etherTypeOf(frame: Uint8Array, length: number = frame.length): number {
  return length < ETHERNET_HEADER_BYTES ? 0 : frame[12]! << 8 | frame[13]!;
}

/** Where frames for an IPv6 group go: 33:33 and the group's last four bytes (RFC 2464 7). */
export function multicastMac(group: Uint8Array): Uint8Array<ArrayBuffer> {
  return Uint8Array.of(0x33, 0x33, group[12]!, group[13]!, group[14]!, group[15]!);
}
