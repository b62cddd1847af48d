/**
 * Messages between the two nodes, in order and once, over UDP on the port behind each path's. Two channels: 0 for what somebody waits
 * for, 1 for bulk. The state machine is `control/core/stream/`; here are its sockets, keys and timers. For the main thread.
 */
import { randomBytes } from "node:crypto";
import { clearImmediate, setImmediate } from "node:timers";
import { streamEndpoint } from "../../config/address.ts";
import type { Endpoint } from "../../config/model.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { type Channel, PATHS_MAX } from "../core/stream/limits.ts";
import {
  type DownReason,
  type Hello,
  type Judgement,
  NO_SESSION,
  type Session,
  Stream,
} from "../core/stream/stream.ts";
import { prepareKey } from "../core/wire.ts";
import { type EnvelopeReject, type Header, HELLO, readHeader, readHello, Sealer, writeHello } from "./envelope.ts";
import { connectionTag, derivePacketKeys, type PacketKeys, type PairKey, preparePairKeys } from "./keys.ts";
import { PathSocket } from "./path_socket.ts";
import { type Bytes, openSodium } from "./sodium.ts";
import type { StreamReject, StreamStats } from "./stats.ts";

const REOPEN_MS = 500;
/** A timer that comes later than this says nothing about the peer; then the sockets get this time first. */
const LATE_US = 25_000;
const LATE_READ_MS = 2;
const RETIRED_MAX = 16;
/** An acknowledgement by itself waits for this many turns of promises: the answer of who was just called may carry it. */
const ANSWER_TURNS = 4;

export interface PeerStreamOptions {
  readonly pair: string;
  /** Index of this node. */
  readonly self: 0 | 1;
  /** Endpoints of the heartbeats; the stream's are one port further. */
  readonly paths: readonly { readonly local: Endpoint; readonly remote: Endpoint }[];
  /** 1 to 4 pair keys of 32 bytes. The first one seals, all open. */
  readonly keys: readonly Uint8Array[];
  readonly onUp: () => void;
  /** Everything that was not acknowledged is void, and so is what had arrived of an unfinished message. */
  readonly onDown: (reason: DownReason) => void;
  /** The bytes are the receiver's to keep. */
  readonly onMessage: (channel: Channel, bytes: Uint8Array<ArrayBuffer>) => void;
  /** What is buffered has fallen below the low-water mark (1 MiB) after it was above. */
  readonly onDrained?: () => void;
  /** One of the above has thrown. The connection has been ended, for what it carried may be half done here; it comes back by itself. */
  readonly onFailure: (error: unknown) => void;
}

export class PeerStream {
  readonly #o: PeerStreamOptions;
  readonly #stream: Stream;
  readonly #sockets: readonly PathSocket[];
  readonly #pairId: number;
  #keys: readonly PairKey[];
  /** Ids of keys that opened earlier in this run: the last ones. */
  readonly #retired: number[] = [];
  #tag = 0;
  /** Of the present connection, for each pair key; derived when first needed. */
  #packetKeys: (PacketKeys | undefined)[] = [];
  readonly #sessions: [Session, Session] = [NO_SESSION, NO_SESSION];
  readonly #sealer: Sealer;
  readonly #header: Header = { kind: 0, path: 0, keyId: 0, tag: 0, number: 0 };
  readonly #rejected: Partial<Record<StreamReject, number>> = {};
  #connections = 0;
  #closed = false;
  #flushing = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerUs = Infinity;
  #immediate: ReturnType<typeof setImmediate> | undefined;
  #reopener: ReturnType<typeof setTimeout> | undefined;
  readonly #wire = {
    hello: (path: number, hello: Hello) => this.#sendHello(path, hello),
    packet: (path: number, number: number, payload: Bytes, length: number) =>
      this.#sendPacket(path, number, payload, length),
  };

  /** Opens what can be opened now and looks for the peer from now on. Throws `RangeError` for options that cannot be. */
  constructor(o: PeerStreamOptions) {
    if (o.paths.length < 1 || o.paths.length > PATHS_MAX) {
      throw new RangeError(`peer stream: ${o.paths.length} paths; there must be 1 to ${PATHS_MAX}`);
    }
    openSodium();
    this.#o = o;
    this.#sealer = new Sealer(o.self);
    this.#keys = preparePairKeys(o.keys, o.pair);
    this.#pairId = prepareKey(o.keys[0]!, o.pair).pairId;
    const newSession = () => randomBytes(16).toString("hex");
    this.#stream = new Stream(o.paths.length, newSession, {
      onUp: () => {
        this.#connections++;
        this.#guarded(o.onUp);
      },
      onDown: (reason) => this.#guarded(() => o.onDown(reason)),
      // Not by a function made for each message: there are many.
      onMessage: (channel, bytes) => {
        try {
          o.onMessage(channel as Channel, bytes);
        } catch (error) {
          this.#failed(error);
        }
      },
      onDrained: () => this.#guarded(() => o.onDrained?.()),
    }, monotonicUs());
    const listener = {
      onDatagram: (path: number, bytes: Bytes, length: number) => this.#onDatagram(path, bytes, length),
      onBatch: () => this.#answer(),
      onClosed: (path: number) => {
        this.#stream.setOpen(path, false);
        this.#openLater();
      },
    };
    this.#sockets = o.paths.map(({ local, remote }, path) =>
      new PathSocket(path, streamEndpoint(local), streamEndpoint(remote), listener)
    );
    this.#openPaths();
  }

  #openPaths(): void {
    for (const [path, socket] of this.#sockets.entries()) {
      if (socket.isOpen) continue;
      if (socket.open()) this.#stream.setOpen(path, true);
      else this.#openLater();
    }
    this.#flushSoon();
  }

  #openLater(): void {
    this.#reopener ??= setTimeout(() => {
      this.#reopener = undefined;
      this.#openPaths();
    }, REOPEN_MS);
  }

  /** Is there a connection? */
  get up(): boolean {
    return this.#stream.up;
  }

  /** Bytes of each channel that the peer has not acknowledged. */
  get buffered(): { readonly 0: number; readonly 1: number } {
    const { connection } = this.#stream;
    return { 0: connection?.buffered(0) ?? 0, 1: connection?.buffered(1) ?? 0 };
  }

  /**
   * Takes a message of at most 17 MiB; the bytes are copied. It leaves with others of the same turn, after the code that runs now. False:
   * not connected, or 64 MiB of this channel are not acknowledged (wait for `onDrained`). Throws `RangeError` for a longer message.
   */
  send(channel: Channel, bytes: Uint8Array): boolean {
    if (!this.#stream.send(channel, bytes)) return false;
    this.#flushSoon();
    return true;
  }

  /** The first key seals from now on; all open. The connection goes on. */
  setKeys(keys: readonly Uint8Array[]): void {
    const next = preparePairKeys(keys, this.#o.pair);
    for (const { id } of this.#keys) if (!this.#retired.includes(id)) this.#retired.push(id);
    this.#retired.splice(0, this.#retired.length - RETIRED_MAX);
    this.#keys = next;
    this.#packetKeys = [];
  }

  stats(): StreamStats {
    const { connection } = this.#stream;
    const paths = this.#sockets.map((socket, path) => {
      const sent = connection?.sent[path], received = connection?.received[path];
      return {
        open: socket.isOpen,
        problem: socket.problem,
        live: this.up && socket.isOpen && !sent!.quiet,
        rttUs: sent?.rtt.measured ? sent.rtt.smoothedUs : null,
        sent: sent?.packets ?? 0,
        lost: sent?.lost ?? 0,
        received: received?.packets ?? 0,
        errors: socket.errors,
      };
    });
    return { up: this.up, connections: this.#connections, paths, rejected: { ...this.#rejected } };
  }

  /** Ends the connection, here and at the peer, which is looked for anew at once; `onDown` is called. Nothing where there is none. */
  restart(reason: "given up" | "failed" | "overrun"): void {
    if (this.#closed) return;
    this.#stream.restart(reason, monotonicUs(), this.#wire);
    this.#flushSoon();
  }

  /** What the receiver throws must neither end the process nor leave both sides with different views of what was received. */
  #guarded(call: () => void): void {
    try {
      call();
    } catch (error) {
      this.#failed(error);
    }
  }

  #failed(error: unknown): void {
    this.#rejected.failed = (this.#rejected.failed ?? 0) + 1;
    this.restart("failed");
    this.#o.onFailure(error);
  }

  /** Tells the peer and gives everything back. `onDown` is not called. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.close(monotonicUs(), this.#wire);
    clearTimeout(this.#reopener);
    clearTimeout(this.#timer);
    if (this.#immediate !== undefined) clearImmediate(this.#immediate);
    for (const socket of this.#sockets) socket.close();
  }

  // ---- in

  #onDatagram(path: number, bytes: Bytes, length: number): void {
    if (this.#closed) return;
    const reject = this.#read(path, bytes, length);
    if (reject !== "accepted" && reject !== "greeting") this.#rejected[reject] = (this.#rejected[reject] ?? 0) + 1;
  }

  #read(path: number, bytes: Bytes, length: number): EnvelopeReject | Judgement {
    const header = this.#header;
    const bad = readHeader(bytes, length, this.#o.self, header);
    if (bad !== null) return bad;
    if (header.path !== path) return "otherPath";
    const index = this.#keys.findIndex(({ id }) => id === header.keyId);
    if (index < 0) return this.#retired.includes(header.keyId) ? "retiredKey" : "otherKey";
    return header.kind === HELLO ? this.#readHello(bytes, length, index) : this.#readPacket(bytes, length, index);
  }

  #readHello(bytes: Bytes, length: number, index: number): EnvelopeReject | Judgement {
    if (this.#header.tag !== this.#pairId) return "otherPair";
    const hello = readHello(bytes, length, this.#keys[index]!);
    return typeof hello === "string" ? hello : this.#stream.heardHello(hello, monotonicUs());
  }

  #readPacket(bytes: Bytes, length: number, index: number): EnvelopeReject | Judgement {
    const header = this.#header;
    if (this.#stream.connection === null) return "noConnection";
    const keys = this.#keysOf(index);
    if (header.tag !== this.#tag) return "otherConnection";
    if (this.#stream.isKnown(header.path, header.number)) return "replayed";
    const size = this.#sealer.open(bytes, length, header, keys);
    if (size < 0) return "badTag";
    return this.#stream.heardPacket(header.path, header.number, this.#sealer.payload, size, monotonicUs());
  }

  /** The present connection's keys under one of the pair keys. */
  #keysOf(index: number): PacketKeys {
    const { session, peerSession } = this.#stream;
    const { self } = this.#o;
    if (this.#sessions[self] !== session || this.#sessions[1 - self as 0 | 1] !== peerSession) {
      this.#sessions[self] = session;
      this.#sessions[1 - self as 0 | 1] = peerSession;
      this.#tag = connectionTag(this.#sessions);
      this.#packetKeys = [];
    }
    return this.#packetKeys[index] ??= derivePacketKeys(this.#keys[index]!, self, this.#sessions);
  }

  // ---- out

  /**
   * What is sent together leaves together: at the end of this turn, and while an answer is awaited anyway, behind everything that the
   * event loop has at hand (as RFC 896 does it, but for at most one round of the loop). A packet costs several times what is in it.
   */
  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    if (this.#stream.awaitsAck) this.#flushLater();
    else queueMicrotask(this.#flushNow);
  }

  readonly #flushNow = (): void => {
    if (this.#flushing) this.#flush();
  };

  #flushLater(): void {
    this.#immediate ??= setImmediate(() => {
      this.#immediate = undefined;
      this.#flush();
    });
  }

  /** An acknowledgement waits a few turns of promises for an answer of the upper layer that carries it. */
  async #answer(): Promise<void> {
    for (let turn = 0; turn < ANSWER_TURNS && !this.#flushing; turn++) await undefined;
    this.#flush();
  }

  #flush(): void {
    this.#flushing = false;
    if (this.#closed) return;
    const now = monotonicUs();
    this.#stream.transmit(now, this.#wire);
    if (this.#stream.more) this.#flushLater();
    this.#arm(now);
  }

  #sendHello(path: number, hello: Hello): void {
    const { datagram } = this.#sealer;
    const o = { self: this.#o.self, path, pairId: this.#pairId, key: this.#keys[0]! };
    this.#sockets[path]!.send(datagram, writeHello(datagram, o, hello));
  }

  #sendPacket(path: number, number: number, payload: Bytes, length: number): void {
    const keys = this.#keysOf(0);
    const size = this.#sealer.seal(path, this.#tag, number, keys, payload, length);
    this.#sockets[path]!.send(this.#sealer.datagram, size);
  }

  /** A timer that fires too early costs little and one that is set anew for each packet much: only an earlier one replaces it. */
  #arm(nowUs: number): void {
    const deadline = Math.max(nowUs, this.#stream.deadlineUs);
    if (deadline >= this.#timerUs) return;
    clearTimeout(this.#timer);
    this.#timerUs = deadline;
    this.#timer = setTimeout(() => this.#onTimer(), Math.ceil((deadline - nowUs) / 1000));
  }

  #onTimer(): void {
    const now = monotonicUs();
    const late = now - this.#timerUs > LATE_US;
    this.#timerUs = Infinity;
    if (late) {
      // This thread was busy or stopped: what the peer has said meanwhile waits in the sockets and is read first.
      this.#timerUs = now;
      this.#timer = setTimeout(() => this.#onTimer(), LATE_READ_MS);
      return;
    }
    if (this.#stream.deadlineUs <= now) this.#stream.onTimer(now);
    this.#flush();
  }
}
