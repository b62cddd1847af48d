/** The groups' state on the disk as the main thread sees it: it never waits, and learns what is on the disk. */
import { JournalError } from "./failure.ts";
import type { Orphan, StateChange } from "./state_change.ts";
import { type RowCursor, TABLE_START } from "./state_cursor.ts";
import { StateOutbox } from "./state_outbox.ts";
import { type StateReply, type StateRequest, transfersOf } from "./state_protocol.ts";
import type { StateHealth, StoredGroup } from "./state_store.ts";

/** Messages to the thread that it has not taken yet: one that it works on, one that is there when it is done. */
const MESSAGES_AHEAD = 2;
const ORPHANS_LISTED = 1000;

/** What is stored of a group. */
export interface LoadedGroup extends StoredGroup {
  /** Nothing is stored of it yet. */
  readonly isNew: boolean;
  /** The file was found damaged in this run: what it had is in the file that was set aside. */
  readonly lost: boolean;
  /** Its rows, packed, in the order of their LSNs. Some may be above `lsn`: not everything below them is there. */
  readonly chunks: AsyncIterable<Uint8Array<ArrayBuffer>>;
}

interface Waiting {
  resolve(reply: StateReply): void;
  reject(error: Error): void;
}

export class StateJournal {
  readonly #send: (request: StateRequest, transfers: Transferable[]) => void;
  readonly #waiting = new Map<number, Waiting>();
  #nextRequest = 1;
  #sequence = 0;
  #durable = 0;
  readonly #outbox = new StateOutbox();
  #urgent = false;
  #ahead = 0;
  #ended: string | null = null;
  #health: StateHealth;
  readonly #durableListeners = new Set<(sequence: number) => void>();
  readonly #failureListeners = new Set<(sequence: number, text: string) => void>();
  #untoldLoss: string | null = null;
  readonly #lostListeners = new Set<(text: string) => void>();
  readonly #healthListeners = new Set<(health: StateHealth) => void>();

  /** @param send posts a request to the thread  @param path where the thread keeps the state */
  constructor(send: (request: StateRequest, transfers: Transferable[]) => void, path: string) {
    this.#send = send;
    this.#health = { ok: true, text: "ok", path, waiting: 0 };
  }

  /**
   * Opens the file, as the first request does otherwise. @param groups whose tables a file that takes the place of a damaged one says not to have
   * @throws JournalError if a newer segue wrote it
   */
  async open(groups: readonly string[]): Promise<void> {
    await this.#ask("opened", (id) => ({ kind: "open", id, groups }));
  }

  /** What is stored of a group. @throws JournalError if it cannot be read, or a newer segue wrote it */
  async load(group: string): Promise<LoadedGroup> {
    const reply = await this.#ask("group", (id) => ({ kind: "group", id, group }));
    const stored = reply.stored ?? { floor: 0, lsn: 0, copying: false, reigns: [] };
    return { ...stored, isNew: reply.stored === null, lost: reply.lost, chunks: this.#pages(group) };
  }

  /**
   * Changes, in order; they are written soon, in one transaction with what else waits (in several if it is much). Never
   * waits. Buffers of packed rows that are not views of something larger go to the thread: they are empty afterwards.
   * @param urgent somebody waits until it is durable: it is written at once
   * @returns number of these changes, for `onDurable` and `onFailure`
   */
  append(changes: readonly StateChange[], urgent: boolean): number {
    const sequence = ++this.#sequence;
    if (this.#ended !== null) {
      queueMicrotask(() => this.#tellFailure(sequence, this.#ended!));
      return sequence;
    }
    this.#urgent ||= urgent;
    this.#outbox.add(changes, sequence);
    if (this.#ahead === 0 || urgent) queueMicrotask(() => this.#post());
    return sequence;
  }

  /** Everything up to this number is on the disk. */
  get durable(): number {
    return this.#durable;
  }

  /** Calls back whenever more is on the disk, flushed by the device: everything up to a number. Returns what ends that. */
  onDurable(callback: (sequence: number) => void): () => void {
    return listen(this.#durableListeners, callback);
  }

  /**
   * Calls back when the disk refuses while somebody waits: nothing above the last durable number, up to this one, is on
   * it. It is tried again; `onDurable` says when it is there after all.
   */
  onFailure(callback: (sequence: number, text: string) => void): () => void {
    return listen(this.#failureListeners, callback);
  }

  /**
   * Calls back when the file was damaged, set aside, and an empty one made: every table must be appended again, each
   * beginning with `clear`. Until then it counts as not whole (`copying`) on the disk. What happened before anybody
   * listened, as at the start, is told to the first who does, before this returns.
   */
  onLost(callback: (text: string) => void): () => void {
    const untold = this.#untoldLoss;
    this.#untoldLoss = null;
    if (untold !== null) callback(untold);
    return listen(this.#lostListeners, callback);
  }

  health(): StateHealth {
    return this.#health;
  }

  onHealth(callback: (health: StateHealth) => void): () => void {
    return listen(this.#healthListeners, callback);
  }

  /** The first `limit` rows that were set aside, and how many there are. */
  async orphans(group: string, limit = ORPHANS_LISTED): Promise<{ total: number; rows: readonly Orphan[] }> {
    const { total, rows } = await this.#ask("orphans", (id) => ({ kind: "orphans", id, group, limit }));
    return { total, rows };
  }

  /** Deletes them; resolves with how many there were. */
  async dropOrphans(group: string): Promise<number> {
    return (await this.#ask("dropped", (id) => ({ kind: "dropOrphans", id, group }))).rows;
  }

  /** Copies the file as it is at one moment, with everything that was appended before; never over another file. */
  async backup(path: string): Promise<{ bytes: number }> {
    const { bytes } = await this.#ask("backup", (id) => ({ kind: "backup", id, path }));
    return { bytes };
  }

  /** An answer of the thread. */
  take(reply: StateReply): void {
    switch (reply.kind) {
      case "taken":
        this.#ahead--;
        return this.#post();
      case "durable":
        this.#durable = reply.sequence;
        return tell(this.#durableListeners, (listener) => listener(reply.sequence));
      case "undurable":
        return this.#tellFailure(reply.sequence, reply.text);
      case "lost":
        if (this.#lostListeners.size === 0) this.#untoldLoss = reply.text;
        return tell(this.#lostListeners, (listener) => listener(reply.text));
      case "health":
        this.#health = reply.health;
        return tell(this.#healthListeners, (listener) => listener(reply.health));
      default: {
        const waiting = this.#waiting.get(reply.id);
        this.#waiting.delete(reply.id);
        if (reply.kind === "failed") waiting?.reject(new JournalError("other", reply.text));
        else waiting?.resolve(reply);
      }
    }
  }

  /** Before the thread closes: what waits here goes to it, whatever it has not taken yet. */
  flush(): void {
    this.#urgent = true;
    this.#post(true);
  }

  /** The thread has ended: whoever waits learns it. */
  end(text: string): void {
    if (this.#ended !== null) return;
    this.#ended = text;
    for (const waiting of this.#waiting.values()) waiting.reject(new JournalError("other", text));
    this.#waiting.clear();
    if (this.#durable < this.#sequence) this.#tellFailure(this.#sequence, text);
  }

  async *#pages(group: string): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const page = (from: RowCursor) => this.#ask("page", (id) => ({ kind: "page", id, group, from }));
    let coming: ReturnType<typeof page> | null = page(TABLE_START);
    while (coming !== null) {
      const { piece, rows, next }: Awaited<ReturnType<typeof page>> = await coming;
      // The thread reads on while this one is used.
      coming = next === null ? null : page(next);
      coming?.catch(() => {});
      if (rows > 0) yield piece;
    }
  }

  #post(all = false): void {
    while (this.#ended === null && !this.#outbox.empty && (this.#ahead < MESSAGES_AHEAD || all)) {
      const taken = this.#outbox.take();
      const request = { kind: "append", ...taken, urgent: this.#urgent } satisfies StateRequest;
      if (this.#outbox.empty) this.#urgent = false;
      this.#ahead++;
      this.#send(request, transfersOf(request));
    }
  }

  #ask<K extends StateReply["kind"]>(
    kind: K,
    request: (id: number) => StateRequest,
  ): Promise<Extract<StateReply, { kind: K }>> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(new JournalError("other", this.#ended));
      // What was appended before is to be seen.
      this.#post(true);
      const id = this.#nextRequest++;
      const take = (reply: StateReply) => {
        if (reply.kind === kind) resolve(reply as Extract<StateReply, { kind: K }>);
        else reject(new JournalError("other", `the journal's thread answered ${reply.kind} to ${kind}`));
      };
      this.#waiting.set(id, { resolve: take, reject });
      this.#send(request(id), []);
    });
  }

  #tellFailure(sequence: number, text: string): void {
    tell(this.#failureListeners, (listener) => listener(sequence, text));
  }
}

function listen<T>(listeners: Set<T>, listener: T): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

function tell<T>(listeners: ReadonlySet<T>, call: (listener: T) => void): void {
  for (const listener of listeners) call(listener);
}
