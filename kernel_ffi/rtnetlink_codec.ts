/** Links and addresses as rtnetlink messages (linux/rtnetlink.h, if_link.h, if_addr.h). Pure. */
import { AF_INET, AF_INET6 } from "./address.ts";
import {
  attributeBytes,
  attributes,
  attributeText,
  attributeU32,
  findAttribute,
  NLM_F_ACK,
  NLM_F_CREATE,
  NLM_F_DUMP,
  NLM_F_EXCL,
  NLM_F_REQUEST,
} from "./netlink.ts";
import type { NetlinkAttribute, NetlinkWriter } from "./netlink.ts";

export const RTM_NEWLINK = 16;
export const RTM_DELLINK = 17;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
export const RTM_DELADDR = 21;
const RTM_GETADDR = 22;

// Multicast groups.
export const RTNLGRP_LINK = 1;
export const RTNLGRP_IPV4_IFADDR = 5;
export const RTNLGRP_IPV6_IFADDR = 9;

/** sizeof(struct ifinfomsg): family, pad, type, index, flags, change. */
const IFINFOMSG_BYTES = 16;
/** sizeof(struct ifaddrmsg): family, prefix length, flags, scope, index. */
const IFADDRMSG_BYTES = 8;

const IFF_UP = 0x1;
const IFF_LOOPBACK = 0x8;
const IFF_LOWER_UP = 0x10000;

const IFLA_ADDRESS = 1;
const IFLA_IFNAME = 3;
const IFLA_MTU = 4;
const IFLA_LINKINFO = 18;
const IFLA_EXT_MASK = 29;
const IFLA_INFO_KIND = 1;
const IFLA_INFO_DATA = 2;
const IFLA_MACVLAN_MODE = 1;
/** Of a macvlan that hears everything that its parent does (if_link.h). The others hear frames for their own MAC alone. */
export const MACVLAN_MODE_PASSTHRU = 8;
const RTEXT_FILTER_SKIP_STATS = 8;

const IFA_ADDRESS = 1;
const IFA_LOCAL = 2;
const IFA_CACHEINFO = 6;
const IFA_FLAGS = 8;
const IFA_F_NODAD = 0x02;
const IFA_F_NOPREFIXROUTE = 0x200;
const FOR_EVER = 0xffff_ffff;

export interface Link {
  readonly index: number;
  readonly name: string;
  /** Six bytes on Ethernet; empty where the link has none. */
  readonly mac: Uint8Array<ArrayBuffer>;
  /** An administrator wants it up. */
  readonly up: boolean;
  /** It is up and hears its other end (IFF_LOWER_UP): a cable, a veth's peer. */
  readonly carrier: boolean;
  /** `veth`, `macvlan`, `bridge`, … as `ip -d link` shows it; `loopback`; empty for hardware. */
  readonly kind: string;
  readonly mtu: number;
  /** Of a macvlan: MACVLAN_MODE_…. */
  readonly mode?: number;
}

export interface InterfaceAddress {
  readonly ifindex: number;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  readonly prefixLength: number;
}

export interface NewAddress extends InterfaceAddress {
  /** IPv6: valid at once, without asking the link first for a second (duplicate address detection). */
  readonly nodad?: boolean;
  /**
   * Deprecated from the start: answered, but not chosen as source of this node's own connections (RFC 6724 5, rule 3).
   */
  readonly preferredLft0?: boolean;
  /** No route to the prefix. */
  readonly noprefixroute?: boolean;
}

/** Asks for every link. */
export function writeGetLinks(writer: NetlinkWriter): void {
  writer.begin(RTM_GETLINK, NLM_F_REQUEST | NLM_F_DUMP);
  writer.fixed(IFINFOMSG_BYTES);
  writer.u32(IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
  writer.end();
}

/** Asks for every address of a family. */
export function writeGetAddresses(writer: NetlinkWriter, family: 4 | 6): void {
  writer.begin(RTM_GETADDR, NLM_F_REQUEST | NLM_F_DUMP);
  const at = writer.fixed(IFADDRMSG_BYTES);
  writer.view.setUint8(at, family === 4 ? AF_INET : AF_INET6);
  writer.end();
}

/** Adds an address; refused with EEXIST where the interface has it. */
export function writeNewAddress(writer: NetlinkWriter, o: NewAddress): void {
  writer.begin(RTM_NEWADDR, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  const flags = (o.nodad ? IFA_F_NODAD : 0) | (o.noprefixroute ? IFA_F_NOPREFIXROUTE : 0);
  writeAddress(writer, o, flags & 0xff);
  // The header has room for eight of them.
  if (flags > 0xff) writer.u32(IFA_FLAGS, flags);
  // struct ifa_cacheinfo: preferred, valid, created, changed.
  if (o.preferredLft0) writer.bytesAttribute(IFA_CACHEINFO, DEPRECATED_FOR_EVER);
  writer.end();
}

const DEPRECATED_FOR_EVER = new Uint8Array(new Uint32Array([0, FOR_EVER, 0, 0]).buffer);

/** Removes an address; refused with EADDRNOTAVAIL where the interface does not have it. */
export function writeDeleteAddress(writer: NetlinkWriter, o: InterfaceAddress): void {
  writer.begin(RTM_DELADDR, NLM_F_REQUEST | NLM_F_ACK);
  writeAddress(writer, o);
  writer.end();
}

function writeAddress(writer: NetlinkWriter, o: InterfaceAddress, flags = 0): void {
  const at = writer.fixed(IFADDRMSG_BYTES);
  writer.view.setUint8(at, o.address.length === 4 ? AF_INET : AF_INET6);
  writer.view.setUint8(at + 1, o.prefixLength);
  writer.view.setUint8(at + 2, flags);
  writer.view.setUint32(at + 4, o.ifindex, true);
  // They differ only on point-to-point links. IPv6 reads the one it finds, IPv4 wants IFA_LOCAL.
  writer.bytesAttribute(IFA_LOCAL, o.address);
  writer.bytesAttribute(IFA_ADDRESS, o.address);
}

/**
 * Reads the body of an RTM_NEWLINK or RTM_DELLINK. Null for one cut short and for what speaks of a link's role and not
 * of the link: a port that leaves a bridge is reported as a deleted link of family AF_BRIDGE.
 */
export function decodeLink(view: DataView, from: number, to: number): Link | null {
  if (to - from < IFINFOMSG_BYTES || view.getUint8(from) !== 0) return null;
  const flags = view.getUint32(from + 8, true);
  let name = "";
  let mac = new Uint8Array(0);
  let mtu = 0;
  let mode: number | null = null;
  let kind = (flags & IFF_LOOPBACK) !== 0 ? "loopback" : "";
  for (const attribute of attributes(view, from + IFINFOMSG_BYTES, to)) {
    if (attribute.type === IFLA_IFNAME) name = attributeText(view, attribute);
    else if (attribute.type === IFLA_ADDRESS) mac = attributeBytes(view, attribute);
    else if (attribute.type === IFLA_MTU) mtu = attributeU32(view, attribute) ?? 0;
    else if (attribute.type === IFLA_LINKINFO) {
      const info = findAttribute(view, attribute.offset, attribute.end, IFLA_INFO_KIND);
      if (info !== null) kind = attributeText(view, info);
      if (kind === "macvlan") mode = macvlanMode(view, attribute);
    }
  }
  return {
    index: view.getInt32(from + 4, true),
    name,
    mac,
    up: (flags & IFF_UP) !== 0,
    carrier: (flags & IFF_LOWER_UP) !== 0,
    kind,
    mtu,
    ...(mode === null ? {} : { mode }),
  };
}

function macvlanMode(view: DataView, info: NetlinkAttribute): number | null {
  const data = findAttribute(view, info.offset, info.end, IFLA_INFO_DATA);
  const mode = data === null ? null : findAttribute(view, data.offset, data.end, IFLA_MACVLAN_MODE);
  return mode === null ? null : attributeU32(view, mode);
}

/** Reads the body of an RTM_NEWADDR or RTM_DELADDR; null for one cut short and for other families. */
export function decodeAddress(view: DataView, from: number, to: number): InterfaceAddress | null {
  if (to - from < IFADDRMSG_BYTES) return null;
  const family = view.getUint8(from);
  const bytes = family === AF_INET ? 4 : family === AF_INET6 ? 16 : 0;
  if (bytes === 0) return null;
  const start = from + IFADDRMSG_BYTES;
  // IFA_ADDRESS is the other end of a point-to-point link where both are there.
  const attribute = findAttribute(view, start, to, IFA_LOCAL) ?? findAttribute(view, start, to, IFA_ADDRESS);
  if (attribute === null || attribute.end - attribute.offset !== bytes) return null;
  return {
    ifindex: view.getUint32(from + 4, true),
    address: attributeBytes(view, attribute),
    prefixLength: view.getUint8(from + 1),
  };
}
