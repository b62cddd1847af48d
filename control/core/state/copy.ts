/** One group's copy of the state: its table, the reigns that wrote it, and how far it is on the disk. Source and follower work on it. */
import { type History, type Reign, reignsUpTo, withReign } from "./reigns.ts";
import type { ReplicaPort } from "./replica_port.ts";
import type { GroupTable } from "./table.ts";

export class Copy {
  readonly group: number;
  readonly table: GroupTable;
  /** The table is part of a full copy that has not been finished: it is worth nothing. */
  copying: boolean;
  #reigns: readonly Reign[];
  #durable: number;
  readonly #port: ReplicaPort;

  constructor(
    group: number,
    table: GroupTable,
    known: { readonly reigns: readonly Reign[]; readonly copying: boolean },
    port: ReplicaPort,
  ) {
    this.group = group;
    this.table = table;
    this.copying = known.copying;
    this.#reigns = known.reigns;
    this.#port = port;
    this.#durable = this.lsn;
  }

  /** Last LSN up to which this copy has everything. */
  get lsn(): number {
    return this.copying ? 0 : this.table.lsn;
  }

  get reigns(): readonly Reign[] {
    return this.#reigns;
  }

  get history(): History {
    return this.copying ? { reigns: [], lsn: 0 } : { reigns: this.#reigns, lsn: this.table.lsn };
  }

  /** Everything up to this LSN is on this node's disk. */
  get durableLsn(): number {
    return Math.min(this.#durable, this.lsn);
  }

  /** The disk has told; true if it is news. */
  noteDurable(lsn: number): boolean {
    if (lsn <= this.#durable) return false;
    this.#durable = lsn;
    return true;
  }

  addReign(reign: Reign): void {
    this.#reigns = withReign(this.#reigns, reign);
    this.storePosition();
  }

  /** Rows above this LSN have been taken out: what was said of them counts no more. */
  cutOff(lsn: number): void {
    this.#reigns = reignsUpTo(this.#reigns, lsn);
    this.#durable = Math.min(this.#durable, lsn);
    this.storePosition();
  }

  /** The table is worth nothing from here on, until a full copy is whole. */
  startAnew(): void {
    this.table.clear();
    this.#reigns = [];
    this.copying = true;
    this.#durable = 0;
    this.#port.store({ kind: "clear" });
    this.storePosition();
  }

  /** A catch-up or a full copy is whole. */
  finish(reigns: readonly Reign[], floor: number, lsn: number): void {
    this.copying = false;
    this.#reigns = reigns;
    this.table.restore(floor, lsn);
    this.storePosition();
  }

  /** Applies packed rows and has them stored; false if they are malformed, and then nothing has happened. */
  applyPiece(rows: Uint8Array, lsn: number, urgent: boolean): boolean {
    if (this.table.applyPacked(rows) === null) return false;
    this.#port.store({ kind: "rows", piece: new Uint8Array(rows), lsn, urgent });
    return true;
  }

  storePosition(): void {
    const { reigns, lsn } = this.history;
    this.#port.store({ kind: "position", lsn, floor: this.table.floor, copying: this.copying, reigns });
  }
}
