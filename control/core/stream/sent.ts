/**
 * What was sent on one path and is not settled: packets by number, the round trip, the congestion window, loss by later packets and by
 * time, and the probe timer (RFC 9002, with a number space, a window and a timer for each path).
 */
import {
  DATAGRAM_MAX,
  LOST_MEMORY_PACKETS,
  LOST_MEMORY_US,
  PROBE_MAX_US,
  PROBE_PACKETS,
  QUIET_PROBES,
  REORDER_PACKETS,
  SENT_MAX,
  URGENT_SHARE,
  WINDOW_BACKOFF,
  WINDOW_FIRST,
  WINDOW_MAX,
  WINDOW_MIN,
} from "./limits.ts";
import { RoundTrip } from "./round_trip.ts";

/** `settled`: acknowledged, or it wanted no acknowledgement. */
export type Fate = "flying" | "lost" | "settled";

export interface SentPacket {
  fate: Fate;
  sentUs: number;
  bytes: number;
  /** Ranges of the channels that were in it; empty where start = end. */
  start0: number;
  end0: number;
  start1: number;
  end1: number;
  /** It told the peer of room in a channel: bit 0 and 1. */
  credits: number;
}

/** What becomes of packets, to whom their contents matter. */
export interface Outcome {
  onAcked(packet: SentPacket): void;
  onLost(packet: SentPacket): void;
}

export class Sent {
  readonly rtt = new RoundTrip();
  readonly #outcome: Outcome;
  /** By number modulo SENT_MAX; made when first used, then used again. */
  readonly #ring: SentPacket[] = [];
  /** Number of the next packet. */
  next = 0;
  /** Oldest number that is remembered. */
  #base = 0;
  largestAcked = -1;
  #flying = 0;
  inFlight = 0;
  window = WINDOW_FIRST;
  #threshold = Infinity;
  /** A loss among packets before it belongs to a congestion that was answered already. */
  #recovery = 0;
  /** When the last packet that wants an acknowledgement left. */
  lastSentUs = -Infinity;
  /**
   * Since when an answer is waited for: from the first packet that flies, the last answer or the last probe on. Not from the last
   * packet as in RFC 9002: a path that is fed all the time would never be probed.
   */
  #waitingUs = 0;
  /** Probes without an answer. */
  probes = 0;
  #lossUs = Infinity;
  lastLossUs = -Infinity;
  packets = 0;
  lost = 0;

  constructor(outcome: Outcome) {
    this.#outcome = outcome;
  }

  /** No answer to probes: nothing that matters should depend on it. */
  get quiet(): boolean {
    return this.probes >= QUIET_PROBES;
  }

  /** @param urgent then a quarter more: bulk that fills the window does not stand in its way */
  hasRoom(urgent: boolean): boolean {
    return this.inFlight + DATAGRAM_MAX <= this.window * (urgent ? URGENT_SHARE : 1) && this.canProbe;
  }

  /** Is another packet beyond the window possible? */
  get canProbe(): boolean {
    return this.next - this.#base < SENT_MAX;
  }

  /** The record for the packet that leaves now; the caller fills in what it carries. */
  record(nowUs: number, bytes: number, wantsAck: boolean): SentPacket {
    const place = this.next++ & (SENT_MAX - 1);
    const packet = this.#ring[place] ??= {
      fate: "settled",
      sentUs: 0,
      bytes: 0,
      start0: 0,
      end0: 0,
      start1: 0,
      end1: 0,
      credits: 0,
    };
    packet.fate = wantsAck ? "flying" : "settled";
    packet.sentUs = nowUs;
    packet.bytes = bytes;
    packet.start0 =
      packet.end0 =
      packet.start1 =
      packet.end1 =
      packet.credits =
        0;
    this.packets++;
    if (wantsAck) {
      if (this.#flying++ === 0) this.#waitingUs = nowUs;
      this.inFlight += bytes;
      this.lastSentUs = nowUs;
    } else this.#forget(nowUs);
    return packet;
  }

  #packet(number: number): SentPacket {
    return this.#ring[number & (SENT_MAX - 1)]!;
  }

  /** The numbers `from`…`to` (inclusive) have arrived. True if one of them was news. */
  onAckedRange(from: number, to: number, nowUs: number, delayUs: number): boolean {
    let news = false;
    for (let number = Math.max(from, this.#base); number <= to; number++) {
      const packet = this.#packet(number);
      if (packet.fate === "settled") continue;
      news = true;
      if (packet.fate === "flying") this.#land(packet, true);
      packet.fate = "settled";
      if (number > this.largestAcked) {
        this.largestAcked = number;
        // Only the last one of an acknowledgement says when it was sent.
        if (number === to) this.rtt.sample(nowUs - packet.sentUs, delayUs);
      } else if (!this.rtt.measured) this.rtt.sample(nowUs - packet.sentUs, 0);
      this.#outcome.onAcked(packet);
    }
    if (to > this.largestAcked && to < this.next) this.largestAcked = to;
    if (news) {
      this.probes = 0;
      this.#waitingUs = nowUs;
    }
    return news;
  }

  #land(packet: SentPacket, arrived: boolean): void {
    const busy = this.inFlight >= this.window / 2;
    this.#flying--;
    this.inFlight -= packet.bytes;
    // A window that was not used says nothing about a larger one (RFC 9002 section 7.8).
    if (!arrived || !busy) return;
    const growth = this.window < this.#threshold ? packet.bytes : DATAGRAM_MAX * packet.bytes / this.window;
    this.window = Math.min(WINDOW_MAX, this.window + growth);
  }

  /** Gives up what later packets or the time say is lost. After each acknowledgement, and when `deadlineUs` has come. */
  detectLoss(nowUs: number): void {
    this.#lossUs = Infinity;
    const delay = this.rtt.lossDelayUs;
    for (let number = this.#base; number < this.largestAcked; number++) {
      const packet = this.#packet(number);
      if (packet.fate !== "flying") continue;
      if (this.largestAcked - number >= REORDER_PACKETS || packet.sentUs + delay <= nowUs) {
        this.#giveUp(packet, nowUs);
        this.#backOff(number);
      } else this.#lossUs = Math.min(this.#lossUs, packet.sentUs + delay);
    }
    this.#forget(nowUs);
  }

  #giveUp(packet: SentPacket, nowUs: number): void {
    this.#land(packet, false);
    packet.fate = "lost";
    this.lost++;
    this.lastLossUs = nowUs;
    this.#outcome.onLost(packet);
  }

  #backOff(number: number): void {
    if (number < this.#recovery) return;
    this.#recovery = this.next;
    this.window = this.#threshold = Math.max(WINDOW_MIN, this.window * WINDOW_BACKOFF);
  }

  /** Settled packets leave the memory in order; lost ones when their acknowledgement is not to be expected any more. */
  #forget(nowUs: number): void {
    while (this.#base < this.next) {
      const packet = this.#packet(this.#base);
      if (packet.fate === "flying") return;
      const recent = this.largestAcked - this.#base < LOST_MEMORY_PACKETS && nowUs - packet.sentUs < LOST_MEMORY_US &&
        this.next - this.#base < SENT_MAX / 2;
      if (packet.fate === "lost" && recent) return;
      this.#base++;
    }
  }

  /** When something is to be given up, or the path is to be probed. */
  get deadlineUs(): number {
    return Math.min(this.#lossUs, this.#probeAtUs);
  }

  get #probeAtUs(): number {
    if (this.#flying === 0) return Infinity;
    const backed = this.rtt.probeUs * 2 ** Math.min(this.probes, 16);
    return this.#waitingUs + Math.min(backed, Math.max(PROBE_MAX_US, this.rtt.probeUs));
  }

  /**
   * True if the path is to be probed: its oldest packets are given up, and what was in them should leave again now.
   * @param hasOther another path is live
   */
  onTimer(nowUs: number, hasOther: boolean): boolean {
    if (this.#lossUs <= nowUs) this.detectLoss(nowUs);
    if (this.#probeAtUs > nowUs) return false;
    this.probes++;
    this.#waitingUs = nowUs;
    // A quiet path holds nothing: all that it carried leaves by another one. Where there is none, it is the peer that is busy as
    // likely as not, and sending everything again would not make it faster.
    const most = this.quiet && hasOther ? Infinity : PROBE_PACKETS;
    for (let number = this.#base, given = 0; number < this.next && given < most; number++) {
      const packet = this.#packet(number);
      if (packet.fate !== "flying") continue;
      this.#giveUp(packet, nowUs);
      given++;
    }
    this.#forget(nowUs);
    return true;
  }
}
