/**
 * The links to the peer: the service interfaces as Ethernet frames, the paths as UDP. A heartbeat leaves on all of them with
 * the same bytes; what differs is the mark of the frames, which is what the kernel acts on.
 */
import type { Endpoint } from "../../config/model.ts";
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { ENOBUFS, KernelError } from "../../kernel_ffi/errno.ts";
import { ETHERNET_HEADER_BYTES, ETHERTYPE_EXPERIMENTAL, writeEthernetHeader } from "../../kernel_ffi/ethernet.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { DATAGRAM_MAX } from "../core/wire.ts";
import { LinkStats } from "./link_stats.ts";
import type { SwitchPlan } from "./plan.ts";

/** Group MAC of heartbeats to a peer whose own is not known yet: locally administered, spells SEGUE. */
const MULTICAST_MAC = Uint8Array.of(0x03, 0x53, 0x45, 0x47, 0x55, 0x45);
const REOPEN_US = 500_000;

export class FrameLink {
  readonly kind = "frame";
  /** Of all links, which bit or echo of a heartbeat is this one's. */
  readonly index: number;
  /** For people: which link this is. */
  readonly title: string;
  readonly stats = new LinkStats();
  readonly name: string;
  readonly socket: FrameSocket;
  /**
   * For frames that are not heartbeats. The kernel takes a frame for what its socket is bound to, whatever EtherType stands in it:
   * an announcement sent by the heartbeats' socket would not be ARP to the gate, and pass it shut.
   */
  readonly plain: FrameSocket;
  #peerMac: Uint8Array = MULTICAST_MAC;
  readonly #frame: Uint8Array<ArrayBuffer>;
  #length = 0;
  errors = 0;

  /** @param virtualMacs that the interface shall hear for groups with a shared wire */
  constructor(name: string, index: number, virtualMacs: readonly Uint8Array[]) {
    this.name = name;
    this.index = index;
    this.title = `frame ${name}`;
    this.socket = new FrameSocket({ interface: name, etherType: ETHERTYPE_EXPERIMENTAL, multicast: MULTICAST_MAC });
    this.plain = new FrameSocket({ interface: name, etherType: SEND_ONLY, unicast: virtualMacs });
    this.#frame = new Uint8Array(ETHERNET_HEADER_BYTES + DATAGRAM_MAX);
    this.#writeHeader();
  }

  get peerMac(): Uint8Array | null {
    return this.#peerMac === MULTICAST_MAC ? null : this.#peerMac;
  }

  setPeerMac(mac: Uint8Array): void {
    this.#peerMac = mac;
    this.#writeHeader();
  }

  #writeHeader(): void {
    writeEthernetHeader(this.#frame, this.#peerMac, this.socket.mac, ETHERTYPE_EXPERIMENTAL);
  }

  /** Takes over the bytes of the heartbeat that the next `send`s carry. */
  load(body: Uint8Array, length: number): void {
    this.#length = length;
    for (let i = 0; i < length; i++) this.#frame[ETHERNET_HEADER_BYTES + i] = body[i]!;
  }

  /** For the mark alone: the bytes that were loaded last, a copy to the peer that tells it nothing new. As `send`. */
  again(mark: number): number {
    return this.#length === 0 ? 0 : this.send(this.#length, mark);
  }

  /** 0, or the errno; ENOBUFS: the kernel refused the step, or a queue is full. */
  send(length: number, mark: number): number {
    const failure = this.socket.send(this.#frame, ETHERNET_HEADER_BYTES + length, mark);
    if (failure !== 0 && failure !== ENOBUFS) this.errors++;
    return failure;
  }
}

export class PathLink {
  readonly kind = "udp";
  readonly index: number;
  readonly title: string;
  readonly stats = new LinkStats();
  readonly local: Endpoint;
  readonly remote: Endpoint;
  socket: DatagramSocket | null = null;
  /** Index of the service interface that it runs through, -1 if none, or if its address is not there yet. */
  frame = -1;
  errors = 0;
  /** Why it is not open, for status. */
  problem = "";
  #retryUs = -Infinity;

  constructor(local: Endpoint, remote: Endpoint, index: number) {
    this.index = index;
    this.local = local;
    this.remote = remote;
    this.title = `path ${local.host}`;
  }

  /** Opens it if it is not; true if it just was. Addresses and routes may come later than the daemon. */
  open(nowUs: number): boolean {
    if (this.socket !== null || nowUs - this.#retryUs < REOPEN_US) return false;
    this.#retryUs = nowUs;
    try {
      this.socket = new DatagramSocket({ local: this.local, remote: this.remote });
      this.problem = "";
      return true;
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.problem = error.message;
      return false;
    }
  }

  send(body: Uint8Array<ArrayBuffer>, length: number): void {
    if (this.socket !== null && this.socket.send(body, length) !== 0) this.errors++;
  }
}

function virtualMacsOf(plan: SwitchPlan, service: number): readonly Uint8Array[] {
  return plan.slots.flatMap(({ interface: i, virtual }) =>
    i === service && virtual !== undefined ? [virtual.mac, virtual.passedMac] : []
  );
}

export type Link = FrameLink | PathLink;

export class Links {
  readonly frames: readonly FrameLink[];
  readonly paths: readonly PathLink[];
  /** Frames first, then paths: the same order on both nodes, which is what the echoes in a heartbeat go by. */
  readonly all: readonly Link[];

  constructor(plan: SwitchPlan) {
    this.frames = plan.interfaces.map((name, i) => new FrameLink(name, i, virtualMacsOf(plan, i)));
    this.paths = plan.paths.map((path, i) => new PathLink(path.local, path.remote, this.frames.length + i));
    this.all = [...this.frames, ...this.paths];
  }

  /**
   * Opens the paths. After everything else: a dying process gives its descriptors back newest first, and the packet and
   * netlink sockets take their time; opened last, the ports become unreachable, and tell the peer so, first.
   */
  openPaths(nowUs: number): readonly PathLink[] {
    return this.paths.filter((path) => path.open(nowUs));
  }

  close(): void {
    for (const frame of this.frames) {
      frame.socket.close();
      frame.plain.close();
    }
    for (const path of this.paths) path.socket?.close();
  }
}
