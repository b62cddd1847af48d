/**
 * Listens for whoever speaks as one of a set of addresses on an interface (answers to probes, announcements), and for
 * whoever asks for one namelessly, as a node does that means to take it.
 */
import { sameBytes } from "./address.ts";
import { ARP_REQUEST, decodeArp } from "./arp.ts";
import { encodeBpf, speakersFilter } from "./bpf.ts";
import { EAGAIN } from "./errno.ts";
import { closeFd, errno, libc, must } from "./libc.ts";
import { decodeAdvertisement, decodeSolicitation, solicitedNodeGroup, UNSPECIFIED } from "./ndp.ts";
import { multicastMac } from "./ethernet.ts";
import {
  bindPacketSocket,
  EVERY_ETHERTYPE,
  joinMulticast,
  mustInterface,
  openPacketSocket,
  PACKET_HOST,
  SOCKADDR_LL_BYTES,
  SOCKADDR_LL_PACKET_TYPE,
} from "./packet_socket.ts";
import { MSG_DONTWAIT, SO_ATTACH_FILTER, SOL_SOCKET } from "./socket_constants.ts";

/** sizeof(struct sock_fprog) on a 64-bit machine. */
const SOCK_FPROG_BYTES = 16;

export interface Speaker {
  readonly family: 4 | 6;
  /** The very array that was given to the constructor. */
  readonly address: Uint8Array;
  /** False: it asks who has the address, without a name of its own. */
  readonly owns: boolean;
  /** Who says so: sender hardware address of ARP, target link-layer address of an advertisement, sender of a question. */
  readonly mac: Uint8Array<ArrayBuffer>;
  /** Sender of the frame. */
  readonly from: Uint8Array<ArrayBuffer>;
  /** Sent to this node alone: an answer to its question, not an announcement or a question to all. */
  readonly unicastToUs: boolean;
}

/**
 * Hears frames before the ingress hook does, so a gate on this node that drops what concerns the addresses does not
 * make it deaf. The kernel filters; nothing else wakes the loop. It bends nothing: every frame goes its way as well.
 */
export class ProbeSocket {
  readonly fd: number;
  readonly ifindex: number;
  /** errno of the last error that a read found instead of a frame (ENETDOWN: the interface went down). */
  lastErrno = 0;
  readonly #addresses: readonly Uint8Array[];
  /** ARP, and an advertisement with its options, fit by far. */
  readonly #frame = new Uint8Array(512);
  readonly #from = new Uint8Array(SOCKADDR_LL_BYTES);
  readonly #fromLength = new Uint32Array(1);

  /** @param o.addresses IPv4 addresses of 4 bytes and IPv6 addresses of 16 */
  constructor(o: { readonly interface: string; readonly addresses: readonly Uint8Array[] }) {
    this.#addresses = o.addresses;
    const filter = speakersFilter(o.addresses);
    this.ifindex = mustInterface(o.interface);
    this.fd = openPacketSocket();
    try {
      attachFilter(this.fd, encodeBpf(filter), o.interface);
      for (const address of o.addresses) {
        // Questions about an IPv6 address go to a group that only its owner listens to.
        if (address.length !== 16) continue;
        joinMulticast(this.fd, o.interface, this.ifindex, multicastMac(solicitedNodeGroup(address)));
      }
      bindPacketSocket(this.fd, o.interface, this.ifindex, EVERY_ETHERTYPE);
    } catch (error) {
      closeFd(this.fd);
      throw error;
    }
  }

  /**
   * The next one who spoke, or null when nobody else did, or an error was pending. Malformed frames are passed over.
   */
  receive(): Speaker | null {
    for (;;) {
      this.#fromLength[0] = SOCKADDR_LL_BYTES;
      const length = libc().recvfrom32(
        this.fd,
        this.#frame,
        this.#frame.length,
        MSG_DONTWAIT,
        this.#from,
        this.#fromLength,
      );
      if (length < 0) {
        const failure = errno();
        if (failure !== EAGAIN) this.lastErrno = failure;
        return null;
      }
      const speaker = this.#decode(length);
      if (speaker !== null) return speaker;
    }
  }

  close(): void {
    closeFd(this.fd);
  }

  #decode(length: number): Speaker | null {
    const arp = decodeArp(this.#frame, length);
    if (arp !== null) {
      const asks = arp.operation === ARP_REQUEST && arp.senderIp.every((byte) => byte === 0);
      return this.#speaker(4, asks ? arp.targetIp : arp.senderIp, arp.senderMac, !asks);
    }
    const advertisement = decodeAdvertisement(this.#frame, length);
    if (advertisement !== null) return this.#speaker(6, advertisement.target, advertisement.mac, true);
    const question = decodeSolicitation(this.#frame, length);
    if (question === null || !sameBytes(question.source, UNSPECIFIED)) return null;
    return this.#speaker(6, question.target, question.mac, false);
  }

  #speaker(family: 4 | 6, spokenOf: Uint8Array, mac: Uint8Array, owns: boolean): Speaker | null {
    for (const address of this.#addresses) {
      if (!sameBytes(address, spokenOf)) continue;
      const unicastToUs = this.#from[SOCKADDR_LL_PACKET_TYPE] === PACKET_HOST;
      return { family, address, owns, mac: new Uint8Array(mac), from: this.#frame.slice(6, 12), unicastToUs };
    }
    return null;
  }
}

function attachFilter(fd: number, filter: Uint8Array<ArrayBuffer>, name: string): void {
  // struct sock_fprog { unsigned short len; struct sock_filter *filter; }, and the filter right behind it: one piece of
  // memory, alive for as long as the call.
  const program = new Uint8Array(new ArrayBuffer(SOCK_FPROG_BYTES + filter.length));
  const view = new DataView(program.buffer);
  view.setUint16(0, filter.length / 8, true);
  view.setBigUint64(8, Deno.UnsafePointer.value(Deno.UnsafePointer.of(program)) + BigInt(SOCK_FPROG_BYTES), true);
  program.set(filter, SOCK_FPROG_BYTES);
  must(
    libc().setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, program, SOCK_FPROG_BYTES),
    `attach filter to packet socket on ${name}`,
  );
}
