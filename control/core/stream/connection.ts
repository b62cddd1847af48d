/**
 * One connection: two sessions that have met, from its first packet to its end. Two channels of messages, several paths. Pure: packets
 * come in opened and go out to be sealed; each path numbers its packets, and no number is used twice.
 */
import { applyAck, writeAck } from "./acknowledgement.ts";
import {
  ACK,
  CLOSE,
  CREDIT,
  CREDIT_BYTES,
  DATA,
  DATA_HEAD_BYTES,
  frameLength,
  get16,
  get48,
  PING,
  put16,
  put48,
} from "./frames.ts";
import { Incoming } from "./incoming.ts";
import {
  BURST_PACKETS,
  type Channel,
  CHANNELS,
  DUPLICATE_AFTER_LOSS_US,
  DUPLICATE_BYTES_MAX,
  HEADER_BYTES,
  PAYLOAD_MAX,
  TAG_BYTES,
  WINDOWS,
} from "./limits.ts";
import { Outgoing } from "./outgoing.ts";
import { Paths } from "./paths.ts";
import { Received } from "./received.ts";
import type { Outcome, Sent, SentPacket } from "./sent.ts";

/** Takes a packet's frames, to be sealed and sent by the path at once: the bytes are the connection's own. */
export type Emit = (path: number, number: number, payload: Uint8Array<ArrayBuffer>, length: number) => void;

/**
 * `malformed`: the packet was not read. `violation`: its sender knows the key but not the protocol, and cannot be talked to.
 * `closed`: the peer says that it goes away.
 */
export type Acceptance = "accepted" | "malformed" | "violation" | "closed";

export class Connection {
  readonly received: readonly Received[];
  readonly #out: readonly [Outgoing, Outgoing];
  readonly #in: readonly Incoming[];
  readonly #paths: Paths;
  readonly #payload = new Uint8Array(new ArrayBuffer(PAYLOAD_MAX));
  /** Credits that were in a lost packet; bit 0 and 1. */
  #lostCredits = 0;
  /** More is ready than one turn sends. */
  more = false;

  /**
   * @param open which paths can send, kept up to date by its owner
   * @param deliver gets each message once, in the order of its channel
   */
  constructor(open: readonly boolean[], deliver: (channel: number, bytes: Uint8Array<ArrayBuffer>) => void) {
    this.#out = [new Outgoing(WINDOWS[0]), new Outgoing(WINDOWS[1])];
    this.#in = WINDOWS.map((window, channel) => new Incoming(window, (bytes) => deliver(channel, bytes)));
    const outcome: Outcome = { onAcked: (packet) => this.#onAcked(packet), onLost: (packet) => this.#onLost(packet) };
    this.#paths = new Paths(open, outcome);
    this.received = open.map(() => new Received());
  }

  get sent(): readonly Sent[] {
    return this.#paths.sent;
  }

  /** Puts a message behind the others of its channel. False where the buffer is full. */
  send(channel: Channel, bytes: Uint8Array): boolean {
    return this.#out[channel].append(bytes);
  }

  buffered(channel: Channel): number {
    return this.#out[channel].buffered;
  }

  /** The peer should hear that we are here, on every path. */
  pingAll(): void {
    this.#paths.pingAll();
  }

  #onAcked(packet: SentPacket): void {
    this.#out[0].onAcked(packet.start0, packet.end0);
    this.#out[1].onAcked(packet.start1, packet.end1);
  }

  #onLost(packet: SentPacket): void {
    this.#out[0].onLost(packet.start0, packet.end0);
    this.#out[1].onLost(packet.start1, packet.end1);
    this.#lostCredits |= packet.credits;
  }

  // ---- in

  /** Reads an authentic packet whose number is new (`received[path].isKnown`). */
  accept(path: number, number: number, payload: Uint8Array, length: number, nowUs: number): Acceptance {
    let wantsAck = false, urgent = false;
    for (let at = 0, size = 0; at < length; at += size) {
      size = frameLength(payload, at, length);
      if (size < 0) return "malformed";
      const kind = payload[at]!;
      if (kind === ACK) continue;
      wantsAck = true;
      if (kind !== (DATA | 1)) urgent = true;
    }
    this.received[path]!.note(number, nowUs, wantsAck, urgent);
    for (let at = 0; at < length; at += frameLength(payload, at, length)) {
      const end = this.#apply(payload, at, nowUs);
      if (end !== "accepted") return end;
    }
    return "accepted";
  }

  #apply(payload: Uint8Array, at: number, nowUs: number): Acceptance {
    const kind = payload[at]!;
    switch (kind) {
      case PING:
        return "accepted";
      case CLOSE:
        return "closed";
      case ACK:
        return applyAck(payload, at, this.sent, nowUs) ? "accepted" : "violation";
      case CREDIT:
      case CREDIT | 1:
        this.#out[kind & 1]!.onCredit(get48(payload, at + 1));
        return "accepted";
      default: {
        const from = at + DATA_HEAD_BYTES;
        const fits = this.#in[kind & 1]!.accept(get48(payload, at + 1), payload, from, from + get16(payload, at + 7));
        return fits ? "accepted" : "violation";
      }
    }
  }

  // ---- time

  /** When `onTimer` has something to do, if nothing happens before. */
  get deadlineUs(): number {
    let deadline = this.#paths.deadlineUs;
    for (let path = 0; path < this.received.length; path++) {
      deadline = Math.min(deadline, this.received[path]!.ackUs);
    }
    return deadline;
  }

  /** Does what is due; `transmit` afterwards sends it. */
  onTimer(nowUs: number): void {
    this.#paths.onTimer(nowUs);
  }

  // ---- out

  /** Sends what may leave now, as full packets as possible. `more` says whether there is still something after a turn's share. */
  transmit(nowUs: number, emit: Emit): void {
    this.more = false;
    this.#acknowledgeEverywhere(nowUs, emit);
    let packets = 0;
    for (; packets < BURST_PACKETS && this.#ready; packets++) {
      const path = this.#paths.takeForData(this.#out[0].ready || !this.#out[1].ready);
      if (path < 0) break;
      this.#packet(path, nowUs, emit, false);
    }
    this.more = packets === BURST_PACKETS && this.#ready;
    for (let path = 0; path < this.sent.length; path++) {
      this.#paths.endTurn(path);
      if (this.#paths.owesPing(path) && this.#paths.canSend(path)) this.#packet(path, nowUs, emit, false);
      if (this.received[path]!.ackUs <= nowUs) this.#acknowledge(path, nowUs, emit);
    }
  }

  get #creditsDue(): number {
    let due = this.#lostCredits;
    for (let channel = 0; channel < CHANNELS; channel++) if (this.#in[channel]!.creditDue) due |= 1 << channel;
    return due;
  }

  get #ready(): boolean {
    return this.#out[0].ready || this.#out[1].ready || this.#creditsDue !== 0;
  }

  /** An acknowledgement by itself: by the path that it is about, if that seems to work. */
  #acknowledge(path: number, nowUs: number, emit: Emit): void {
    const other = this.#paths.isLive(path) ? path : this.#paths.best(path);
    if (other >= 0 && this.#paths.canSend(other)) this.#packet(other, nowUs, emit, true);
    // No way to say it: the peer will ask again.
    else this.received[path]!.onAckSent();
  }

  /**
   * No path seems to work, yet something was heard: each may work in one direction only, so the acknowledgement that would tell goes
   * by all of them.
   */
  #acknowledgeEverywhere(nowUs: number, emit: Emit): void {
    if (!this.received.some(({ wantsAck }) => wantsAck) || this.#paths.best(-1) >= 0) return;
    const wanted = this.received.filter(({ wantsAck }) => wantsAck);
    const since = wanted.map(({ ackUs }) => ackUs);
    for (let path = 0; path < this.sent.length; path++) {
      if (!this.#paths.canSend(path)) continue;
      for (let i = 0; i < wanted.length; i++) wanted[i]!.ackUs = since[i]!;
      this.#packet(path, nowUs, emit, true);
    }
  }

  /** Builds one packet and hands it out. */
  #packet(path: number, nowUs: number, emit: Emit, ackOnly: boolean): void {
    const payload = this.#payload, sent = this.sent[path]!;
    let at = this.#writeAcks(nowUs);
    let credits = 0, start0 = 0, end0 = 0, start1 = 0, end1 = 0;
    const acks = at;
    if (!ackOnly) {
      for (let due = this.#creditsDue, channel = 0; due !== 0; due >>= 1, channel++) {
        if ((due & 1) === 0) continue;
        payload[at] = CREDIT | channel;
        put48(payload, at + 1, this.#in[channel]!.grant());
        at += CREDIT_BYTES;
        credits |= 1 << channel;
      }
      this.#lostCredits &= ~credits;
      const [urgent, bulk] = this.#out;
      if (urgent.take(PAYLOAD_MAX - at - DATA_HEAD_BYTES)) {
        ({ start: start0, end: end0 } = urgent);
        at = this.#writeData(0, start0, end0, at);
      }
      if (bulk.take(PAYLOAD_MAX - at - DATA_HEAD_BYTES)) {
        ({ start: start1, end: end1 } = bulk);
        at = this.#writeData(1, start1, end1, at);
      }
      if (at === acks && this.#paths.owesPing(path)) payload[at++] = PING;
    }
    if (at === 0) return;
    if (at > acks) this.#paths.onAsked(path);
    const number = sent.next;
    const record = sent.record(nowUs, at + HEADER_BYTES + TAG_BYTES, at > acks);
    record.credits = credits;
    record.start0 = start0;
    record.end0 = end0;
    record.start1 = start1;
    record.end1 = end1;
    emit(path, number, payload, at);
    if (end0 > start0) this.#duplicate(path, start0, end0, nowUs, emit);
  }

  /**
   * The last small piece of urgent data, on a second path too, if the first one loses packets: what comes after it would have told of
   * the loss, and nothing comes.
   */
  #duplicate(first: number, start: number, end: number, nowUs: number, emit: Emit): void {
    if (end - start > DUPLICATE_BYTES_MAX || this.#out[0].ready) return;
    if (nowUs - this.sent[first]!.lastLossUs > DUPLICATE_AFTER_LOSS_US) return;
    const path = this.#paths.best(first);
    if (path < 0 || !this.sent[path]!.hasRoom(true)) return;
    const length = this.#writeData(0, start, end, 0);
    const number = this.sent[path]!.next;
    const record = this.sent[path]!.record(nowUs, length + HEADER_BYTES + TAG_BYTES, true);
    record.start0 = start;
    record.end0 = end;
    emit(path, number, this.#payload, length);
  }

  #writeAcks(nowUs: number): number {
    let at = 0;
    for (let path = 0; path < this.received.length; path++) {
      const received = this.received[path]!;
      if (!received.wantsAck) continue;
      // Half of the packet is left for what else there is.
      const end = writeAck(this.#payload, at, PAYLOAD_MAX / 2, path, received, nowUs);
      if (end > at) received.onAckSent();
      at = end;
    }
    return at;
  }

  #writeData(channel: Channel, start: number, end: number, at: number): number {
    const payload = this.#payload;
    payload[at] = DATA | channel;
    put48(payload, at + 1, start);
    put16(payload, at + 7, end - start);
    this.#out[channel].copy(start, end, payload, at + DATA_HEAD_BYTES);
    return at + DATA_HEAD_BYTES + end - start;
  }

  /** Tells the peer, on all paths, that this is the end. Nothing may be sent after it. */
  transmitClose(nowUs: number, emit: Emit): void {
    this.#payload[0] = CLOSE;
    for (let path = 0; path < this.sent.length; path++) {
      const sent = this.sent[path]!;
      if (!this.#paths.canSend(path)) continue;
      const number = sent.next;
      sent.record(nowUs, 1 + HEADER_BYTES + TAG_BYTES, true);
      emit(path, number, this.#payload, 1);
    }
  }
}
