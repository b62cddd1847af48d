/** Server-sent events (WHATWG HTML, 9.2): the journal's history, then what happens, each with its id. */
import type { JournalEntry } from "../journal/entry.ts";
import type { ApiBackend } from "./backend.ts";
import { entryJson } from "./json.ts";

/** Entries sent when a client says nothing of what it has. */
const HISTORY = 100;
/** Entries read at a time for a client that goes on where it stopped. */
const PAGE = 500;
/** A client that reads this much slower than things happen is cut off; it can come back with `Last-Event-ID`. */
const QUEUE_MAX = 2000;
/** A comment line that keeps the connection and notices a client that has gone. */
const PING_MS = 15_000;

const text = new TextEncoder();

/**
 * @param afterId id of the last entry that the client has, or null; -1: no history
 * @param closing ends the stream
 */
export function eventStream(
  backend: ApiBackend,
  afterId: number | null,
  closing: AbortSignal,
): ReadableStream<Uint8Array> {
  let end = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const stream = new EventStream(backend, controller);
      end = () => stream.end();
      closing.addEventListener("abort", end, { once: true });
      stream.run(afterId);
    },
    cancel() {
      closing.removeEventListener("abort", end);
      end();
    },
  }, { highWaterMark: 64 });
}

class EventStream {
  readonly #backend: ApiBackend;
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #unsubscribe: () => void;
  readonly #ping: ReturnType<typeof setInterval>;
  /** What came in while the history was read; null once it has been sent. */
  #early: JournalEntry[] | null = [];
  #lastId = -1;
  #ended = false;

  constructor(backend: ApiBackend, controller: ReadableStreamDefaultController<Uint8Array>) {
    this.#backend = backend;
    this.#controller = controller;
    this.#unsubscribe = backend.subscribe((entry) => this.#take(entry));
    this.#ping = setInterval(() => this.#write(": ping\n\n"), PING_MS);
  }

  async run(afterId: number | null): Promise<void> {
    // At once, so that the client sees an answer before anything happens.
    this.#write(": segue events\n\n");
    try {
      if (afterId !== -1) await this.#history(afterId);
      for (const entry of this.#early ?? []) this.#send(entry);
      this.#early = null;
    } catch {
      this.end();
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#unsubscribe();
    clearInterval(this.#ping);
    try {
      this.#controller.close();
    } catch {
      // The client closed it first.
    }
  }

  async #history(afterId: number | null): Promise<void> {
    if (afterId === null) {
      for (const entry of await this.#backend.recentEvents(null, HISTORY)) this.#send(entry);
      return;
    }
    this.#lastId = afterId;
    for (;;) {
      const page = await this.#backend.recentEvents(this.#lastId, PAGE);
      for (const entry of page) this.#send(entry);
      if (page.length < PAGE || this.#ended) return;
    }
  }

  #take(entry: JournalEntry): void {
    if (this.#early) this.#early.push(entry);
    else this.#send(entry);
  }

  #send(entry: JournalEntry): void {
    if (entry.id <= this.#lastId) return;
    this.#lastId = entry.id;
    this.#write(`id: ${entry.id}\nevent: ${entry.type}\ndata: ${JSON.stringify(entryJson(entry))}\n\n`);
  }

  #write(message: string): void {
    if (this.#ended) return;
    if ((this.#controller.desiredSize ?? 0) < -QUEUE_MAX) return this.end();
    try {
      this.#controller.enqueue(text.encode(message));
    } catch {
      this.end();
    }
  }
}
