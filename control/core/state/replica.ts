/**
 * One group's state on this node, and its conversation with the other copy (ARCHITECTURE.md, "State").
 *
 * The node that serves is the *source*: it tells what it has, finds the last LSN that both have in common, sends what the *follower* lacks
 * and then every write as it happens. While nobody serves, the newer copy is the source, so that whoever takes over has everything.
 *
 * Pure: it reads no clock and does no I/O; what is to be sent or stored goes through `ReplicaPort`, in order.
 */
import { Copy, type Known } from "./copy.ts";
import { accept, type FollowerSide } from "./follower.ts";
import type { CopyMessage, CopyState } from "./messages.ts";
import { encodeRows, PIECE_BYTES } from "./packed.ts";
import { compareAge, type History } from "./reigns.ts";
import { type ReplicaPort, URGENT } from "./replica_port.ts";
import type { StateRow } from "./row.ts";
import { SourceSide } from "./source.ts";
import type { GroupTable } from "./table.ts";

/**
 * A catch-up goes in pieces of this size, about a thousand small rows: where they are applied nothing of the peer is heard meanwhile, and a machine
 * with ten times as much to do as it can takes ten times as long.
 */
const CATCH_UP_BYTES = 64 * 1024;

/** What a write sets a key to; null deletes it. */
export interface Write {
  readonly key: string;
  readonly value: Uint8Array | null;
}

export class Replica {
  readonly group: number;
  readonly table: GroupTable;
  serving = false;
  /** Nothing is written any more until this node serves again. */
  sealed = false;
  /** What the old node of a switchover said: everything up to there is to be waited for. */
  lastWords: { readonly switchId: number; readonly lsn: number } | null = null;
  /** What the peer has, once it has said so in this connection. */
  peer: CopyState | null = null;
  readonly #copy: Copy;
  #source: SourceSide | null = null;
  #follower: FollowerSide | null = null;
  #connected = false;
  /** In this run it has been what was served. */
  #caughtUp = false;
  #nextSync = 1;
  readonly #port: ReplicaPort;
  readonly #pieceBytes: number;
  readonly #catchUpBytes: number;

  constructor(
    group: number,
    table: GroupTable,
    known: Known,
    port: ReplicaPort,
    pieceBytes: number = PIECE_BYTES,
  ) {
    this.group = group;
    this.table = table;
    this.#pieceBytes = pieceBytes;
    this.#catchUpBytes = Math.min(pieceBytes, CATCH_UP_BYTES);
    this.#copy = new Copy(group, table, known, port, this.#catchUpBytes);
    this.#port = port;
  }

  /** Last LSN up to which this copy has everything. */
  get lsn(): number {
    return this.#copy.lsn;
  }

  get history(): History {
    return this.#copy.history;
  }

  get copying(): boolean {
    return this.#copy.copying;
  }

  get durableLsn(): number {
    return this.#copy.durableLsn;
  }

  /** Names what is stored now: `durable` wants it back. */
  get lineage(): number {
    return this.#copy.lineage;
  }

  /** Epoch of the reign that writes; 0 where this node does not serve. */
  get epoch(): number {
    return this.serving ? this.#copy.reigns.at(-1)!.epoch : 0;
  }

  /** Epoch of the last reign that this copy knows of, 0 for none. */
  get lastReign(): number {
    return this.#copy.reigns.at(-1)?.epoch ?? 0;
  }

  /** The follower has everything and gets each write. */
  get followed(): boolean {
    return this.#source?.stage === "following";
  }

  /** LSNs that a follower that is being brought up to date still lacks, about; null where none is. */
  get backlog(): number | null {
    return this.#source === null || this.followed ? null : this.#source.backlog;
  }

  /** It takes a while until the follower has everything: no write should wait for that. */
  get catchUpIsLong(): boolean {
    return !this.followed && (this.#source?.long ?? false);
  }

  /** A follower cannot be brought up to date because more is written meanwhile than can be sent to it. */
  get outrun(): boolean {
    return this.#source?.outrun ?? false;
  }

  /** What the disk may claim with all that was ordered so far. */
  get storedPosition(): Copy["storedPosition"] {
    return this.#copy.storedPosition;
  }

  get peerReceived(): number {
    return this.followed ? this.#source!.received : 0;
  }

  get peerDurable(): number {
    return this.followed ? this.#source!.durable : 0;
  }

  /** This copy follows the peer's and has everything that it has. */
  get following(): boolean {
    return this.#follower?.following ?? false;
  }

  /**
   * Whether this copy may be served as it is: it is whole, and no newer one is known. Null while the peer is connected and has not told yet.
   * A standby that has once caught up in this run and is being brought up to date again is fit: what it lacks was never acknowledged as
   * replicated. One that has started since may have lost what was.
   */
  get fit(): boolean | null {
    if (this.copying) return false;
    if (this.serving || this.following || !this.#connected) return true;
    if (this.peer === null) return null;
    return (this.peer.serving && this.#caughtUp) || this.#age(this.peer) >= 0;
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
    this.#leaveSource();
    this.#leaveFollower();
  }

  #leaveSource(): void {
    this.#source?.abandon();
    this.#source = null;
  }

  #leaveFollower(): void {
    this.#caughtUp ||= this.following;
    this.#follower?.abandon();
    this.#follower = null;
  }

  #tell(): void {
    if (!this.#connected) return;
    const { reigns, lsn } = this.history, { group, serving, copying } = this;
    this.#port.send(URGENT, { kind: "state", group, serving, lsn, floor: this.table.floor, copying, reigns });
  }

  /** False for a message that fits nothing: it is to be counted; what can be mended is. */
  receive(message: CopyMessage): boolean {
    switch (message.kind) {
      case "state":
        return this.#heardState(message);
      case "sync":
        return this.#heardSync(message);
      case "ready":
        return this.#sourceOf(message.sync)?.begin(message.keys) ?? false;
      case "ack":
        return this.#sourceOf(message.sync)?.acknowledged(message) ?? false;
      case "rows":
      case "reign":
        return this.#followed(message.sync, (follower) => follower.receive(message));
      case "done":
        return this.#followed(message.sync, (follower) => follower.done(message.lsn));
      case "sealed":
        this.lastWords = { switchId: message.switchId, lsn: message.lsn };
        this.#port.changed();
        return true;
      default:
        return message satisfies never;
    }
  }

  #sourceOf(sync: number): SourceSide | null {
    return this.#source?.sync === sync ? this.#source : null;
  }

  /** What a follower cannot use means that something is missing: from the beginning. */
  #followed(sync: number, act: (follower: FollowerSide) => boolean): boolean {
    const follower = this.#follower;
    if (follower?.sync !== sync) return false;
    const fits = act(follower);
    if (!fits) this.#startOver();
    return fits;
  }

  #startOver(): void {
    this.#leaveFollower();
    this.#tell();
  }

  // ---- roles

  /** This node serves from here on, in a new reign. */
  serve(epoch: number): void {
    if (this.copying) {
      // By an operator's word.
      this.#port.event(
        "alarm",
        "state-part",
        "a copy of the state that was not finished is served, by an operator's word",
      );
    }
    this.#caughtUp = true;
    // One that is not at its end is made anew: its offer does not know of this reign.
    const goesOn = this.serving && (this.#source?.live ?? false);
    this.serving = true;
    this.sealed = false;
    this.lastWords = null;
    this.#leaveFollower();
    const reign = this.#copy.begin(epoch);
    if (goesOn) return this.#source!.sendReign(reign);
    this.#leaveSource();
    this.#tell();
    this.#decide();
  }

  /** Another node serves, or nobody. */
  leave(): void {
    if (!this.serving) return;
    this.serving = false;
    this.#leaveSource();
    this.#tell();
    this.#port.changed();
  }

  /** The last words of an old node: the follower has everything when it has what came before this. */
  seal(switchId: number): void {
    this.sealed = true;
    this.#port.send(URGENT, { kind: "sealed", group: this.group, switchId, lsn: this.table.lsn });
  }

  /** The switchover came to nothing. */
  unseal(): void {
    this.sealed = false;
  }

  // ---- source

  /** Applies writes of the serving node, each with an LSN of its own; returns the last one. The caller has checked keys and sizes. */
  write(writes: readonly Write[], urgent = false): number {
    if (!this.serving || this.sealed) {
      throw new RangeError(`write state of group ${this.group}: this copy takes no writes`);
    }
    const { epoch } = this, above = this.table.lsn + 1;
    const rows = writes.map(({ key, value }, i): StateRow => ({ key, value, epoch, lsn: above + i }));
    for (let from = 0; from < rows.length;) {
      const { bytes, next } = encodeRows(rows, from, this.#pieceBytes);
      const last = rows[next - 1]!.lsn;
      this.table.applyPacked(bytes);
      this.#source?.sendLive(bytes, rows[from]!.lsn, last, urgent, next < rows.length);
      this.#port.store({ kind: "rows", piece: bytes, lsn: last, urgent });
      from = next;
    }
    return this.table.lsn;
  }

  /** Goes on sending what the follower lacks, when there is room. */
  pump(): void {
    this.#source?.pump();
  }

  #heardState({ kind: _kind, group: _group, ...state }: Extract<CopyMessage, { kind: "state" }>): boolean {
    this.peer = state;
    // It has begun anew, or something has changed: so does this side. What it had offered it does not go on with.
    this.#leaveSource();
    this.#leaveFollower();
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
    if (!this.serving && (this.copying || this.#age(peer) <= 0)) return;
    this.#source = new SourceSide(this.#copy, peer, this.#nextSync++, this.#port, this.#catchUpBytes);
  }

  // ---- follower

  #heardSync(offer: Extract<CopyMessage, { kind: "sync" }>): boolean {
    if (this.serving) return false;
    this.#leaveSource();
    this.#leaveFollower();
    const follower = accept(this.#copy, offer, this.#port, () => {
      if (this.#follower === follower) this.#startOver();
    });
    this.#follower = follower;
    if (this.#follower === null) this.#tell();
    this.#port.changed();
    return true;
  }

  /** Everything up to this LSN is on this node's disk, as it was stored in this lineage. */
  durable(lsn: number, lineage: number): void {
    if (!this.#copy.noteDurable(lsn, lineage)) return;
    this.#follower?.noteDurable();
    if (this.serving) this.#port.changed();
  }

  /** Forgets the oldest deletions but `keep`; a copy that knows only what was before those gets all rows. */
  compact(keep: number): void {
    if (this.table.compact(keep) > 0) this.#copy.storePosition();
  }

  /** The file was lost: everything in memory is written anew, bit by bit. */
  storeAnew(): void {
    this.#copy.storeAnew();
  }

  /** Tells the source what has come; once for all that came together. */
  flushAck(): void {
    this.#follower?.flushAck();
  }
}
