/**
 * Changes of one group that wait, made one: the last version of each key, the last position, the last list of reigns.
 * However long the disk refuses, it holds each key once, in a table like the group's own. Pure.
 */
import { PIECE_BYTES } from "../core/state/packed.ts";
import { GroupTable } from "../core/state/table.ts";
import type { Position, Reign, StateChange } from "./state_change.ts";

/** Orphans cannot be made one: more than this many bytes of them do not wait. */
const ORPHAN_BYTES_MAX = 64 * 1024 * 1024;
const TAKE_ROWS = 1000;

export type OrphanPiece = Extract<StateChange, { kind: "orphans" }>;

/** To be done in the order of these fields. */
export class StateBatch {
  readonly group: string;
  cleared = false;
  /** Rows above this LSN go, if it is not null. */
  forgetAbove: number | null = null;
  /** Then these keys. */
  readonly forgotten = new Set<string>();
  /** Then these rows come. */
  readonly rows = new GroupTable(false);
  readonly orphans: OrphanPiece[] = [];
  reigns: readonly Reign[] | null = null;
  position: Position | null = null;
  #orphanBytes = 0;
  /** Pieces that were left out: malformed, or orphans for which there was no room. */
  dropped = 0;

  constructor(group: string) {
    this.group = group;
  }

  /** Rows that wait. */
  get waiting(): number {
    return this.rows.keys + this.rows.tombstones;
  }

  add(change: StateChange): void {
    switch (change.kind) {
      case "rows":
        if (this.rows.applyPacked(change.packed) === null) this.dropped++;
        break;
      case "forget":
        for (const key of change.keys) this.#forget(key);
        break;
      case "forgetAbove":
        this.#forgetAbove(change.lsn);
        break;
      case "reigns":
        this.reigns = change.reigns;
        break;
      case "position":
        this.position = { floor: change.floor, lsn: change.lsn, copying: change.copying };
        break;
      case "orphans":
        this.#addOrphans(change);
        break;
      case "clear":
        this.#clear();
        break;
      default:
        change satisfies never;
    }
  }

  /** Part of what was there goes: until all that takes its place is written, the table is neither the old nor the new one. */
  get takesAway(): boolean {
    return this.cleared || this.forgetAbove !== null || this.forgotten.size > 0;
  }

  /** The same as changes: what another batch, or the same one elsewhere, can be told, also bit by bit. */
  *changes(): Generator<StateChange> {
    const { group } = this;
    if (this.cleared) yield { kind: "clear", group };
    if (this.takesAway && this.position !== null) yield { kind: "position", group, ...this.position, copying: true };
    if (this.forgetAbove !== null) yield { kind: "forgetAbove", group, lsn: this.forgetAbove };
    if (this.forgotten.size > 0) yield { kind: "forget", group, keys: [...this.forgotten] };
    for (let from = 0;;) {
      const { piece, rows, upTo } = this.rows.packAbove(from, PIECE_BYTES);
      if (rows === 0) break;
      yield { kind: "rows", group, packed: piece };
      from = upTo;
    }
    yield* this.orphans;
    if (this.reigns !== null) yield { kind: "reigns", group, reigns: this.reigns };
    if (this.position !== null) yield { kind: "position", group, ...this.position };
  }

  #forget(key: string): void {
    this.rows.forget(key);
    this.forgotten.add(key);
  }

  #forgetAbove(lsn: number): void {
    // What was on the disk before a row that goes now was replaced by it, and goes too.
    for (let rows = this.rows.takeAbove(lsn, TAKE_ROWS); rows.length > 0; rows = this.rows.takeAbove(lsn, TAKE_ROWS)) {
      for (const { key } of rows) this.forgotten.add(key);
    }
    this.forgetAbove = Math.min(lsn, this.forgetAbove ?? lsn);
    if (this.position !== null && this.position.lsn > lsn) this.position = { ...this.position, lsn };
  }

  #addOrphans(change: OrphanPiece): void {
    if (this.#orphanBytes + change.packed.length > ORPHAN_BYTES_MAX) {
      this.dropped++;
      return;
    }
    this.#orphanBytes += change.packed.length;
    this.orphans.push(change);
  }

  #clear(): void {
    this.cleared = true;
    this.forgetAbove = this.reigns = this.position = null;
    this.forgotten.clear();
    this.rows.clear();
  }
}

/** Batches of several groups. */
export class StateBatches {
  readonly #batches = new Map<string, StateBatch>();

  get empty(): boolean {
    return this.#batches.size === 0;
  }

  get waiting(): number {
    let rows = 0;
    for (const batch of this.#batches.values()) rows += batch.waiting;
    return rows;
  }

  add(changes: Iterable<StateChange>): void {
    for (const change of changes) {
      let batch = this.#batches.get(change.group);
      if (batch === undefined) this.#batches.set(change.group, batch = new StateBatch(change.group));
      batch.add(change);
    }
  }

  /** Empties it; returns what was in it. */
  take(): readonly StateBatch[] {
    const batches = [...this.#batches.values()];
    this.#batches.clear();
    return batches;
  }
}
