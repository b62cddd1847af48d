/**
 * The side that sends: tells the follower what both have in common, gives it what it lacks in order of LSN, then what was written meanwhile,
 * and from then on every write as it happens.
 *
 * What is written while the catch-up goes on waits in the table: a key that is written ten times goes once, nothing piles up on either side, and
 * no writer waits for a follower that is not there yet. It is the same to the follower as live rows that come late.
 */
import type { Copy } from "./copy.ts";
import type { CopyMessage, CopyState } from "./messages.ts";
import { encodeRows } from "./packed.ts";
import { commonLsn, type Reign } from "./reigns.ts";
import { BULK, type ReplicaPort, URGENT } from "./replica_port.ts";
import type { StateRow } from "./row.ts";

/** `sending`: rows up to the offer's LSN; `closing`: what was written since; `sent`: every write, as it happens. */
type Stage = "offered" | "sending" | "closing" | "sent" | "following";

/** With more rows to send than this, there is no sense in waiting for the end. */
const LONG_ROWS = 10_000;
/** So often what was written while the last of the rows left is sent too, before the writers are slowed down. */
const ROUNDS_MAX = 8;

export class SourceSide {
  readonly sync: number;
  stage: Stage = "offered";
  /** It takes a while until the follower has everything. */
  long: boolean;
  /** What the follower has: in memory, and on its disk. */
  received = 0;
  durable = 0;
  readonly #copy: Copy;
  readonly #port: ReplicaPort;
  readonly #pieceBytes: number;
  readonly #upTo: number;
  /** With everything up to here the follower has what was left out before, as it had been written again. */
  #wholeLsn = 0;
  #cursor: number;
  /** Rounds of `closing`, and where the present one has begun and ends. */
  #rounds = 0;
  #roundBegin = 0;
  #roundEnd = 0;
  #scheduled = false;
  #over = false;

  /** Makes the offer. @param sync number of this synchronisation, new each time */
  constructor(copy: Copy, peer: CopyState, sync: number, port: ReplicaPort, pieceBytes: number) {
    this.#copy = copy;
    this.#port = port;
    this.#pieceBytes = pieceBytes;
    this.sync = sync;
    this.#upTo = copy.table.lsn;
    this.#cursor = peer.copying ? 0 : commonLsn(copy.history, peer);
    const { group, reigns, table } = copy, { floor } = table, common = this.#cursor;
    const whole = peer.copying || common < floor;
    this.long = Math.min(this.backlog, table.keys + table.tombstones) > LONG_ROWS;
    port.send(URGENT, { kind: "sync", group, sync, common, whole, upTo: this.#upTo, floor, reigns });
  }

  /** LSNs that the catch-up has still to go through. */
  get backlog(): number {
    return Math.max(0, this.#upTo - this.#cursor);
  }

  /** The follower gets each write as it happens. */
  get live(): boolean {
    return this.stage === "sent" || this.stage === "following";
  }

  /** About as much is written as can be sent: it has no end unless the writers are slowed down. */
  get outrun(): boolean {
    return this.stage === "closing" && this.#rounds >= ROUNDS_MAX;
  }

  /** The follower is ready, and asks for keys that it had written otherwise. */
  begin(keys: readonly string[]): boolean {
    if (this.stage !== "offered") return false;
    this.stage = "sending";
    const rows = keys.map((key) => this.#copy.table.get(key))
      .filter((row): row is StateRow => row !== null && row.lsn <= this.#upTo);
    for (let from = 0; from < rows.length;) {
      const { bytes, next } = encodeRows(rows, from, this.#pieceBytes);
      this.#sendRows(BULK, bytes);
      from = next;
    }
    this.pump();
    return true;
  }

  /** Nothing more of it is sent. */
  abandon(): void {
    this.#over = true;
  }

  /** Sends what the follower lacks, as far as there is room, and one piece in a turn. */
  pump(): void {
    if (this.#scheduled || this.#over) return;
    for (let total = 0; total < this.#pieceBytes / 2;) {
      const sent = this.stage === "sending" ? this.#sendBulk() : this.stage === "closing" ? this.#sendLate() : 0;
      if (sent === 0) return;
      total += sent;
    }
    this.#scheduled = true;
    this.#port.later(() => {
      this.#scheduled = false;
      this.pump();
    });
  }

  /** Bytes that were sent; 0: there is no room for more just now. */
  #sendBulk(): number {
    if (!this.#port.room(BULK)) {
      this.long = true;
      return 0;
    }
    const { piece, rows, upTo } = this.#copy.table.packAbove(this.#cursor, this.#pieceBytes, this.#upTo);
    if (rows > 0) this.#sendRows(BULK, piece);
    this.#cursor = rows > 0 ? upTo : this.#upTo;
    if (rows === 0) this.#close();
    return piece.length;
  }

  #close(): void {
    this.stage = "closing";
    this.#roundBegin = this.#cursor;
    this.#roundEnd = this.#copy.table.lsn;
  }

  /** The same for what was written since the offer. The last one is followed by the word that this was all. */
  #sendLate(): number {
    const { table, group } = this.#copy;
    if (this.#cursor >= table.lsn) {
      this.stage = "sent";
      this.#wholeLsn = table.lsn;
      this.#port.send(BULK, { kind: "done", group, sync: this.sync, lsn: this.#wholeLsn });
      return 0;
    }
    if (!this.#port.room(URGENT)) return 0;
    const { piece, rows, upTo } = table.packAbove(this.#cursor, this.#pieceBytes);
    const first = this.#cursor + 1;
    // The last rows may have been forgotten since; their numbers are gone through all the same.
    this.#cursor = rows > 0 ? upTo : table.lsn;
    this.#sendRows(URGENT, piece, { live: true, first, last: this.#cursor });
    if (this.#cursor >= this.#roundEnd) this.#nextRound();
    return piece.length;
  }

  #nextRound(): void {
    const length = this.#roundEnd - this.#roundBegin;
    this.#roundBegin = this.#roundEnd;
    this.#roundEnd = this.#copy.table.lsn;
    // One that is longer than the one before is the beginning of ever longer ones.
    this.#rounds += this.#roundEnd - this.#roundBegin > length ? ROUNDS_MAX : 1;
  }

  /** Rows that have just been written, `first` to `last`; `more` of the same write follow. */
  sendLive(rows: Uint8Array, first: number, last: number, urgent: boolean, more: boolean): void {
    if (this.live) this.#sendRows(URGENT, rows, { live: true, first, last, urgent, more });
  }

  #sendRows(
    channel: 0 | 1,
    rows: Uint8Array,
    { live = false, first = 0, last = 0, urgent = false, more = false } = {},
  ): void {
    const { sync } = this, { group } = this.#copy;
    this.#port.send(channel, { kind: "rows", group, sync, live, urgent, more, first, last, rows });
  }

  sendReign(reign: Reign): void {
    this.#port.send(URGENT, { kind: "reign", group: this.#copy.group, sync: this.sync, reign });
  }

  acknowledged({ received, durable }: Extract<CopyMessage, { kind: "ack" }>): boolean {
    if (received > this.#copy.table.lsn) return false;
    if (this.stage === "sent" && received >= this.#wholeLsn) this.stage = "following";
    this.received = Math.max(this.received, received);
    this.durable = Math.max(this.durable, Math.min(durable, received));
    this.#port.changed();
    return true;
  }
}
