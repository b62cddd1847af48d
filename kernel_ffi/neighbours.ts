/** Has the kernel find out by which MAC an address is reached, before a packet has to wait for that. */
import { AF_INET, AF_INET6 } from "./address.ts";
import { attributeBytes, attributeU32, findAttribute, NetlinkWriter } from "./netlink.ts";
import { NLM_F_ACK, NLM_F_CREATE, NLM_F_REQUEST } from "./netlink.ts";
import { NETLINK_ROUTE, NetlinkSocket } from "./netlink_socket.ts";
import { readSmallFile } from "./small_file.ts";

// linux/rtnetlink.h, linux/neighbour.h
const RTM_NEWROUTE = 24;
const RTM_GETROUTE = 26;
const RTM_NEWNEIGH = 28;
const RTM_GETNEIGH = 30;
const RTA_DST = 1;
const RTA_OIF = 4;
const RTA_GATEWAY = 5;
const RTN_UNICAST = 1;
/** sizeof(struct rtmsg): family, two lengths, tos, table, protocol, scope, type, flags. */
const RTMSG_BYTES = 12;
const RTMSG_TYPE = 7;
/** sizeof(struct ndmsg): family, padding, interface, state, flags, type. */
const NDMSG_BYTES = 12;
const NDA_DST = 1;
const IF_INET6 = "/proc/thread-self/net/if_inet6";
// net/ipv6.h: IPV6_ADDR_LINKLOCAL; linux/if_addr.h
const SCOPE_LINK = 0x20;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;
/** Not an entry of ours: ask as if a packet were to be sent. What the kernel knows it makes sure of when it has grown old. */
const NTF_USE = 1;
const NUD_REACHABLE = 0x02;
const NUD_NOARP = 0x40;
const NUD_PERMANENT = 0x80;

export interface NextHop {
  readonly ifindex: number;
  /** The address itself, or the router's. */
  readonly address: Uint8Array<ArrayBuffer>;
}

export class Neighbours {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, { name: "rtnetlink" });
  readonly #writer = new NetlinkWriter(128);

  /**
   * Asks for the neighbour by which packets to this address (4 or 16 bytes) leave, and does not wait for its answer. Null where there is no
   * way to it, or none that needs a neighbour; "later" where the interface cannot ask yet. Throws `KernelError` where the kernel does not even
   * look.
   */
  seek(address: Uint8Array<ArrayBuffer>): NextHop | "later" | null {
    const hop = this.#nextHop(address);
    if (hop === null) return null;
    // The kernel would take the question for asked, say nothing for a second, and let what has to be answered meanwhile wait and be lost.
    if (address.length === 16 && !hasLinkLocal(readSmallFile(IF_INET6), hop.ifindex)) return "later";
    // The question would take its permanence from what an administrator has written down.
    if ((this.#stateOf(hop) & (NUD_REACHABLE | NUD_NOARP | NUD_PERMANENT)) !== 0) return hop;
    this.#socket.request(this.#about(hop, RTM_NEWNEIGH, NLM_F_CREATE, NTF_USE), "ask for a neighbour");
    return hop;
  }

  /** What the kernel knows of it (NUD_…), 0 if nothing. */
  #stateOf(hop: NextHop): number {
    let state = 0;
    this.#socket.exchange(this.#about(hop, RTM_GETNEIGH, 0, 0), (view, { type, payloadOffset, end }) => {
      if (type === RTM_NEWNEIGH && end - payloadOffset >= NDMSG_BYTES) state = view.getUint16(payloadOffset + 8, true);
    });
    return state;
  }

  #about({ ifindex, address }: NextHop, type: number, flags: number, use: number): Uint8Array<ArrayBuffer> {
    const w = this.#writer.reset().begin(type, NLM_F_REQUEST | NLM_F_ACK | flags);
    const at = w.fixed(NDMSG_BYTES);
    w.view.setUint8(at, familyOf(address));
    w.view.setInt32(at + 4, ifindex, true);
    w.view.setUint8(at + 10, use);
    return w.bytesAttribute(NDA_DST, address).end().bytes();
  }

  #nextHop(address: Uint8Array<ArrayBuffer>): NextHop | null {
    const w = this.#writer.reset().begin(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_ACK);
    const at = w.fixed(RTMSG_BYTES);
    w.view.setUint8(at, familyOf(address));
    w.view.setUint8(at + 1, 8 * address.length);
    w.bytesAttribute(RTA_DST, address).end();
    let hop: NextHop | null = null;
    // ENETUNREACH and its like: there is no way.
    this.#socket.exchange(w.bytes(), (view, { type, payloadOffset, end }) => {
      if (type === RTM_NEWROUTE) hop = decodeNextHop(view, payloadOffset, end, address);
    });
    return hop;
  }

  close(): void {
    this.#socket.close();
  }
}

/**
 * Whether an interface has a link-local address that has passed duplicate address detection: neighbour solicitations without a packet in
 * hand leave from it (net/ipv6/ndisc.c, `ndisc_solicit`). Pure. @param table /proc/net/if_inet6
 */
export function hasLinkLocal(table: string, ifindex: number): boolean {
  return table.split("\n").some((line) => {
    const [, index, , scope, flags] = line.split(/ +/).map((field) => parseInt(field, 16));
    return index === ifindex && scope === SCOPE_LINK && (flags! & (IFA_F_TENTATIVE | IFA_F_DADFAILED)) === 0;
  });
}

/** Reads the body of an RTM_NEWROUTE that says how an address is reached; null for one cut short, and for a way without a neighbour. */
export function decodeNextHop(
  view: DataView,
  from: number,
  to: number,
  address: Uint8Array<ArrayBuffer>,
): NextHop | null {
  if (to - from < RTMSG_BYTES || view.getUint8(from + RTMSG_TYPE) !== RTN_UNICAST) return null;
  const start = from + RTMSG_BYTES;
  const out = findAttribute(view, start, to, RTA_OIF), via = findAttribute(view, start, to, RTA_GATEWAY);
  const ifindex = out === null ? null : attributeU32(view, out);
  if (ifindex === null) return null;
  return { ifindex, address: via === null ? address : attributeBytes(view, via) };
}

function familyOf(address: Uint8Array): number {
  return address.length === 4 ? AF_INET : AF_INET6;
}
