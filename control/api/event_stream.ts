/** The journal's history, then what happens, as server-sent events, each with its id. */
import type { JournalEntry } from "../journal/entry.ts";
import type { ApiBackend } from "./backend.ts";
import { entryJson } from "./json.ts";
import { sseStream, type SseWriter } from "./sse_writer.ts";

/** Entries sent when a client says nothing of what it has. */
const HISTORY = 100;
/** Entries read at a time for a client that goes on where it stopped. */
const PAGE = 500;
/** A client that reads this much slower than things happen is cut off; it can come back with `Last-Event-ID`. */
const QUEUE_MAX = 2000;

/**
 * @param afterId id of the last entry that the client has, or null; -1: no history
 * @param closing ends the stream
 */
export function eventStream(
  backend: ApiBackend,
  afterId: number | null,
  closing: AbortSignal,
): ReadableStream<Uint8Array> {
  return sseStream(closing, QUEUE_MAX, (writer) => void new EventStream(backend, writer).run(afterId));
}

class EventStream {
  readonly #backend: ApiBackend;
  readonly #writer: SseWriter;
  /** What came in while the history was read; null once it has been sent. */
  #early: JournalEntry[] | null = [];
  #lastId = -1;

  constructor(backend: ApiBackend, writer: SseWriter) {
    this.#backend = backend;
    this.#writer = writer;
    writer.onEnd(backend.subscribe((entry) => this.#take(entry)));
  }

  async run(afterId: number | null): Promise<void> {
    // At once, so that the client sees an answer before anything happens.
    this.#writer.write(": segue events\n\n");
    try {
      if (afterId !== -1) await this.#history(afterId);
      for (const entry of this.#early ?? []) this.#send(entry);
      this.#early = null;
    } catch {
      this.#writer.end();
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
      if (page.length < PAGE || this.#writer.ended) return;
    }
  }

  #take(entry: JournalEntry): void {
    if (this.#early) this.#early.push(entry);
    else this.#send(entry);
  }

  #send(entry: JournalEntry): void {
    if (entry.id <= this.#lastId) return;
    this.#lastId = entry.id;
    this.#writer.write(`id: ${entry.id}\nevent: ${entry.type}\ndata: ${JSON.stringify(entryJson(entry))}\n\n`);
  }
}
