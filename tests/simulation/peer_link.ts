/**
 * One end of the peer stream: the machine that ships, with the timers of `control/stream/peer_stream.ts`. Nothing is sealed; a packet is
 * read only where the keys of both sessions would open it.
 */
import { type Hello, NO_SESSION, Stream, type Wire } from "../../control/core/stream/stream.ts";
import type { StateStream } from "../../control/state/manager.ts";
import type { NodeIndex, PathIndex } from "./network.ts";
import type { ProcessClock } from "./node.ts";
import type { Random } from "./random.ts";

export interface StreamPacket {
  readonly path: PathIndex;
  readonly from: NodeIndex;
  readonly hello: Hello | null;
  /** Sessions of node 0 and 1 that it was sealed for. */
  readonly key: string;
  readonly number: number;
  readonly payload: Uint8Array;
}

export interface PeerLinkParts {
  readonly index: NodeIndex;
  readonly clock: ProcessClock;
  readonly random: Random;
  readonly post: (packet: StreamPacket) => void;
  readonly onUp: () => void;
  readonly onDown: () => void;
  readonly onMessage: (bytes: Uint8Array) => void;
  readonly onDrained: () => void;
}

const PATHS = 2;
const LATE_US = 25_000;
const LATE_READ_US = 2000;
const NOTHING = new Uint8Array(0);

export class PeerLink implements StateStream {
  readonly #p: PeerLinkParts;
  readonly #stream: Stream;
  #timerUs = Infinity;
  #endTimer: () => void = () => {};
  #flushing = false;

  constructor(parts: PeerLinkParts) {
    this.#p = parts;
    let sessions = 0;
    const run = parts.random.int(0, 0xffff_ffff);
    const newSession = () => (run * 4096 + sessions++).toString(16).padStart(32, "0");
    this.#stream = new Stream(PATHS, newSession, {
      onUp: parts.onUp,
      onDown: parts.onDown,
      onMessage: (_channel, bytes) => parts.onMessage(bytes),
      onDrained: parts.onDrained,
    }, parts.clock.nowUs());
    for (let path = 0; path < PATHS; path++) this.#stream.setOpen(path, true);
    this.#flushSoon();
  }

  send(channel: 0 | 1, bytes: Uint8Array): boolean {
    if (!this.#stream.send(channel, bytes)) return false;
    this.#flushSoon();
    return true;
  }

  get buffered(): { readonly 0: number; readonly 1: number } {
    const { connection } = this.#stream;
    return { 0: connection?.buffered(0) ?? 0, 1: connection?.buffered(1) ?? 0 };
  }

  heard(packet: StreamPacket): void {
    const now = this.#p.clock.nowUs();
    if (packet.hello !== null) this.#stream.heardHello(packet.hello, now);
    else if (packet.key === this.#key()) {
      this.#stream.heardPacket(packet.path, packet.number, packet.payload, packet.payload.length, now);
    }
    this.#flushSoon();
  }

  #key(): string {
    const { session, peerSession } = this.#stream;
    return this.#p.index === 0 ? `${session} ${peerSession}` : `${peerSession} ${session}`;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#p.clock.soon(() => this.#flush());
  }

  restart(reason: "given up" | "overrun"): void {
    this.#stream.restart(reason, this.#p.clock.nowUs(), this.#wire());
    this.#flushSoon();
  }

  #flush(): void {
    this.#flushing = false;
    const { clock } = this.#p;
    this.#stream.transmit(clock.nowUs(), this.#wire());
    if (this.#stream.more) clock.after(20, () => this.#flushSoon());
    this.#arm();
  }

  #wire(): Wire {
    const { index: from, post } = this.#p;
    return {
      hello: (path, hello) =>
        post({ path: path as PathIndex, from, hello, key: NO_SESSION, number: 0, payload: NOTHING }),
      packet: (path, number, payload, length) =>
        post({
          path: path as PathIndex,
          from,
          hello: null,
          key: this.#key(),
          number,
          payload: payload.slice(0, length),
        }),
    };
  }

  #arm(): void {
    const now = this.#p.clock.nowUs(), deadline = Math.max(now, this.#stream.deadlineUs);
    if (deadline >= this.#timerUs) return;
    this.#endTimer();
    this.#timerUs = deadline;
    // Timers of the event loop have the grain of a millisecond.
    this.#endTimer = this.#p.clock.after(Math.ceil((deadline - now) / 1000) * 1000, () => this.#onTimer());
  }

  #onTimer(): void {
    const now = this.#p.clock.nowUs(), late = now - this.#timerUs > LATE_US;
    this.#timerUs = Infinity;
    if (late) {
      // Who was stopped reads first what the peer has said meanwhile.
      this.#timerUs = now;
      this.#endTimer = this.#p.clock.after(LATE_READ_US, () => this.#onTimer());
      return;
    }
    if (this.#stream.deadlineUs <= now) this.#stream.onTimer(now);
    this.#flushSoon();
  }
}
