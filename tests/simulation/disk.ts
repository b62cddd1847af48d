/**
 * The disk of one simulated machine: the journal's epochs and the state's file. It is slow, full or damaged, and loses what was
 * not committed when its process ends. What waits and in which order it is written is the journal's own code.
 */
import { decodeRows, encodeRows, PackedReader } from "../../control/core/state/packed.ts";
import type { StateRow } from "../../control/core/state/row.ts";
import { type StateBatch, StateBatches } from "../../control/journal/state_batch.ts";
import type { Position, Reign, StateChange } from "../../control/journal/state_change.ts";
import { type CommitTarget, StateCommit } from "../../control/journal/state_commit.ts";
import type { StateDisk } from "../../control/state/disk.ts";
import type { ProcessClock } from "./node.ts";
import type { Random } from "./random.ts";

const EPOCH_BLOCK = 1000;
const SHARE_US = 20_000;
const RETRY_US = 1_000_000;
const EMPTY: Position = { floor: 0, lsn: 0, copying: false };

interface StoredGroup {
  readonly rows: Map<string, StateRow>;
  reigns: readonly Reign[];
  position: Position;
}

export class SimDisk {
  full = false;
  /** The longest that a commit takes. */
  slowUs = 2000;
  epochs = { reservedUpTo: 0, unproven: false };
  group: StoredGroup = { rows: new Map(), reigns: [], position: EMPTY };
  readonly orphans: StateRow[] = [];
  /** Every row that was ever committed to the file that is there now. */
  written: StateRow[] = [];
  /** The state's file was damaged, or lost: what was on it is gone. How often. */
  stateLost = 0;

  /** A block of epochs above all that were ever given out. Null: the disk takes nothing. */
  reserve(above: number): number | null {
    if (this.full) return null;
    const floor = Math.max(this.epochs.reservedUpTo, above);
    const unproven = this.epochs.unproven && above <= this.epochs.reservedUpTo;
    this.epochs = { reservedUpTo: floor + EPOCH_BLOCK, unproven };
    return this.epochs.reservedUpTo;
  }

  /** The journal and its second copy are damaged: nobody knows which epochs were used. */
  loseEpochs(): void {
    this.epochs = { reservedUpTo: 0, unproven: true };
  }

  loseState(): void {
    this.group = { rows: new Map(), reigns: [], position: EMPTY };
    this.written = [];
    this.stateLost++;
  }

  row(key: string): StateRow | null {
    return this.group.position.copying ? null : this.group.rows.get(key) ?? null;
  }

  /** Packed rows in the order of their writes, as a start reads them. */
  chunks(): Uint8Array[] {
    const rows = [...this.group.rows.values()].sort((a, b) => a.lsn - b.lsn);
    return rows.length === 0 ? [] : [encodeRows(rows, 0).bytes];
  }
}

/** A transaction: all of it, or nothing. */
class Transaction implements CommitTarget {
  readonly #disk: SimDisk;
  readonly #from: StoredGroup;
  readonly #orphans: StateRow[] = [];
  readonly #written: StateRow[] = [];
  #group: StoredGroup;

  constructor(disk: SimDisk) {
    this.#disk = disk;
    this.#from = disk.group;
    const { rows, reigns, position } = disk.group;
    this.#group = { rows: new Map(rows), reigns, position };
  }

  transaction<T>(body: () => T): T {
    const result = body();
    // Another file may have come in its place meanwhile.
    if (this.#disk.group === this.#from) {
      this.#disk.group = this.#group;
      this.#disk.orphans.push(...this.#orphans);
      this.#disk.written.push(...this.#written);
    }
    return result;
  }

  groupId(): number {
    return 0;
  }

  clear(): number {
    this.#group = { rows: new Map(), reigns: [], position: { ...EMPTY, copying: true } };
    return 0;
  }

  forgetAbove(_id: number, lsn: number): void {
    for (const row of [...this.#group.rows.values()]) if (row.lsn > lsn) this.#group.rows.delete(row.key);
    const { position } = this.#group;
    this.#group.position = { ...position, lsn: Math.min(position.lsn, lsn) };
  }

  forget(_id: number, key: string): void {
    this.#group.rows.delete(key);
  }

  upsert(_id: number, packed: Uint8Array): void {
    for (const row of decodeRows(packed)!) {
      if ((this.#group.rows.get(row.key)?.lsn ?? 0) >= row.lsn) continue;
      this.#group.rows.set(row.key, row);
      this.#written.push(row);
    }
  }

  setCopying(): void {
    this.#group.position = { ...this.#group.position, copying: true };
  }

  addOrphans(_group: string, packed: Uint8Array): void {
    if (PackedReader.open(packed) !== null) this.#orphans.push(...decodeRows(packed)!);
  }

  setReigns(_id: number, reigns: readonly Reign[]): void {
    this.#group.reigns = reigns;
  }

  setPosition(_id: number, position: Position): void {
    this.#group.position = position;
  }
}

export interface JournalListener {
  durable(sequence: number): void;
  health(ok: boolean): void;
}

/** The journal thread of one process, as far as it writes state. */
export class SimJournal implements StateDisk {
  readonly #disk: SimDisk;
  readonly #clock: ProcessClock;
  readonly #random: Random;
  readonly #batches = new StateBatches();
  #commit: StateCommit | null = null;
  #sequence = 0;
  #flushUs = Infinity;
  #endTimer: () => void = () => {};
  #ok = true;
  /** Files lost in this run; a table that was not written anew since is not whole. */
  readonly #lostBefore: number;
  #clearedAtLoss = 0;
  listener: JournalListener | null = null;

  constructor(disk: SimDisk, clock: ProcessClock, random: Random) {
    this.#disk = disk;
    this.#clock = clock;
    this.#random = random;
    this.#lostBefore = disk.stateLost;
  }

  append(changes: readonly StateChange[], urgent: boolean): number {
    this.#batches.add(changes);
    this.#flushIn(urgent ? 50 : SHARE_US);
    return ++this.#sequence;
  }

  #flushIn(us: number): void {
    const at = this.#clock.nowUs() + us;
    if (at >= this.#flushUs) return;
    this.#endTimer();
    this.#flushUs = at;
    this.#endTimer = this.#clock.after(us, () => this.#flush());
  }

  /** The wait for the device: what a process that ends now has not committed is lost. */
  #flush(): void {
    this.#flushUs = Infinity;
    if (this.#commit !== null) return;
    if (this.#batches.empty) return;
    this.#commit = this.#takeBatches();
    this.#clock.after(this.#random.int(100, this.#disk.slowUs), () => this.#write());
  }

  #takeBatches(): StateCommit {
    const batches = this.#batches.take();
    if (batches.some((batch) => batch.cleared)) this.#clearedAtLoss = this.#losses;
    return new StateCommit(batches, this.#sequence);
  }

  get #losses(): number {
    return this.#disk.stateLost - this.#lostBefore;
  }

  #write(): void {
    const commit = this.#commit!;
    if (this.#disk.full) {
      this.#tell(false);
      this.#clock.after(RETRY_US, () => this.#write());
      return;
    }
    while (!this.writeStep(commit, (_batch: StateBatch) => this.#clearedAtLoss === this.#losses));
    this.#commit = null;
    this.#tell(true);
    this.listener?.durable(commit.sequence);
    if (!this.#batches.empty) this.#flushIn(0);
  }

  /** One transaction; true when all is written. */
  writeStep(commit: StateCommit, isWhole: (batch: StateBatch) => boolean): boolean {
    return commit.step(new Transaction(this.#disk), isWhole);
  }

  /** The process ends: a commit that is under way is on the disk whole, or not at all. */
  cutShort(): void {
    if (this.#commit === null || this.#disk.full || this.#random.chance(0.5)) return;
    while (!this.writeStep(this.#commit, () => this.#clearedAtLoss === this.#losses));
  }

  #tell(ok: boolean): void {
    if (this.#ok === ok) return;
    this.#ok = ok;
    this.listener?.health(ok);
  }
}
