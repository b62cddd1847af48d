/**
 * The peer stream as a state machine: two nodes meet, have a connection, lose it and meet again. It is changed in place by what comes
 * in and by time; what goes out is asked for by `transmit`.
 *
 * A *session* is a random number of this run, new whenever a connection was lost. Hellos carry the own session and echo the peer's. One
 * that does not echo ours is a *greeting*: it may be a recording, so it only makes us say our session. One that does was made for this
 * session of ours, and its own session is the peer's present one unless the peer has left it behind (`retired`): the same rule as in
 * ../freshness.ts. Both sessions make the connection's keys, so a packet of another connection cannot be opened.
 */
import { Connection, type Emit } from "./connection.ts";
import { type Channel, CONFIRM_US, HELLO_ANSWER_US, HELLO_US, LOW_WATER, RETIRED_MAX, SILENCE_US } from "./limits.ts";

/** 128 random bits as 32 hexadecimal digits. */
export type Session = string;
export const NO_SESSION: Session = "0".repeat(32);

/** This node's word: `given up`: the peer is gone; `failed`: it could not take a message; `overrun`: the peer takes too little of what is sent. */
export type DownReason = "silent" | "closed" | "restarted" | "violation" | "given up" | "failed" | "overrun";

export interface StreamListener {
  onUp(): void;
  onDown(reason: DownReason): void;
  onMessage(channel: number, bytes: Uint8Array<ArrayBuffer>): void;
  onDrained(): void;
}

/** What a node says of itself until it has met the peer. */
export interface Hello {
  readonly session: Session;
  /** The peer's session as last heard, or NO_SESSION. */
  readonly echo: Session;
  /** The sender has no connection yet and waits for an answer. */
  readonly unmet: boolean;
}

/** Where packets go. A hello is signed, a packet sealed. */
export interface Wire {
  hello(path: number, hello: Hello): void;
  readonly packet: Emit;
}

export type Judgement = "accepted" | "greeting" | "retired" | "replayed" | "malformed" | "noConnection" | "violation";

export class Stream {
  readonly #newSession: () => Session;
  readonly #listener: StreamListener;
  readonly #open: boolean[];
  /** Of ours and, once met, of the peer. Both together name the connection. */
  session: Session;
  peerSession: Session = NO_SESSION;
  connection: Connection | null = null;
  /** A packet of the connection was heard: the peer knows it too. */
  up = false;
  #echo: Session = NO_SESSION;
  readonly #retired = new Set<Session>();
  /** Whose greeting is to be answered, if not the peer's. */
  #answerTo: Session | null = null;
  #lastHelloUs = -Infinity;
  #helloUs: number;
  #heardUs: number;
  #full = false;

  /** @param newSession gives a random session that was never used */
  constructor(paths: number, newSession: () => Session, listener: StreamListener, nowUs: number) {
    this.#newSession = newSession;
    this.#listener = listener;
    this.#open = Array.from({ length: paths }, () => false);
    this.session = newSession();
    this.#helloUs = nowUs;
    this.#heardUs = nowUs;
  }

  setOpen(path: number, open: boolean): void {
    this.#open[path] = open;
  }

  /** False: there is no connection, or its buffer is full; nothing was taken. */
  send(channel: Channel, bytes: Uint8Array): boolean {
    if (!this.up || !this.connection!.send(channel, bytes)) return false;
    if (this.buffered > LOW_WATER) this.#full = true;
    return true;
  }

  get buffered(): number {
    return this.connection === null ? 0 : this.connection.buffered(0) + this.connection.buffered(1);
  }

  /** Something of ours is under way that the peer has not acknowledged. */
  get awaitsAck(): boolean {
    return this.connection?.sent.some(({ inFlight }) => inFlight > 0) ?? false;
  }

  // ---- in

  /** An authentic hello. */
  heardHello({ session, echo, unmet }: Hello, nowUs: number): Judgement {
    if (session !== this.peerSession && this.#retired.has(session)) return "retired";
    if (echo !== this.session) {
      if (!this.up) this.#echo = session;
      this.#answer(session, nowUs);
      return "greeting";
    }
    const news = session !== this.peerSession;
    if (news) this.#meet(session, nowUs);
    // The peer goes on saying hello: it has not heard a packet of the connection yet.
    else this.connection?.pingAll();
    // An answer to every hello would be answered for ever.
    if (news || unmet) this.#answer(session, nowUs);
    return "accepted";
  }

  #meet(session: Session, nowUs: number): void {
    const wasUp = this.up;
    if (this.peerSession !== NO_SESSION) {
      if (this.#retired.size === RETIRED_MAX) this.#retired.delete(this.#retired.values().next().value!);
      this.#retired.add(this.peerSession);
    }
    this.up = false;
    this.#full = false;
    this.peerSession = session;
    this.#echo = session;
    this.#heardUs = nowUs;
    const connection = new Connection(this.#open, (channel, bytes) => {
      // The receiver of an earlier message of the same packet may have closed the stream.
      if (this.connection === connection) this.#listener.onMessage(channel, bytes);
    });
    this.connection = connection;
    if (wasUp) this.#listener.onDown("restarted");
  }

  /** A hello soon, to whom has just spoken. */
  #answer(session: Session, nowUs: number): void {
    this.#answerTo = session;
    this.#helloUs = Math.min(this.#helloUs, Math.max(nowUs, this.#lastHelloUs + HELLO_ANSWER_US));
  }

  /** Is a packet with this number to be opened at all? */
  isKnown(path: number, number: number): boolean {
    return this.connection === null || this.connection.received[path]!.isKnown(number);
  }

  /** An authentic packet of the present connection, opened. */
  heardPacket(path: number, number: number, payload: Uint8Array, length: number, nowUs: number): Judgement {
    const { connection } = this;
    if (connection === null) return "noConnection";
    if (connection.received[path]!.isKnown(number)) return "replayed";
    this.#heardUs = nowUs;
    if (!this.up) {
      this.up = true;
      this.#listener.onUp();
      if (this.connection !== connection) return "accepted";
    }
    const acceptance = connection.accept(path, number, payload, length, nowUs);
    if (this.connection !== connection) return "accepted";
    switch (acceptance) {
      case "accepted":
        this.#tellDrained();
        return "accepted";
      case "malformed":
        return "malformed";
      case "violation":
        this.#lose("violation", nowUs);
        return "violation";
      case "closed":
        this.#lose("closed", nowUs);
        return "accepted";
      default:
        throw acceptance satisfies never;
    }
  }

  #tellDrained(): void {
    if (!this.#full || this.buffered > LOW_WATER) return;
    this.#full = false;
    this.#listener.onDrained();
  }

  /** The connection is over; with a session of our own that was never used, nothing of it can come back. */
  #lose(reason: DownReason, nowUs: number): void {
    const wasUp = this.up;
    this.connection = null;
    this.up = false;
    this.#full = false;
    this.peerSession = NO_SESSION;
    this.#retired.clear();
    this.session = this.#newSession();
    // What went wrong may go wrong each time: the peer is not met again in a hurry.
    if (reason === "violation" || reason === "failed") this.#lastHelloUs = nowUs + HELLO_US;
    this.#helloUs = Math.max(nowUs, this.#lastHelloUs);
    if (wasUp) this.#listener.onDown(reason);
  }

  // ---- time and out

  /** When `onTimer` has something to do, if nothing happens before. */
  get deadlineUs(): number {
    return Math.min(this.#silentUs, this.#helloUs, this.connection?.deadlineUs ?? Infinity);
  }

  /**
   * When the connection is given up. One that never came up may be with a session that is no more: the peer's hello was late, or a
   * recording, and the present session may have been taken for an older one. A new session of ours settles that.
   */
  get #silentUs(): number {
    if (this.connection === null) return Infinity;
    return this.#heardUs + (this.up ? SILENCE_US : CONFIRM_US);
  }

  onTimer(nowUs: number): void {
    if (this.#silentUs <= nowUs) this.#lose("silent", nowUs);
    this.connection?.onTimer(nowUs);
  }

  /** Is there more than one turn sends? Then `transmit` wants to be called again, after others have had theirs. */
  get more(): boolean {
    return this.connection?.more ?? false;
  }

  /** Sends what may leave now. */
  transmit(nowUs: number, wire: Wire): void {
    if (this.#helloUs <= nowUs) this.#hello(nowUs, wire);
    this.connection?.transmit(nowUs, wire.packet);
  }

  #hello(nowUs: number, wire: Wire): void {
    const echo = this.#answerTo ?? this.#echo;
    this.#answerTo = null;
    this.#lastHelloUs = nowUs;
    this.#helloUs = this.up ? Infinity : nowUs + HELLO_US;
    const hello = { session: this.session, echo, unmet: this.connection === null };
    for (let path = 0; path < this.#open.length; path++) if (this.#open[path]) wire.hello(path, hello);
  }

  /** Ends the connection, if there is one, tells the peer, and looks for it anew. May be called by the listener. */
  restart(reason: "given up" | "failed" | "overrun", nowUs: number, wire: Wire): void {
    if (this.up) this.connection!.transmitClose(nowUs, wire.packet);
    if (this.connection !== null) this.#lose(reason, nowUs);
  }

  /** Ends the connection and tells the peer. The machine is of no more use. */
  close(nowUs: number, wire: Wire): void {
    if (this.up) this.connection!.transmitClose(nowUs, wire.packet);
    this.connection = null;
    this.up = false;
    this.#helloUs = Infinity;
  }
}
