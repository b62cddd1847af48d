/**
 * One group's copy of the state on this node, and its conversation with the other copy (ARCHITECTURE.md, "State").
 *
 * The node that serves is the *source*: it tells what it has, finds the last LSN that both have in common, sends what the *follower* lacks and
 * then every write as it happens. While nobody serves, the newer copy is the source, so that whoever takes over has everything. A follower
 * applies a catch-up in one step when it is whole: at every moment its table is the source's at some LSN. Only a full copy, for a node whose
 * own rows are worth nothing, is applied as it comes (`copying`).
 *
 * Pure: it reads no clock and does no I/O; what is to be sent or stored goes through `ReplicaPort`, in order.
 */
import type { CopyMessage, CopyState } from "./messages.ts";
import { encodeRows, PIECE_BYTES } from "./packed.ts";
import { commonLsn, compareAge, type History, lastEpoch, type Reign, reignsUpTo, withReign } from "./reigns.ts";
import type { StateRow } from "./row.ts";
import type { GroupTable } from "./table.ts";

/** What must be on the disk, in this order. */
export type ReplicaChange =
  /** Packed rows; everything up to `lsn` is there with them (unless copying). */
  | { readonly kind: "rows"; readonly piece: Uint8Array<ArrayBuffer>; readonly lsn: number }
  | {
    readonly kind: "position";
    readonly lsn: number;
    readonly floor: number;
    readonly copying: boolean;
    readonly reigns: readonly Reign[];
  }
  | { readonly kind: "orphans"; readonly rows: readonly StateRow[]; readonly foundByEpoch: number }
  | { readonly kind: "forget"; readonly keys: readonly string[] }
  | { readonly kind: "clear" };

export interface ReplicaPort {
  send(channel: 0 | 1, message: CopyMessage): void;
  /** Whether more bulk may be sent just now; `pump` is called when there is room again. */
  bulkRoom(): boolean;
  store(change: ReplicaChange): void;
  /** The follower has told what it has, or where the two stand has changed. */
  changed(): void;
  event(level: "info" | "alarm", kind: string, text: string): void;
}

/** What a write sets a key to; null deletes it. */
export interface Write {
  readonly key: string;
  readonly value: Uint8Array | null;
}

interface Source {
  readonly sync: number;
  readonly upTo: number;
  cursor: number;
  stage: "offered" | "sending" | "sent" | "following";
  received: number;
  durable: number;
}

interface Follower {
  readonly sync: number;
  readonly upTo: number;
  readonly floor: number;
  readonly whole: boolean;
  reigns: readonly Reign[];
  following: boolean;
  /** What a catch-up brought, applied when it is whole. */
  readonly pieces: Uint8Array[];
  /** What was written meanwhile. */
  readonly live: Extract<CopyMessage, { kind: "rows" | "reign" }>[];
}

/** With more keys written alone than this, or longer ones, everything is copied anew. */
const ASKED_MAX = 20_000;
const ASKED_LENGTH_MAX = 1 << 20;
/** Rows set aside at a time. */
const ORPHANS_STEP = 1000;
const BULK = 1, URGENT = 0;

export class Replica {
  readonly group: number;
  readonly table: GroupTable;
  reigns: readonly Reign[];
  /** The table is part of a full copy that has not been finished: it is worth nothing. */
  copying: boolean;
  serving = false;
  /** Nothing is written any more until this node serves again. */
  sealed = false;
  /** What the old node of a switchover said: everything up to there is to be waited for. */
  lastWords: { readonly switchId: number; readonly lsn: number } | null = null;
  /** What the peer has, once it has said so in this connection. */
  peer: CopyState | null = null;
  #source: Source | null = null;
  #follower: Follower | null = null;
  #connected = false;
  #nextSync = 1;
  #ackDue = false;
  #durable = 0;
  readonly #port: ReplicaPort;
  readonly #pieceBytes: number;

  constructor(
    group: number,
    table: GroupTable,
    known: { readonly reigns: readonly Reign[]; readonly copying: boolean },
    port: ReplicaPort,
    pieceBytes: number = PIECE_BYTES,
  ) {
    this.#pieceBytes = pieceBytes;
    this.group = group;
    this.table = table;
    this.reigns = known.reigns;
    this.copying = known.copying;
    this.#durable = this.lsn;
    this.#port = port;
  }

  /** Last LSN up to which this copy has everything. */
  get lsn(): number {
    return this.copying ? 0 : this.table.lsn;
  }

  get history(): History {
    return this.copying ? { reigns: [], lsn: 0 } : { reigns: this.reigns, lsn: this.table.lsn };
  }

  /** The follower has everything and gets each write. */
  get followed(): boolean {
    return this.#source?.stage === "following";
  }

  /** A follower is being brought up to date. */
  get catchingUp(): boolean {
    return this.#source !== null && this.#source.stage !== "following";
  }

  /** Rows that it still lacks, about. */
  get backlog(): number {
    return this.#source === null ? 0 : Math.max(0, this.#source.upTo - this.#source.cursor);
  }

  get peerReceived(): number {
    return this.#source?.stage === "following" ? this.#source.received : 0;
  }

  get peerDurable(): number {
    return this.#source?.stage === "following" ? this.#source.durable : 0;
  }

  /** This copy follows the peer's and has everything that it has. */
  get following(): boolean {
    return this.#follower?.following ?? false;
  }

  /**
   * Whether this copy may be served as it is: it is whole, and where nobody serves no newer one is known. Null while the peer is
   * connected and has not told yet. A standby that is being brought up to date is fit: what it lacks was never acknowledged as replicated.
   */
  get fit(): boolean | null {
    if (this.copying) return false;
    if (this.serving || this.following) return true;
    if (!this.#connected) return true;
    if (this.peer === null) return null;
    return this.peer.serving || this.#age(this.peer) >= 0;
  }

  // ---- the connection

  connected(): void {
    this.#connected = true;
    this.#forgetPeer();
    this.#tell();
  }

  disconnected(): void {
    this.#connected = false;
    this.#forgetPeer();
    this.#port.changed();
  }

  #forgetPeer(): void {
    this.peer = null;
    this.#source = null;
    this.#follower = null;
    this.#ackDue = false;
  }

  #tell(): void {
    if (!this.#connected) return;
    const { reigns, lsn } = this.history;
    this.#port.send(URGENT, {
      kind: "state",
      group: this.group,
      serving: this.serving,
      lsn,
      floor: this.table.floor,
      copying: this.copying,
      reigns,
    });
  }

  /** False for a message that fits nothing: it is to be counted; what can be mended has been. */
  receive(message: CopyMessage): boolean {
    switch (message.kind) {
      case "state":
        return this.#heardState(message);
      case "sync":
        return this.#heardSync(message);
      case "ready":
        return this.#heardReady(message);
      case "rows":
      case "reign":
        return this.#heardLive(message);
      case "done":
        return this.#heardDone(message.sync);
      case "ack":
        return this.#heardAck(message);
      case "sealed":
        this.lastWords = { switchId: message.switchId, lsn: message.lsn };
        this.#port.changed();
        return true;
      default:
        return message satisfies never;
    }
  }

  // ---- roles

  /** This node serves from here on, in a new reign. */
  serve(epoch: number): void {
    const firstLsn = this.table.lsn + 1;
    if (this.copying) {
      // An operator's word: what there is counts.
      this.copying = false;
      this.#port.event("alarm", "state-part", "a copy that was not finished is served, by an operator's word");
    }
    const was = this.serving;
    this.serving = true;
    this.sealed = false;
    this.lastWords = null;
    this.#follower = null;
    this.reigns = withReign(this.reigns, { epoch, firstLsn });
    this.#storePosition();
    if (was && this.#source !== null) {
      const { sync } = this.#source;
      return this.#port.send(URGENT, { kind: "reign", group: this.group, sync, reign: { epoch, firstLsn } });
    }
    this.#source = null;
    this.#tell();
    this.#decide();
  }

  /** Another node serves, or nobody. */
  leave(): void {
    if (!this.serving) return;
    this.serving = false;
    this.#source = null;
    this.#tell();
    this.#port.changed();
  }

  /** The last words of an old node: the follower has everything when it has this. */
  seal(switchId: number): void {
    this.sealed = true;
    this.#port.send(URGENT, { kind: "sealed", group: this.group, switchId, lsn: this.table.lsn });
  }

  /** The switchover came to nothing. */
  unseal(): void {
    this.sealed = false;
  }

  // ---- writing

  /** Epoch of the reign that writes; 0 where this node does not serve. */
  get epoch(): number {
    return this.serving ? this.reigns.at(-1)!.epoch : 0;
  }

  /** Applies writes of the serving node, each with an LSN of its own; returns the last one. The caller has checked keys and sizes. */
  write(writes: readonly Write[]): number {
    if (!this.serving || this.sealed) {
      throw new RangeError(`write state of group ${this.group}: this copy is not written to`);
    }
    const { epoch } = this;
    const rows = writes.map(({ key, value }, i): StateRow => ({ key, value, epoch, lsn: this.table.lsn + 1 + i }));
    for (let from = 0; from < rows.length;) {
      const { bytes, next } = encodeRows(rows, from, this.#pieceBytes);
      const first = rows[from]!.lsn, last = rows[next - 1]!.lsn;
      this.table.applyPacked(bytes);
      if (this.#source !== null) {
        const { sync } = this.#source;
        this.#port.send(URGENT, { kind: "rows", group: this.group, sync, live: true, first, last, rows: bytes });
      }
      this.#port.store({ kind: "rows", piece: bytes, lsn: last });
      from = next;
    }
    return this.table.lsn;
  }

  // ---- source

  #heardState({ kind: _kind, group: _group, ...state }: Extract<CopyMessage, { kind: "state" }>): boolean {
    this.peer = state;
    // It has begun anew, or something has changed: so does this side.
    this.#source = null;
    if (state.serving && !this.serving) this.#follower = null;
    this.#decide();
    this.#port.changed();
    return true;
  }

  /** Above 0: this copy knows of later writes than the peer's. */
  #age(peer: CopyState): number {
    if (peer.copying !== this.copying) return peer.copying ? 1 : -1;
    return compareAge(this.history, peer);
  }

  #decide(): void {
    const peer = this.peer;
    if (peer === null || this.#source !== null || peer.serving) return;
    if (this.serving || (!this.copying && this.#age(peer) > 0)) this.#offer(peer);
  }

  #offer(peer: CopyState): void {
    const common = peer.copying ? 0 : commonLsn(this.history, peer);
    const upTo = this.table.lsn, sync = this.#nextSync++;
    this.#source = { sync, upTo, cursor: common, stage: "offered", received: 0, durable: 0 };
    const whole = peer.copying || common < this.table.floor;
    const { floor } = this.table, { group, reigns } = this;
    this.#port.send(URGENT, { kind: "sync", group, sync, common, whole, upTo, floor, reigns });
  }

  #heardReady({ sync, keys }: Extract<CopyMessage, { kind: "ready" }>): boolean {
    const source = this.#source;
    if (source === null || source.sync !== sync || source.stage !== "offered") return false;
    source.stage = "sending";
    // What has been written since the offer goes its own way, and its LSN must not be seen before those below it.
    const rows = keys.map((key) => this.table.get(key)).filter((row) =>
      row !== null && row.lsn <= source.upTo
    ) as StateRow[];
    for (let from = 0; from < rows.length;) {
      const { bytes, next } = encodeRows(rows, from, this.#pieceBytes);
      this.#sendBulk(source, bytes, rows[from]!.lsn, rows[next - 1]!.lsn);
      from = next;
    }
    this.pump();
    return true;
  }

  #sendBulk(source: Source, rows: Uint8Array, one: number, other: number): void {
    const first = Math.min(one, other), last = Math.max(one, other);
    this.#port.send(BULK, { kind: "rows", group: this.group, sync: source.sync, live: false, first, last, rows });
  }

  /** Sends what the follower lacks, as far as there is room. */
  pump(): void {
    const source = this.#source;
    if (source?.stage !== "sending") return;
    while (this.#port.bulkRoom()) {
      const { piece, rows, upTo } = source.cursor < source.upTo
        ? this.table.packAbove(source.cursor, this.#pieceBytes, source.upTo)
        : { piece: null, rows: 0, upTo: source.upTo };
      if (piece !== null && rows > 0) {
        this.#sendBulk(source, piece, source.cursor + 1, upTo);
        source.cursor = upTo;
        continue;
      }
      source.cursor = source.upTo;
      source.stage = "sent";
      return this.#port.send(BULK, { kind: "done", group: this.group, sync: source.sync });
    }
  }

  #heardAck({ sync, received, durable }: Extract<CopyMessage, { kind: "ack" }>): boolean {
    const source = this.#source;
    if (source === null || source.sync !== sync || received > this.table.lsn) return false;
    if (source.stage === "sent" && received >= source.upTo) source.stage = "following";
    source.received = Math.max(source.received, received);
    source.durable = Math.max(source.durable, Math.min(durable, received));
    this.#port.changed();
    return true;
  }

  // ---- follower

  #heardSync(message: Extract<CopyMessage, { kind: "sync" }>): boolean {
    if (this.serving) return false;
    const { sync, common, whole, upTo, floor, reigns } = message;
    if (common > this.lsn || common > upTo) {
      this.#startOver();
      return false;
    }
    this.#source = null;
    const keys = this.copying ? [] : this.#setAside(common, lastEpoch({ reigns, lsn: upTo }));
    if (whole || this.copying || keys === null) this.#startAnew();
    else if (keys.length > 0) this.#storePosition();
    if (this.copying && !whole) {
      // Its plan counted on rows that are no more: it shall make another one.
      this.#follower = null;
      this.#tell();
      return true;
    }
    this.#follower = { sync, upTo, floor, whole, reigns, following: false, pieces: [], live: [] };
    this.#port.send(URGENT, { kind: "ready", group: this.group, sync, keys: whole ? [] : keys ?? [] });
    this.#port.changed();
    return true;
  }

  /** Rows that the source does not have: kept apart. Their keys; null if they are too many to be asked for one by one. */
  #setAside(common: number, foundByEpoch: number): string[] | null {
    const keys: string[] = [];
    let count = 0, length = 0;
    for (;;) {
      const rows = this.table.takeAbove(common, ORPHANS_STEP);
      if (rows.length === 0) break;
      count += rows.length;
      this.#port.store({ kind: "orphans", rows, foundByEpoch });
      this.#port.store({ kind: "forget", keys: rows.map(({ key }) => key) });
      for (const { key } of rows) length += key.length;
      if (count <= ASKED_MAX && length <= ASKED_LENGTH_MAX) keys.push(...rows.map(({ key }) => key));
    }
    this.reigns = reignsUpTo(this.reigns, common);
    this.#durable = Math.min(this.#durable, common);
    if (count === 0) return keys;
    const text =
      `${count} writes that only this node had were set aside, as another node has reigned since: segue state orphans`;
    this.#port.event("alarm", "orphans", text);
    return keys.length === count ? keys : null;
  }

  /** The table is worth nothing from here on, until a copy is whole. */
  #startAnew(): void {
    this.table.clear();
    this.reigns = [];
    this.copying = true;
    this.#durable = 0;
    this.#port.store({ kind: "clear" });
    this.#storePosition();
  }

  #heardLive(message: Extract<CopyMessage, { kind: "rows" | "reign" }>): boolean {
    const follower = this.#follower;
    if (follower === null || follower.sync !== message.sync) return false;
    if (message.kind === "rows" && !message.live) return this.#heardBulk(follower, message);
    if (!follower.following) {
      follower.live.push(message);
      return true;
    }
    return this.#applyLive(message);
  }

  #heardBulk(follower: Follower, { rows }: Extract<CopyMessage, { kind: "rows" }>): boolean {
    if (follower.following) return false;
    if (!this.copying) {
      follower.pieces.push(rows);
      return true;
    }
    return this.#applyPiece(rows, 0);
  }

  /** A malformed piece from an authentic peer: its program is at fault; from the beginning. */
  #applyPiece(rows: Uint8Array, lsn: number): boolean {
    if (this.table.applyPacked(rows) === null) {
      this.#startOver();
      return false;
    }
    this.#port.store({ kind: "rows", piece: new Uint8Array(rows), lsn });
    return true;
  }

  #startOver(): void {
    this.#follower = null;
    this.#tell();
  }

  #applyLive(message: Extract<CopyMessage, { kind: "rows" | "reign" }>): boolean {
    if (message.kind === "reign") {
      this.reigns = withReign(this.reigns, message.reign);
      this.#storePosition();
      return true;
    }
    if (message.first !== this.table.lsn + 1) {
      this.#startOver();
      return false;
    }
    this.#ackDue = true;
    if (!this.#applyPiece(message.rows, message.last)) return false;
    this.table.restore(0, message.last);
    return true;
  }

  #heardDone(sync: number): boolean {
    const follower = this.#follower;
    if (follower === null || follower.sync !== sync || follower.following) return false;
    if (!this.copying && follower.pieces.length > 0) {
      // Until the last piece is on the disk, what stands there is neither the old state nor the new one.
      this.#port.store({ kind: "position", lsn: 0, floor: 0, copying: true, reigns: [] });
    }
    for (const piece of follower.pieces.splice(0)) if (!this.#applyPiece(piece, 0)) return false;
    this.copying = false;
    this.reigns = follower.reigns;
    this.table.restore(follower.floor, follower.upTo);
    follower.following = true;
    this.#storePosition();
    this.#ackDue = true;
    for (const message of follower.live.splice(0)) if (!this.#applyLive(message)) return false;
    this.#port.changed();
    return true;
  }

  /** Everything up to this LSN is on this node's disk. */
  durable(lsn: number): void {
    if (lsn <= this.#durable) return;
    this.#durable = Math.min(lsn, this.lsn);
    if (this.following) this.#ackDue = true;
  }

  get durableLsn(): number {
    return this.#durable;
  }

  /** Tells the source what has come; once for all that came together. */
  flushAck(): void {
    if (!this.#ackDue || this.#follower === null) return;
    this.#ackDue = false;
    const { sync } = this.#follower;
    const durable = Math.min(this.#durable, this.lsn);
    this.#port.send(URGENT, { kind: "ack", group: this.group, sync, received: this.lsn, durable });
  }

  #storePosition(): void {
    const { reigns, lsn } = this.history;
    this.#port.store({ kind: "position", lsn, floor: this.table.floor, copying: this.copying, reigns });
  }
}
