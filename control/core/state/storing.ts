/**
 * What goes to the disk bit by bit, a piece in each turn of the thread: a catch-up that is in the table already, or the whole table after its
 * file was lost. Until all of it has been ordered, what stands on the disk is neither the old state nor the new one.
 */
import type { ReplicaPort } from "./replica_port.ts";
import type { GroupTable } from "./table.ts";

export class Storing {
  readonly #table: GroupTable;
  readonly #port: ReplicaPort;
  readonly #pieceBytes: number;
  readonly #done: () => void;
  #pieces: Uint8Array[] = [];
  /** The table's rows above this LSN, up to the other one, are still to be stored; null: it is not stored anew. What is written since goes by itself. */
  #above: number | null = null;
  #upTo = 0;
  /** Rows are out of the table that may come back. */
  #paused = false;
  #scheduled = false;

  /** @param done called when everything has been ordered */
  constructor(table: GroupTable, port: ReplicaPort, pieceBytes: number, done: () => void) {
    this.#table = table;
    this.#port = port;
    this.#pieceBytes = pieceBytes;
    this.#done = done;
  }

  get underWay(): boolean {
    return this.#pieces.length > 0 || this.#above !== null;
  }

  /** Packed rows, not to be changed. */
  add(pieces: readonly Uint8Array[]): void {
    for (const piece of pieces) this.#pieces.push(piece);
    this.#go();
  }

  /** The whole table, from its first row on. */
  storeAnew(): void {
    this.#pieces = [];
    this.#above = 0;
    this.#upTo = this.#table.lsn;
    this.#go();
  }

  /** The table was emptied: there is nothing left to be stored. */
  drop(): void {
    this.#pieces = [];
    this.#above = null;
  }

  /** What was to be stored is ordered now: something follows that must stand behind it. */
  hurry(): void {
    if (this.#pieces.length === 0) return;
    for (const piece of this.#pieces.splice(0)) this.#store(piece);
    if (!this.underWay) this.#done();
  }

  /** Rows are taken out of the table, and it is not known yet whether for good: reading it waits. */
  pause(paused: boolean): void {
    this.#paused = paused;
    // With those that have come back.
    this.#upTo = Math.max(this.#upTo, this.#table.lsn);
    this.#go();
  }

  #go(): void {
    if (this.#scheduled || (this.#pieces.length === 0 && (this.#above === null || this.#paused))) return;
    this.#scheduled = true;
    this.#port.later(() => {
      this.#scheduled = false;
      this.#step();
    });
  }

  #step(): void {
    const piece = this.#pieces.shift();
    if (piece !== undefined) this.#store(piece);
    else if (this.#above !== null && !this.#paused) this.#storeNext(this.#above);
    else return;
    if (this.underWay) this.#go();
    else this.#done();
  }

  #storeNext(above: number): void {
    const { piece, rows, upTo } = this.#table.packAbove(above, this.#pieceBytes, this.#upTo);
    this.#above = rows === 0 ? null : upTo;
    if (rows > 0) this.#store(piece);
  }

  #store(piece: Uint8Array): void {
    this.#port.store({ kind: "rows", piece, lsn: 0, urgent: false });
  }
}
