/** Writes server-sent events (WHATWG HTML, 9.2) to one client, and notices when it has gone or does not read. */

/** A comment line that keeps the connection and notices a client that has gone. */
const PING_MS = 15_000;

export const SSE_HEADERS = { "content-type": "text/event-stream", "cache-control": "no-store" } as const;

const text = new TextEncoder();

export class SseWriter {
  readonly #controller: ReadableStreamDefaultController<Uint8Array>;
  readonly #queueMax: number;
  readonly #ping: ReturnType<typeof setInterval>;
  #onEnd: (() => void) | null = null;
  #onRoom: (() => void) | null = null;
  #ended = false;

  constructor(controller: ReadableStreamDefaultController<Uint8Array>, queueMax: number) {
    this.#controller = controller;
    this.#queueMax = queueMax;
    this.#ping = setInterval(() => this.write(": ping\n\n"), PING_MS);
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Called once, at the end; at once if that has been. */
  onEnd(callback: () => void): void {
    if (this.#ended) callback();
    else this.#onEnd = callback;
  }

  /** The client has read what was written, or nearly. */
  get hasRoom(): boolean {
    return !this.#ended && (this.#controller.desiredSize ?? 0) > 0;
  }

  /** Called when the client has read and there is room again. */
  onRoom(callback: () => void): void {
    this.#onRoom = callback;
  }

  /** The stream's word that it wants more. */
  pull(): void {
    if (this.hasRoom) this.#onRoom?.();
  }

  /** One event, with its empty line. A client that is too far behind is cut off. */
  write(message: string): void {
    if (this.#ended) return;
    if ((this.#controller.desiredSize ?? 0) < -this.#queueMax) return this.end();
    try {
      this.#controller.enqueue(text.encode(message));
    } catch {
      this.end();
    }
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearInterval(this.#ping);
    try {
      this.#controller.close();
    } catch {
      // The client closed it first.
    }
    this.#onEnd?.();
  }
}

/**
 * @param closing ends the stream
 * @param queueMax messages that may wait for a slow client
 * @param open writes, now and later
 */
export function sseStream(
  closing: AbortSignal,
  queueMax: number,
  open: (writer: SseWriter) => void,
): ReadableStream<Uint8Array> {
  let end = () => {}, pull = () => {};
  return new ReadableStream<Uint8Array>({
    start(controller) {
      const writer = new SseWriter(controller, queueMax);
      end = () => writer.end();
      pull = () => writer.pull();
      closing.addEventListener("abort", end, { once: true });
      open(writer);
    },
    pull: () => pull(),
    cancel() {
      closing.removeEventListener("abort", end);
      end();
    },
  }, { highWaterMark: 64 });
}
