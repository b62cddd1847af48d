/** Packets held in this node's kernel during a switchover: the two queues, their release in order, and their way back. */
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  writeEthernetHeader,
} from "../../kernel_ffi/ethernet.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { Digests } from "./digests.ts";
import type { FrameLink } from "./links.ts";
import { bytesOf, type PlannedGroup } from "./plan.ts";
import type { KernelRules } from "./rules.ts";
import { QUEUE_DIRECT, QUEUE_PASSED, STEP_TIMEOUT_MS } from "./ruleset_spec.ts";

/** Packets, not bytes: three seconds at 20,000 packets a second. */
const QUEUE_LENGTH = 65_536;

export interface HoldCounts {
  readonly held: number;
  readonly heldByPeer: number;
  readonly released: number;
  readonly dropped: number;
}

export class Hold {
  /** What came by way of the peer: always first. */
  readonly passed = new HoldQueue(QUEUE_PASSED, { maxLength: QUEUE_LENGTH, copyPackets: true });
  readonly direct = new HoldQueue(QUEUE_DIRECT, { maxLength: QUEUE_LENGTH, copyPackets: true });
  readonly #rules: KernelRules;
  /** The group that is held; one at a time, as the queues are shared. */
  #group: PlannedGroup | null = null;
  #twice = false;
  /** If packets come twice: what came by way of the peer, and how much came directly before the peer served no more of it. */
  #passedOn: Digests | null = null;
  #servedBefore = 0;

  constructor(rules: KernelRules) {
    this.#rules = rules;
  }

  get group(): PlannedGroup | null {
    return this.#group;
  }

  /**
   * The kernel queues the group's packets from here on. Throws `KernelError`.
   * @param twice what the old node passes on will come directly as well: the wire is shared
   */
  begin(group: PlannedGroup, twice = false): void {
    this.#set(group);
    this.#group = group;
    this.#twice = twice;
    this.#passedOn = null;
  }

  #set(group: PlannedGroup): void {
    const addresses = group.slots.flatMap((slot) => slot.addresses);
    const macs = group.slots.flatMap(({ virtual }) => virtual === undefined ? [] : [virtual.mac, virtual.passedMac]);
    this.#rules.setHold({ v4: bytesOf(addresses, 4), v6: bytesOf(addresses, 6), macs }, STEP_TIMEOUT_MS);
  }

  /**
   * The old node passes on from here on. On a shared wire all packets come directly as well: those up to now it has served or passed on,
   * the later ones are served once, by whichever way they come first.
   */
  oldNodePasses(): void {
    if (this.#group === null || !this.#twice || this.#passedOn !== null) return;
    this.#passedOn = new Digests();
    this.direct.drain();
    this.#servedBefore = this.direct.waiting;
  }

  /** Goes on holding past the kernel's time-out. Throws `KernelError`. */
  renew(): void {
    if (this.#group !== null) this.#set(this.#group);
  }

  /** Takes note of what has been queued, so that the socket's buffer never is the limit. */
  drain(): void {
    this.passed.drain();
    this.direct.drain();
  }

  releasePassed(): void {
    this.passed.releaseAll(this.#passedOn?.add);
  }

  /** All in order; then the hold ends; then what came between the two. */
  finish(): void {
    this.#releaseBoth();
    this.#rules.clearHold();
    this.#releaseBoth();
    this.#group = null;
    this.#passedOn = null;
  }

  #releaseBoth(): void {
    this.releasePassed();
    const passedOn = this.#passedOn;
    if (passedOn !== null) {
      let before = this.#servedBefore;
      this.#servedBefore = 0;
      this.direct.releaseSome((packet) => --before < 0 && !passedOn.remove(packet));
    }
    this.direct.releaseAll();
  }

  /** Sends what is held to the peer, in order, and ends the hold. Returns how many packets went. */
  giveBack(linkOf: (slotInterface: number) => FrameLink): number {
    const group = this.#group;
    const passed = this.passed.takeAll(), direct = this.direct.takeAll();
    // On a shared wire the old node has what came directly: it served it, or holds it.
    const packets = this.#twice ? passed : [...passed, ...direct];
    this.#rules.clearHold();
    this.#group = null;
    if (group === null) return 0;
    let sent = 0;
    for (const packet of packets) if (this.#sendBack(packet, group, linkOf)) sent++;
    return sent;
  }

  counts(): HoldCounts {
    const passed = this.passed.counts, direct = this.direct.counts;
    return {
      // What came twice on a shared wire was held once.
      held: passed.queued + direct.queued - this.direct.sifted,
      heldByPeer: passed.queued,
      released: passed.released + direct.released,
      dropped: passed.dropped + direct.dropped,
    };
  }

  close(): void {
    this.passed.close();
    this.direct.close();
  }

  /** Wraps a packet for the peer, on the interface to whose address it goes; a routed one on the group's first. */
  #sendBack(packet: Uint8Array, group: PlannedGroup, linkOf: (slotInterface: number) => FrameLink): boolean {
    const v6 = packet[0]! >> 4 === 6;
    const destination = v6 ? packet.subarray(24, 40) : packet.subarray(16, 20);
    const slot =
      group.slots.find((one) =>
        one.addresses.some((it) =>
          it.bytes.length === destination.length && it.bytes.every((byte, i) => byte === destination[i])
        )
        // What is only routed through the pair is not for one of its addresses.
      ) ?? group.slots[0]!;
    const link = linkOf(slot.interface);
    const peer = this.#twice ? slot.virtual!.passedMac : link.peerMac;
    if (peer === null) return false;
    const frame = new Uint8Array(ETHERNET_HEADER_BYTES + packet.length);
    writeEthernetHeader(frame, peer, link.socket.mac, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    frame.set(packet, ETHERNET_HEADER_BYTES);
    return link.plain.send(frame, frame.length, 0) === 0;
  }
}
