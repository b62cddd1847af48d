/** The replicas' way to the disk: what they order, as the journal's thread takes it, and what it says back, as LSNs. */
import { setImmediate } from "node:timers";
import { encodeRows, joinPieces, PIECE_BYTES } from "../core/state/packed.ts";
import type { ReplicaChange } from "../core/state/replica_port.ts";
import type { Position, StateChange } from "../journal/state_change.ts";

/** The part of `StateJournal` that is used here. */
export interface StateDisk {
  /** Returns the number of the last one; never waits. `urgent`: somebody waits for it to be on the disk. */
  append(changes: readonly StateChange[], urgent: boolean): number;
}

export interface DiskListener {
  /** Where the group's copy stands now. */
  position(group: number): Position;
  /** Everything of the group up to this LSN is on the disk. */
  durable(group: number, lsn: number): void;
}

/** Rows that nobody waits for share a message to the thread, and a commit, with what comes meanwhile. */
const SHARE_MS = 20;

/** Rows of one group that came one after the other. */
interface Run {
  pieces: Uint8Array[];
  bytes: number;
}

interface Pending {
  readonly sequence: number;
  readonly group: number;
  readonly lsn: number;
}

/** Collects what is ordered and hands it over as one: at once if somebody waits for it, or if it is much. */
export class DiskWriter {
  readonly #disk: StateDisk;
  readonly #names: readonly string[];
  readonly #listener: DiskListener;
  #changes: StateChange[] = [];
  /** By group; not among the changes yet. */
  readonly #runs = new Map<number, Run>();
  #urgent = false;
  #soon = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Groups of what has been collected. */
  readonly #touched = new Set<number>();
  readonly #pending: Pending[] = [];

  /** @param names of the groups, by index */
  constructor(disk: StateDisk, names: readonly string[], listener: DiskListener) {
    this.#disk = disk;
    this.#names = names;
    this.#listener = listener;
  }

  store(group: number, change: ReplicaChange): void {
    this.#touched.add(group);
    if (change.kind === "rows") return this.#storeRows(group, change);
    this.#endRun(group);
    this.#changes.push(...translate(this.#names[group]!, change));
    this.#flushSoon();
  }

  #storeRows(group: number, { piece, urgent }: Extract<ReplicaChange, { kind: "rows" }>): void {
    let run = this.#runs.get(group);
    if (run !== undefined && run.bytes + piece.length > PIECE_BYTES) {
      this.#endRun(group);
      run = undefined;
    }
    if (run === undefined) this.#runs.set(group, run = { pieces: [], bytes: 0 });
    run.pieces.push(piece);
    run.bytes += piece.length;
    this.#urgent ||= urgent;
    if (urgent || run.bytes >= PIECE_BYTES / 2) this.#flushSoon();
    else this.#timer ??= setTimeout(() => this.flush(), SHARE_MS);
  }

  #endRun(group: number): void {
    const run = this.#runs.get(group);
    if (run === undefined) return;
    this.#runs.delete(group);
    this.#changes.push({ kind: "rows", group: this.#names[group]!, packed: joinPieces(run.pieces) });
  }

  /** At the end of this turn; while the disk is at work anyway, behind everything that the event loop has at hand. */
  #flushSoon(): void {
    if (this.#soon) return;
    this.#soon = true;
    if (this.#pending.length > 0) setImmediate(() => this.flush());
    else queueMicrotask(() => this.flush());
  }

  flush(): void {
    this.#soon = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#touched.size === 0) return;
    // Rows come without a position of their own; one for all that came together.
    const positions = [...this.#touched].map((group) => ({ group, ...this.#listener.position(group) }));
    for (const { group, ...position } of positions) {
      this.#endRun(group);
      this.#changes.push({ kind: "position", group: this.#names[group]!, ...position });
    }
    const sequence = this.#disk.append(this.#changes, this.#urgent);
    for (const { group, lsn, copying } of positions) if (!copying) this.#pending.push({ sequence, group, lsn });
    this.#touched.clear();
    this.#changes = [];
    this.#urgent = false;
  }

  /** The disk has everything up to this number. */
  onDurable(sequence: number): void {
    const reached = new Map<number, number>();
    while (this.#pending.length > 0 && this.#pending[0]!.sequence <= sequence) {
      const { group, lsn } = this.#pending.shift()!;
      reached.set(group, lsn);
    }
    for (const [group, lsn] of reached) this.#listener.durable(group, lsn);
  }
}

function translate(group: string, change: Exclude<ReplicaChange, { kind: "rows" }>): StateChange[] {
  switch (change.kind) {
    case "position": {
      const { reigns, floor, lsn, copying } = change;
      return [{ kind: "reigns", group, reigns }, { kind: "position", group, floor, lsn, copying }];
    }
    case "orphans": {
      const at = new Date().toISOString(), { foundByEpoch } = change;
      const pieces: StateChange[] = [];
      for (let from = 0; from < change.rows.length;) {
        const { bytes, next } = encodeRows(change.rows, from);
        pieces.push({ kind: "orphans", group, at, foundByEpoch, packed: bytes });
        from = next;
      }
      return pieces;
    }
    case "forget":
      return [{ kind: "forget", group, keys: change.keys }];
    case "clear":
      return [{ kind: "clear", group }];
    default:
      return change satisfies never;
  }
}
