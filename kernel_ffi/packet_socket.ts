/**
 * What the packet sockets (packet(7)) of this folder share: how one is opened, and the addresses that they speak of.
 */
import { formatMac } from "./address.ts";
import { ENODEV, KernelError } from "./errno.ts";
import { closeFd, cString, interfaceIndex, libc, must, setIntOption } from "./libc.ts";
import { SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "./socket_constants.ts";

const AF_PACKET = 17;
const SOL_PACKET = 263;
const PACKET_ADD_MEMBERSHIP = 1;
const PACKET_MR_MULTICAST = 0;
const PACKET_MR_UNICAST = 3;
/** linux/if_packet.h; kernel 4.20. */
const PACKET_IGNORE_OUTGOING = 23;
const SIOCGIFHWADDR = 0x8927n;

/** ETH_P_ALL: every EtherType. */
export const EVERY_ETHERTYPE = 0x0003;

// Where a frame was going (linux/if_packet.h).
export const PACKET_HOST = 0;
export const PACKET_OTHERHOST = 3;
export const PACKET_OUTGOING = 4;

/** sizeof(struct sockaddr_ll), and the place of its packet type. */
export const SOCKADDR_LL_BYTES = 20;
export const SOCKADDR_LL_PACKET_TYPE = 10;

/** Index of an interface; throws ENODEV where there is none. */
export function mustInterface(name: string): number {
  const ifindex = interfaceIndex(name);
  if (ifindex === 0) throw new KernelError(`find interface ${name}`, ENODEV);
  return ifindex;
}

/**
 * A raw packet socket that hears nothing yet (protocol 0): filters and memberships come first, then `bindPacketSocket`,
 * and no frame slips in between.
 *
 * PACKET_QDISC_BYPASS stays off: with it frames would pass the egress hook by, and the egress hook is the point.
 */
export function openPacketSocket(): number {
  const fd = must(libc().socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "open packet socket");
  try {
    setIntOption(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1, "PACKET_IGNORE_OUTGOING");
    return fd;
  } catch (error) {
    closeFd(fd);
    throw error;
  }
}

/** Ties a socket to an interface, and to an EtherType; with EtherType 0 it can only send. */
export function bindPacketSocket(fd: number, name: string, ifindex: number, etherType: number): void {
  const address = new Uint8Array(SOCKADDR_LL_BYTES);
  const view = new DataView(address.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, etherType);
  view.setInt32(4, ifindex, true);
  must(libc().bind(fd, address, address.length), `bind packet socket to ${name}`);
}

/** Lets the interface hear a multicast MAC for as long as the socket lives. */
export function joinMulticast(fd: number, name: string, ifindex: number, mac: Uint8Array): void {
  addMembership(fd, name, ifindex, PACKET_MR_MULTICAST, mac);
}

/**
 * Lets the interface hear another station's MAC for as long as the socket lives. A card whose filter has no room for it hears
 * everything then (net/core/dev_addr_lists.c).
 */
export function hearUnicast(fd: number, name: string, ifindex: number, mac: Uint8Array): void {
  addMembership(fd, name, ifindex, PACKET_MR_UNICAST, mac);
}

function addMembership(fd: number, name: string, ifindex: number, type: number, mac: Uint8Array): void {
  // struct packet_mreq { int ifindex; unsigned short type; unsigned short alen; unsigned char address[8]; }
  const request = new Uint8Array(16);
  const view = new DataView(request.buffer);
  view.setInt32(0, ifindex, true);
  view.setUint16(4, type, true);
  view.setUint16(6, mac.length, true);
  request.set(mac, 8);
  must(
    libc().setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, request, request.length),
    `hear ${formatMac(mac)} on ${name}`,
  );
}

/** MAC of an interface, asked through any socket. */
export function readMac(fd: number, name: string): Uint8Array<ArrayBuffer> {
  // struct ifreq: name of 16 bytes, then a struct sockaddr whose data begin 2 bytes on.
  const request = new Uint8Array(40);
  request.set(cString(name).subarray(0, 16));
  must(libc().ioctl(fd, SIOCGIFHWADDR, request), `read MAC of ${name}`);
  return request.slice(18, 24);
}
