/** The journal as the main thread sees it: messages to a thread that may be slow, and a health that says so. */
import { dirname, join } from "node:path";
import type { JitterRow } from "../core/jitter.ts";
import type { NodeEvent, SwitchReceipt } from "../core/vocabulary.ts";
import { type EntryQuery, type EpochStart, type JournalEntry, type JournalHealth, plainEntry } from "./entry.ts";
import { JournalError } from "./failure.ts";
import { STATE_NAME } from "./files.ts";
import { JOURNAL_WORKER, type JournalReply, type JournalRequest } from "./protocol.ts";
import { StateJournal } from "./state_client.ts";

const RETRY_FIRST_MS = 500;
const RETRY_MAX_MS = 30_000;

/** A journal that is open, and the epochs that it knows. */
export interface StartedJournal {
  readonly client: JournalClient;
  /** What this run may use, per group, in the order of `groups`. Reserves the first blocks. */
  epochs(groups: readonly string[]): Promise<readonly EpochStart[]>;
}

interface Waiting {
  resolve(reply: JournalReply): void;
  reject(error: Error): void;
}

export class JournalClient {
  /** The groups' state, in a file of its own that is opened when it is first asked for. */
  readonly state: StateJournal;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #healthListeners = new Set<(health: JournalHealth) => void>();
  readonly #entryListeners = new Set<(entry: JournalEntry) => void>();
  readonly #retries = new Map<ReturnType<typeof setTimeout>, Waiting>();
  #health: JournalHealth;
  #nextRequest = 1;
  #nextEntry = 1;
  #ended: string | null = null;
  #closing: Promise<void> | null = null;
  #closed = () => {};

  /**
   * Starts the thread and opens the journal.
   * @param entryUrl the program's entry point, which runs `runJournalWorker` in a worker of the name `segue:journal`
   * @param path the database; its folder is made if it is missing
   * @throws JournalError if the file was written by a newer segue, or the thread cannot run
   */
  static start(entryUrl: string | URL, path: string): Promise<StartedJournal> {
    return new Promise((resolve, reject) => {
      const worker = new Worker(entryUrl, { type: "module", name: JOURNAL_WORKER });
      const refuse = (text: string) => {
        worker.terminate();
        reject(new JournalError("other", text));
      };
      worker.onerror = (event) => {
        event.preventDefault();
        refuse(`journal thread: ${event.message}`);
      };
      worker.onmessage = ({ data }: MessageEvent<JournalReply>) => {
        if (data.kind === "refused") return refuse(data.text);
        if (data.kind !== "opened") return;
        const client = new JournalClient(worker, data.health, data.nextId);
        resolve({ client, epochs: (groups) => client.epochs(groups) });
      };
      worker.postMessage({ kind: "open", path } satisfies JournalRequest);
    });
  }

  private constructor(worker: Worker, health: JournalHealth, nextEntry: number) {
    this.#worker = worker;
    this.#health = health;
    this.#nextEntry = nextEntry;
    this.state = new StateJournal(
      (request, transfers) => this.#send({ kind: "state", request }, transfers),
      join(dirname(health.path), STATE_NAME),
    );
    worker.onmessage = ({ data }: MessageEvent<JournalReply>) => this.#take(data);
    worker.onerror = (event) => {
      event.preventDefault();
      this.#end(`the journal thread has ended: ${event.message}`);
    };
  }

  /** What this run may use, per group, in the order of `groups`. A group asked for again gets the same answer. */
  async epochs(groups: readonly string[]): Promise<readonly EpochStart[]> {
    const reply = await this.#ask((id) => ({ kind: "epochs", id, groups }));
    return reply.kind === "epochs" ? reply.epochs : [];
  }

  /**
   * Reserves a block of epochs above `above`; resolves with its highest. While the disk refuses, `health` says so and
   * this goes on trying; it rejects when none are left, or the journal is closed.
   */
  async reserve(group: string, above: number): Promise<number> {
    for (let waitMs = RETRY_FIRST_MS;; waitMs = Math.min(RETRY_MAX_MS, waitMs * 2)) {
      try {
        const reply = await this.#ask((id) => ({ kind: "reserve", id, group, above }));
        if (reply.kind === "reserved") return reply.upTo;
      } catch (error) {
        if (this.#ended !== null || this.#health.ok) throw error;
      }
      await this.#pause(waitMs);
    }
  }

  addReceipt(receipt: SwitchReceipt): void {
    this.#add({ id: this.#nextEntry, type: "switch", receipt });
  }

  addEvent(event: NodeEvent): void {
    this.#add({ id: this.#nextEntry, type: "event", event });
  }

  /** Entries, oldest first; those that were just added are among them. */
  async entries(query: EntryQuery = {}): Promise<readonly JournalEntry[]> {
    const reply = await this.#ask((id) => ({ kind: "entries", id, query }));
    return reply.kind === "entries" ? reply.entries : [];
  }

  /** Counted delays of a span of time. */
  addJitter(row: JitterRow): void {
    this.#send({ kind: "addJitter", row });
  }

  /** Rows whose span has not ended before `sinceS` (Unix seconds), oldest first. */
  async jitter(sinceS: number): Promise<readonly JitterRow[]> {
    const reply = await this.#ask((id) => ({ kind: "jitter", id, sinceS }));
    return reply.kind === "jitter" ? reply.rows : [];
  }

  /** Calls back for each entry from now on, when it is added; returns what ends that. */
  subscribe(callback: (entry: JournalEntry) => void): () => void {
    this.#entryListeners.add(callback);
    return () => this.#entryListeners.delete(callback);
  }

  health(): JournalHealth {
    return this.#health;
  }

  /** Calls back whenever the health has changed; returns what ends that. */
  onHealth(callback: (health: JournalHealth) => void): () => void {
    this.#healthListeners.add(callback);
    return () => this.#healthListeners.delete(callback);
  }

  /** Writes what waits, if the disk takes it, and ends the thread. May be called more than once. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#ended !== null) return resolve();
      this.#closed = resolve;
      this.state.flush();
      this.#send({ kind: "close" });
    });
    return this.#closing;
  }

  #add(given: JournalEntry): void {
    const entry = plainEntry(given);
    this.#nextEntry++;
    this.#send({ kind: "add", entry });
    for (const listener of this.#entryListeners) listener(entry);
  }

  #ask(request: (id: number) => JournalRequest): Promise<JournalReply> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(new JournalError("other", this.#ended));
      const id = this.#nextRequest++;
      this.#waiting.set(id, { resolve, reject });
      this.#send(request(id));
    });
  }

  #send(request: JournalRequest, transfers: Transferable[] = []): void {
    if (this.#ended === null) this.#worker.postMessage(request, transfers);
  }

  #take(reply: JournalReply): void {
    if (reply.kind === "state") return this.state.take(reply.reply);
    if (reply.kind === "health") return this.#tell(reply.health);
    if (reply.kind === "closed") return this.#end("the journal is closed");
    if (!("id" in reply)) return;
    const waiting = this.#waiting.get(reply.id);
    this.#waiting.delete(reply.id);
    if (reply.kind === "failed") waiting?.reject(new JournalError("other", reply.text));
    else waiting?.resolve(reply);
  }

  #tell(health: JournalHealth): void {
    this.#health = health;
    for (const listener of this.#healthListeners) listener(health);
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== null) return reject(new JournalError("other", this.#ended));
      const timer = setTimeout(() => {
        this.#retries.delete(timer);
        resolve();
      }, ms);
      this.#retries.set(timer, { resolve: () => resolve(), reject });
    });
  }

  #end(text: string): void {
    if (this.#ended !== null) return;
    this.#ended = text;
    this.#worker.terminate();
    const error = new JournalError("other", text);
    for (const waiting of this.#waiting.values()) waiting.reject(error);
    for (const [timer, waiting] of this.#retries) {
      clearTimeout(timer);
      waiting.reject(error);
    }
    this.#waiting.clear();
    this.#retries.clear();
    this.state.end(text);
    if (this.#closing === null) this.#tell({ ...this.#health, ok: false, text });
    this.#closed();
  }
}
