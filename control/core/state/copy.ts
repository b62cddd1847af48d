/** One group's copy of the state: its table, the reigns that wrote it, and how far it is on the disk. Source and follower work on it. */
import { type History, type Reign, reignsUpTo, withReign } from "./reigns.ts";
import type { ReplicaPort } from "./replica_port.ts";
import type { StateRow } from "./row.ts";
import { Storing } from "./storing.ts";
import type { GroupTable } from "./table.ts";

const TAKE_STEP = 1000;
/** Of a table on the disk of which a part is missing. */
const TORN = { lsn: 0, floor: 0, copying: true } as const;

/** What the disk says of a copy besides its rows, which are in the table. */
export interface Known {
  /** Up to here nothing is missing. */
  readonly lsn: number;
  readonly reigns: readonly Reign[];
  readonly copying: boolean;
}

export class Copy {
  readonly group: number;
  readonly table: GroupTable;
  /** The table is part of a full copy that has not been finished: it is worth nothing. */
  copying: boolean;
  #reigns: readonly Reign[];
  /** What the disk claims, where it has later rows but perhaps not all of them; null: the table is without gaps. */
  #claimed: number | null;
  #durable: number;
  /** Grows whenever rows are taken out: what the disk says of an earlier lineage says nothing of the rows that came in their place. */
  lineage = 0;
  readonly #port: ReplicaPort;
  readonly #storing: Storing;

  constructor(
    group: number,
    table: GroupTable,
    known: Known,
    port: ReplicaPort,
    pieceBytes: number,
  ) {
    this.group = group;
    this.table = table;
    this.copying = known.copying;
    this.#reigns = known.reigns;
    this.#claimed = table.lsn > known.lsn ? known.lsn : null;
    this.#port = port;
    this.#durable = this.lsn;
    this.#storing = new Storing(table, port, pieceBytes, () => this.storePosition());
  }

  /** Last LSN up to which this copy has everything. */
  get lsn(): number {
    return this.copying ? 0 : this.#claimed ?? this.table.lsn;
  }

  get reigns(): readonly Reign[] {
    return this.#reigns;
  }

  get history(): History {
    return this.copying ? { reigns: [], lsn: 0 } : { reigns: this.#reigns, lsn: this.lsn };
  }

  /** Everything up to this LSN is on this node's disk. */
  get durableLsn(): number {
    return Math.min(this.#durable, this.lsn);
  }

  /** The disk has told of what was stored in a lineage; true if it is news. */
  noteDurable(lsn: number, lineage: number): boolean {
    if (lsn <= this.#durable || lineage !== this.lineage) return false;
    this.#durable = lsn;
    return true;
  }

  /** What is there counts, gaps or not: this node writes on. */
  begin(epoch: number): Reign {
    this.copying = false;
    this.#claimed = null;
    const reign = { epoch, firstLsn: this.table.lsn + 1 };
    this.addReign(reign);
    return reign;
  }

  addReign(reign: Reign): void {
    this.#reigns = withReign(this.#reigns, reign);
    this.storePosition();
  }

  /**
   * Takes the rows above an LSN out of the table, and what was said of them; the disk keeps them until there is something in their place.
   * Returns what puts everything back.
   */
  cutOff(lsn: number): { readonly rows: readonly StateRow[]; readonly undo: () => void } {
    const rows: StateRow[] = [];
    this.#storing.hurry();
    this.#storing.pause(true);
    for (
      let taken = this.table.takeAbove(lsn, TAKE_STEP);
      taken.length > 0;
      taken = this.table.takeAbove(lsn, TAKE_STEP)
    ) {
      rows.push(...taken);
    }
    const before = { reigns: this.#reigns, claimed: this.#claimed, durable: this.#durable };
    this.#claimed = null;
    this.lineage++;
    this.#reigns = reignsUpTo(this.#reigns, lsn);
    this.#durable = Math.min(this.#durable, lsn);
    const undo = () => {
      for (const row of rows) this.table.apply(row);
      this.#reigns = before.reigns;
      this.#claimed = before.claimed;
      this.#durable = before.durable;
      this.#storing.pause(false);
    };
    return { rows, undo };
  }

  /** Rows above this LSN are about to be applied in no order: until `finish`, the copy claims no more than this. */
  holdAt(lsn: number): void {
    this.#claimed = lsn;
  }

  /** The table is worth nothing from here on, until a full copy is whole. */
  startAnew(): void {
    this.table.clear();
    this.#storing.drop();
    this.#storing.pause(false);
    this.lineage++;
    this.#reigns = [];
    this.#claimed = null;
    this.copying = true;
    this.#durable = 0;
    this.#port.store({ kind: "clear" });
    this.storePosition();
  }

  /** A catch-up or a full copy is whole. */
  finish(reigns: readonly Reign[], floor: number, lsn: number): void {
    this.copying = false;
    this.#claimed = null;
    this.#reigns = reigns;
    this.table.restore(floor, lsn);
    this.#storing.pause(false);
    this.storePosition();
  }

  /**
   * Rows that the table has already go to the disk bit by bit, in place of what stood there: until then that is worth nothing.
   * @param before orders what must stand before them
   */
  storeSlowly(pieces: readonly Uint8Array[], before: () => void): void {
    this.#port.store({ kind: "position", ...TORN, reigns: [] });
    before();
    this.#storing.add(pieces);
  }

  /** The file was lost: all that is in memory goes into the new one. */
  storeAnew(): void {
    this.lineage++;
    this.#durable = 0;
    this.#port.store({ kind: "clear" });
    this.#storing.storeAnew();
    this.storePosition();
  }

  /** Applies packed rows and has them stored; false if they are malformed, and then nothing has happened. */
  applyPiece(rows: Uint8Array, lsn: number, urgent: boolean): boolean {
    if (this.table.applyPacked(rows) === null) return false;
    this.#port.store({ kind: "rows", piece: rows, lsn, urgent });
    return true;
  }

  /** What the disk may claim with all that was ordered so far. */
  get storedPosition(): Pick<Known, "lsn" | "copying"> & { readonly floor: number } {
    if (this.#storing.underWay) return TORN;
    return { lsn: this.history.lsn, floor: this.table.floor, copying: this.copying };
  }

  storePosition(): void {
    const { reigns } = this.history;
    this.#port.store({ kind: "position", ...this.storedPosition, reigns });
  }
}
