/** One HTTP connection at a time, kept open, made anew after a failure: `fetch` would repeat some requests by itself, unseen. */

export interface Answer {
  /** 0: there was none, and `body` says why. */
  readonly status: number;
  readonly body: string;
}

const SPACE_BYTES = 64 * 1024;

export class HttpLine {
  readonly #host: string;
  readonly #port: number;
  #connection: Deno.TcpConn | null = null;
  readonly #space = new Uint8Array(SPACE_BYTES);

  constructor(host: string, port: number) {
    this.#host = host;
    this.#port = port;
  }

  /** One attempt. Never throws. */
  async ask(method: "GET" | "POST", path: string, patienceMs: number): Promise<Answer> {
    const patience = new AbortController();
    const timer = setTimeout(() => {
      patience.abort();
      this.close();
    }, patienceMs);
    try {
      return await this.#exchange(`${method} ${path}`, patience.signal);
    } catch (error) {
      this.close();
      return { status: 0, body: patience.signal.aborted ? "no answer in time" : reasonOf(error) };
    } finally {
      clearTimeout(timer);
    }
  }

  close(): void {
    const connection = this.#connection;
    this.#connection = null;
    connection?.close();
  }

  async #exchange(what: string, signal: AbortSignal): Promise<Answer> {
    const connection = this.#connection ??= await this.#open(signal);
    const head = `${what} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Length: 0\r\n\r\n`;
    await connection.write(new TextEncoder().encode(head));
    for (let filled = 0;;) {
      const n = await connection.read(this.#space.subarray(filled));
      if (n === null) throw new Error("connection closed");
      filled += n;
      const text = new TextDecoder().decode(this.#space.subarray(0, filled));
      const end = text.indexOf("\r\n\r\n");
      if (end < 0) continue;
      const status = Number(text.slice(9, 12));
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text)?.[1] ?? NaN);
      if (!Number.isInteger(status) || !Number.isInteger(length)) throw new Error("no HTTP with a length");
      const body = text.slice(end + 4);
      if (body.length >= length) return { status, body };
    }
  }

  async #open(signal: AbortSignal): Promise<Deno.TcpConn> {
    const connection = await Deno.connect({ hostname: this.#host, port: this.#port, signal });
    connection.setNoDelay(true);
    return connection;
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/ \(os error \d+\)$/, "") : String(error);
}
