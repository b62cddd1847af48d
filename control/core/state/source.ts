/**
 * The side that sends: tells the follower what both have in common, gives it what it lacks in order of LSN, and every write as it
 * happens. A row that is written meanwhile goes with the live ones alone: the catch-up never runs ahead of them.
 */
import type { Copy } from "./copy.ts";
import type { CopyMessage, CopyState } from "./messages.ts";
import { encodeRows } from "./packed.ts";
import { commonLsn, type Reign } from "./reigns.ts";
import { BULK, type ReplicaPort, URGENT } from "./replica_port.ts";
import type { StateRow } from "./row.ts";

type Stage = "offered" | "sending" | "sent" | "following";

export class SourceSide {
  readonly sync: number;
  stage: Stage = "offered";
  /** What the follower has: in memory, and on its disk. */
  received = 0;
  durable = 0;
  readonly #copy: Copy;
  readonly #port: ReplicaPort;
  readonly #pieceBytes: number;
  readonly #upTo: number;
  /** With everything up to here the follower has what was left out of the catch-up, as it had been written again. */
  #wholeLsn = 0;
  #cursor: number;

  /** Makes the offer. @param sync number of this synchronisation, new each time */
  constructor(copy: Copy, peer: CopyState, sync: number, port: ReplicaPort, pieceBytes: number) {
    this.#copy = copy;
    this.#port = port;
    this.#pieceBytes = pieceBytes;
    this.sync = sync;
    this.#upTo = copy.table.lsn;
    this.#cursor = peer.copying ? 0 : commonLsn(copy.history, peer);
    const { group, reigns } = copy, { floor } = copy.table, common = this.#cursor;
    const whole = peer.copying || common < floor;
    port.send(URGENT, { kind: "sync", group, sync, common, whole, upTo: this.#upTo, floor, reigns });
  }

  /** LSNs that the catch-up has still to go through. */
  get backlog(): number {
    return Math.max(0, this.#upTo - this.#cursor);
  }

  /** The follower is ready, and asks for keys that it had written otherwise. */
  begin(keys: readonly string[]): boolean {
    if (this.stage !== "offered") return false;
    this.stage = "sending";
    const rows = keys.map((key) => this.#copy.table.get(key))
      .filter((row): row is StateRow => row !== null && row.lsn <= this.#upTo);
    for (let from = 0; from < rows.length;) {
      const { bytes, next } = encodeRows(rows, from, this.#pieceBytes);
      this.#sendBulk(bytes);
      from = next;
    }
    this.pump();
    return true;
  }

  /** Sends what the follower lacks, as far as there is room. */
  pump(): void {
    while (this.stage === "sending" && this.#port.bulkRoom()) {
      const { piece, rows, upTo } = this.#copy.table.packAbove(this.#cursor, this.#pieceBytes, this.#upTo);
      if (rows > 0) {
        this.#sendBulk(piece);
        this.#cursor = upTo;
        continue;
      }
      this.#cursor = this.#upTo;
      this.stage = "sent";
      this.#wholeLsn = this.#copy.table.lsn;
      this.#port.send(BULK, { kind: "done", group: this.#copy.group, sync: this.sync, lsn: this.#wholeLsn });
    }
  }

  #sendBulk(rows: Uint8Array): void {
    const { sync } = this;
    this.#port.send(BULK, {
      kind: "rows",
      group: this.#copy.group,
      sync,
      live: false,
      urgent: false,
      first: 0,
      last: 0,
      rows,
    });
  }

  /** Rows that have just been written, `first` to `last`. */
  sendLive(rows: Uint8Array, first: number, last: number, urgent: boolean): void {
    const { sync } = this;
    this.#port.send(URGENT, { kind: "rows", group: this.#copy.group, sync, live: true, urgent, first, last, rows });
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
