/** Packets of one group held in this node's kernel during a switch: the two queues, their release in order, and their way back. */
import {
  ETHERNET_HEADER_BYTES,
  ETHERTYPE_IPV4,
  ETHERTYPE_IPV6,
  writeEthernetHeader,
} from "../../kernel_ffi/ethernet.ts";
import { sameBytes } from "../../kernel_ffi/address.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import type { CopiedPacket } from "../../kernel_ffi/nfqueue_codec.ts";
import { Digests } from "./digests.ts";
import type { FrameLink } from "./links.ts";
import type { PlannedGroup, Slot } from "./plan.ts";
import { queuesOf } from "./ruleset_spec.ts";

/** Packets. Since the queues were opened, or of one switch. */
export interface HoldCounts {
  readonly held: number;
  readonly heldByPeer: number;
  readonly released: number;
  /** Sent back to the old node. */
  readonly returned: number;
  readonly dropped: number;
}

const NOTHING: HoldCounts = { held: 0, heldByPeer: 0, released: 0, returned: 0, dropped: 0 };

export class Hold {
  readonly group: PlannedGroup;
  /** What came by way of the peer: always first. */
  readonly passed: HoldQueue;
  readonly direct: HoldQueue;
  readonly #frames: readonly FrameLink[];
  readonly #apply: () => void;
  #held = false;
  #twice = false;
  /** What a packet that was on its way into the queue when the hold ended meets there. */
  #late: "released" | "returned" = "released";
  #returned = 0;
  /** If packets come twice: what came by way of the peer, and how much came directly before the peer served no more of it. */
  #passedOn: Digests | null = null;
  #servedBefore = 0;
  /** As it stood when the switch began that is counted now; and what the kernel had dropped for want of room when it was last asked. */
  #before: HoldCounts = NOTHING;
  #overrun = 0;

  /**
   * Opens the queues. Throws `KernelError`.
   * @param frames by service interface  @param lengthMax packets in each queue
   * @param apply brings the kernel to hold what is `held` now, and nothing else; throws `KernelError`
   */
  constructor(group: PlannedGroup, frames: readonly FrameLink[], lengthMax: number, apply: () => void) {
    this.group = group;
    this.#frames = frames;
    this.#apply = apply;
    const options = { maxLength: lengthMax, copyPackets: true };
    const queues = queuesOf(group.index);
    this.passed = new HoldQueue(queues.passed, options);
    try {
      this.direct = new HoldQueue(queues.direct, options);
    } catch (error) {
      this.passed.close();
      throw error;
    }
  }

  /** The kernel queues the group's packets now. */
  get held(): boolean {
    return this.#held;
  }

  /**
   * The kernel queues the group's packets from here on. Throws `KernelError`; then it does not.
   * @param twice what the old node passes on will come directly as well: the wire is shared
   */
  begin(twice = false): void {
    this.#held = true;
    try {
      this.#apply();
    } catch (error) {
      this.#held = false;
      throw error;
    }
    this.#twice = twice;
    this.#late = "released";
    this.#passedOn = null;
    this.#before = this.counts();
  }

  /**
   * The old node passes on from here on. On a shared wire all packets come directly as well: those up to now it has served or passed on,
   * the later ones are served once, by whichever way they come first.
   */
  oldNodePasses(): void {
    if (!this.#held || !this.#twice || this.#passedOn !== null) return;
    this.#passedOn = new Digests();
    this.direct.drain();
    this.#servedBefore = this.direct.waiting;
  }

  /** Takes note of what has been queued, so that the socket's buffer never is the limit. Nothing stays behind a hold that has ended. */
  drain(): void {
    this.passed.drain();
    this.direct.drain();
    if (this.#held || this.waiting === 0) return;
    if (this.#late === "released") this.#releaseBoth();
    else this.#returnBoth();
  }

  releasePassed(): void {
    this.passed.releaseAll(this.#passedOn?.add);
  }

  /** All in order; then the hold ends; then what came between the two. Throws `KernelError` where the kernel goes on holding for a while. */
  finish(): void {
    this.#releaseBoth();
    this.#late = "released";
    this.#end(() => this.#releaseBoth());
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

  /** Sends what is held to the peer, in order, and ends the hold. Returns how many packets went. Throws `KernelError` as `finish` does. */
  giveBack(): number {
    const before = this.#returned;
    this.#returnBoth();
    this.#late = "returned";
    this.#end(() => this.#returnBoth());
    return this.#returned - before;
  }

  /** The kernel has refused to go on: it holds nothing any more, or not for long. What waits does so until it is let go or given back. */
  lost(): void {
    this.#held = false;
  }

  #end(empty: () => void): void {
    const held = this.#held;
    this.#held = false;
    try {
      if (held) this.#apply();
    } finally {
      empty();
      this.#passedOn = null;
    }
  }

  #returnBoth(): void {
    const passed = this.passed.takeAll(), direct = this.direct.takeAll();
    for (const packet of passed) this.#sendBack(packet);
    // On a shared wire the old node has what came directly: it served it, or holds it.
    if (!this.#twice) { for (const packet of direct) this.#sendBack(packet); }
  }

  /** Wraps a packet for the peer, on the interface by which it came. */
  #sendBack({ bytes, ifindex }: CopiedPacket): void {
    const v6 = bytes[0]! >> 4 === 6;
    const slot = this.#slotOf(ifindex, v6 ? bytes.subarray(24, 40) : bytes.subarray(16, 20));
    const link = this.#frames[slot.interface]!;
    const peer = this.#twice ? slot.virtual!.passedMac : link.peerMac;
    if (peer === null) return;
    const frame = new Uint8Array(ETHERNET_HEADER_BYTES + bytes.length);
    writeEthernetHeader(frame, peer, link.socket.mac, v6 ? ETHERTYPE_IPV6 : ETHERTYPE_IPV4);
    frame.set(bytes, ETHERNET_HEADER_BYTES);
    if (link.plain.send(frame, frame.length, 0) === 0) this.#returned++;
  }

  /** What came by no service interface of the group goes to the one that has its address. */
  #slotOf(ifindex: number, destination: Uint8Array): Slot {
    const { slots } = this.group;
    return slots.find((slot) => this.#frames[slot.interface]!.socket.ifindex === ifindex) ??
      slots.find((slot) => slot.addresses.some((it) => sameBytes(it.bytes, destination))) ?? slots[0]!;
  }

  /** Packets that are known to wait now. */
  get waiting(): number {
    return this.passed.waiting + this.direct.waiting;
  }

  counts(): HoldCounts {
    const passed = this.passed.counts, direct = this.direct.counts;
    return {
      // What came twice on a shared wire was held once.
      held: passed.queued + direct.queued - this.direct.sifted,
      heldByPeer: passed.queued,
      released: passed.released + direct.released,
      returned: this.#returned,
      dropped: Math.max(passed.dropped + direct.dropped, this.#overrun),
    };
  }

  /** What has been counted since the hold began, or since the last call. Reads a file of the kernel if anything was held: for the end of a switch. */
  takeCounts(): HoldCounts {
    const before = this.#before;
    if (this.counts().held === before.held) return NOTHING;
    this.#overrun = this.passed.overrun() + this.direct.overrun();
    const now = this.#before = this.counts();
    return {
      held: now.held - before.held,
      heldByPeer: now.heldByPeer - before.heldByPeer,
      released: now.released - before.released,
      returned: now.returned - before.returned,
      dropped: now.dropped - before.dropped,
    };
  }

  close(): void {
    this.passed.close();
    this.direct.close();
  }
}
