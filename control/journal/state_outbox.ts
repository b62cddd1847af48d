/**
 * Changes that wait on the main thread for the journal's thread, in order. What is too much is made one, key by key, the oldest of it first and
 * bit by bit; it leaves bit by bit too: neither may stop the thread for long. Pure.
 */
import { StateBatches } from "./state_batch.ts";
import { changeBytes, type StateChange } from "./state_change.ts";

/** Bytes that wait as they came. */
const AS_THEY_CAME_MAX = 16 * 1024 * 1024;
/** Of one message, about: the thread writes what it has taken before it takes more. */
const MESSAGE_BYTES = 4 * 1024 * 1024;

interface Entry {
  readonly changes: readonly StateChange[];
  readonly sequence: number;
  readonly bytes: number;
}

/** What goes to the thread at once. */
export interface Taken {
  readonly changes: readonly StateChange[];
  /** Everything up to this number is with the thread now. */
  readonly sequence: number;
}

export class StateOutbox {
  /** Oldest: of what was made one, the rest of what is leaving. */
  #leaving: Iterator<StateChange> | null = null;
  #leavingUpTo = 0;
  /** Then this. */
  readonly #merged = new StateBatches();
  #mergedUpTo = 0;
  /** Then these. */
  readonly #entries: Entry[] = [];
  #bytes = 0;
  #takenUpTo = 0;

  get empty(): boolean {
    return this.#leaving === null && this.#merged.empty && this.#entries.length === 0;
  }

  /** @param sequence number of these changes, higher than those before */
  add(changes: readonly StateChange[], sequence: number): void {
    const bytes = changes.reduce((sum, change) => sum + changeBytes(change), 0);
    this.#entries.push({ changes, sequence, bytes });
    this.#bytes += bytes;
    // Not the last ones, whatever their size: a write that is much goes to the thread as one.
    while (this.#bytes > AS_THEY_CAME_MAX && this.#entries.length > 1) {
      const oldest = this.#entries.shift()!;
      this.#bytes -= oldest.bytes;
      this.#merged.add(oldest.changes);
      this.#mergedUpTo = oldest.sequence;
    }
  }

  /** The next message. */
  take(): Taken {
    const changes: StateChange[] = [];
    const left = this.#takeMerged(changes);
    if (left > 0) this.#takeEntries(changes, left);
    return { changes, sequence: this.#takenUpTo };
  }

  /** How many bytes there is still room for. */
  #takeMerged(into: StateChange[]): number {
    if (this.#leaving === null && !this.#merged.empty) {
      this.#leaving = changesOf(this.#merged);
      this.#leavingUpTo = this.#mergedUpTo;
    }
    let left = MESSAGE_BYTES;
    while (this.#leaving !== null && left > 0) {
      const { value, done } = this.#leaving.next();
      if (done) {
        this.#takenUpTo = this.#leavingUpTo;
        this.#leaving = null;
        // What was made one meanwhile comes before the entries.
        return this.#merged.empty ? left : 0;
      }
      into.push(value);
      left -= changeBytes(value);
    }
    return left;
  }

  #takeEntries(into: StateChange[], room: number): void {
    let count = 0;
    for (let left = room; count < this.#entries.length && left > 0; count++) left -= this.#entries[count]!.bytes;
    for (const { changes, sequence, bytes } of this.#entries.splice(0, count)) {
      into.push(...changes);
      this.#bytes -= bytes;
      this.#takenUpTo = sequence;
    }
  }
}

function* changesOf(batches: StateBatches): Generator<StateChange> {
  for (const batch of batches.take()) yield* batch.changes();
}
