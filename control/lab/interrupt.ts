/** What ends a lab early: a signal that asks for the end, or nobody being left to read what it says. */

const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
/** As if SIGPIPE had ended it, which Deno ignores. */
const READER_GONE = 141;
const encoder = new TextEncoder();

export class Interrupt {
  /** Resolves with the exit code. Never, if nothing asks for the end. */
  readonly came: Promise<number>;
  readonly #resolve: (code: number) => void;
  readonly #listeners: (readonly [Deno.Signal, () => void])[] = [];

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>();
    this.came = promise;
    this.#resolve = resolve;
    for (const [signal, code] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
      const listener = () => resolve(code);
      Deno.addSignalListener(signal, listener);
      this.#listeners.push([signal, listener]);
    }
  }

  /** Writes everything; a reader or a terminal that has gone is an interrupt. */
  write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
    const bytes = encoder.encode(text);
    try {
      for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
    } catch (error) {
      if (!(error instanceof Deno.errors.BrokenPipe) && !terminalGone(error)) throw error;
      this.#resolve(READER_GONE);
    }
  }

  close(): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}

/** A terminal that was closed answers writes with EIO, for which Deno has no class of its own. */
function terminalGone(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EIO";
}
