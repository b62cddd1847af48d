/** Links and addresses of the network namespace in which the socket was opened: what there is, changes, news. */
import { formatIp, sameBytes } from "./address.ts";
import { EADDRNOTAVAIL, EEXIST, EINTR, ENOBUFS, ENODEV, KernelError } from "./errno.ts";
import { messages, NetlinkWriter, viewOf } from "./netlink.ts";
import { NETLINK_ROUTE, type NetlinkReply, NetlinkSocket } from "./netlink_socket.ts";
import {
  decodeAddress,
  decodeLink,
  type InterfaceAddress,
  type Link,
  type NewAddress,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_NEWLINK,
  RTNLGRP_IPV4_IFADDR,
  RTNLGRP_IPV6_IFADDR,
  RTNLGRP_LINK,
  writeDeleteAddress,
  writeGetAddresses,
  writeGetLinks,
  writeNewAddress,
} from "./rtnetlink_codec.ts";

export type { InterfaceAddress, Link, NewAddress } from "./rtnetlink_codec.ts";

/** Tries of a dump that others keep changing while it is read. */
const DUMP_TRIES = 5;

/** Requests to the kernel; each is done when its call returns. */
export class Rtnetlink {
  readonly #socket = new NetlinkSocket(NETLINK_ROUTE, { name: "rtnetlink" });
  readonly #writer = new NetlinkWriter(256);

  /** Every link. Throws `KernelError`. */
  listLinks(): Link[] {
    writeGetLinks(this.#writer.reset());
    return this.#dump("list links", ({ payload }) => decodeLink(viewOf(payload), 0, payload.length));
  }

  /** Every address of every link. Throws `KernelError`. */
  listAddresses(): InterfaceAddress[] {
    return ([4, 6] as const).flatMap((family) => this.#addresses(family));
  }

  /** True if it was added, false if the interface had it already (with whatever flags). Throws `KernelError`. */
  addAddress(o: NewAddress): boolean {
    writeNewAddress(this.#writer.reset(), o);
    const failure = this.#socket.exchange(this.#writer.bytes());
    if (failure === 0) return true;
    if (failure === EEXIST) return false;
    throw this.#error("add", o, failure);
  }

  /**
   * True if it was removed, false if it was not there, nor perhaps the interface. Throws `KernelError`. The first IPv4
   * address of a prefix takes the later ones with it, unless net.ipv4.conf.*.promote_secondaries is set; /32 has none.
   */
  removeAddress(o: InterfaceAddress): boolean {
    writeDeleteAddress(this.#writer.reset(), o);
    const failure = this.#socket.exchange(this.#writer.bytes());
    if (failure === 0) return true;
    if (failure === EADDRNOTAVAIL || failure === ENODEV) return false;
    throw this.#error("remove", o, failure);
  }

  /** Whether the interface has the address, with whatever prefix. Throws `KernelError`. */
  hasAddress(ifindex: number, address: Uint8Array): boolean {
    return this.#addresses(address.length === 4 ? 4 : 6)
      .some((entry) => entry.ifindex === ifindex && sameBytes(entry.address, address));
  }

  close(): void {
    this.#socket.close();
  }

  #addresses(family: 4 | 6): InterfaceAddress[] {
    writeGetAddresses(this.#writer.reset(), family);
    return this.#dump("list addresses", ({ payload }) => decodeAddress(viewOf(payload), 0, payload.length));
  }

  /** What the written request is answered with. A list that was changed while it was read is read again. */
  #dump<T>(operation: string, decode: (reply: NetlinkReply) => T | null): T[] {
    for (let tries = 1;; tries++) {
      try {
        return this.#socket.request(this.#writer.bytes(), operation).map(decode).filter((entry) => entry !== null);
      } catch (error) {
        if (!(error instanceof KernelError) || error.errno !== EINTR || tries === DUMP_TRIES) throw error;
      }
    }
  }

  #error(verb: string, o: InterfaceAddress, failure: number): KernelError {
    const what = `${formatIp(o.address)}/${o.prefixLength} on interface ${o.ifindex}`;
    return new KernelError(`${verb} address ${what}${this.#socket.lastErrorText}`, failure);
  }
}

/** What happened to a link or an address. */
export type LinkChange =
  | {
    readonly kind: "link";
    readonly index: number;
    readonly name: string;
    readonly up: boolean;
    readonly carrier: boolean;
    readonly deleted: boolean;
    readonly mac: Uint8Array<ArrayBuffer>;
  }
  | { readonly kind: "addressGone"; readonly index: number; readonly address: Uint8Array }
  /** The queue ran over: list links and addresses anew. */
  | { readonly kind: "lost" };

/**
 * News of links and of addresses that went away. A carrier that was lost is told within a few ms, as the kernel's work
 * queues allow.
 */
export class LinkMonitor {
  readonly fd: number;
  readonly #socket: NetlinkSocket;
  readonly #buffer = new Uint8Array(1 << 16);

  constructor() {
    this.#socket = new NetlinkSocket(NETLINK_ROUTE, {
      name: "rtnetlink news",
      groups: [RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR],
      receiveBuffer: 1 << 20,
    });
    this.fd = this.#socket.fd;
  }

  /** Everything that is new since the last call, oldest first; empty when nothing is. */
  read(): LinkChange[] {
    const changes: LinkChange[] = [];
    for (;;) {
      const length = this.#receive();
      if (length === null) changes.push({ kind: "lost" });
      else if (length < 0) return changes;
      else this.#decode(length, changes);
    }
  }

  close(): void {
    this.#socket.close();
  }

  /** Length of what was read, -1 for nothing, null where something was lost. */
  #receive(): number | null {
    try {
      return this.#socket.receive(this.#buffer);
    } catch (error) {
      if (error instanceof KernelError && error.errno === ENOBUFS) return null;
      throw error;
    }
  }

  #decode(length: number, changes: LinkChange[]): void {
    const view = viewOf(this.#buffer);
    for (const { type, payloadOffset, end } of messages(this.#buffer, length)) {
      if (type === RTM_NEWLINK || type === RTM_DELLINK) {
        const link = decodeLink(view, payloadOffset, end);
        if (link === null) continue;
        const { index, name, up, carrier, mac } = link;
        const deleted = type === RTM_DELLINK;
        changes.push({ kind: "link", index, name, up: up && !deleted, carrier: carrier && !deleted, deleted, mac });
      } else if (type === RTM_DELADDR) {
        const gone = decodeAddress(view, payloadOffset, end);
        if (gone !== null) changes.push({ kind: "addressGone", index: gone.ifindex, address: gone.address });
      }
    }
  }
}
