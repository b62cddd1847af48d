/** Timers of a thread's part, which end together. */
export class Timers {
  readonly #after: () => void;
  readonly #running = new Set<ReturnType<typeof setTimeout>>();

  /** @param after called behind each body */
  constructor(after: () => void) {
    this.#after = after;
  }

  later(ms: number, body: () => void): void {
    const timer = setTimeout(() => {
      this.#running.delete(timer);
      body();
      this.#after();
    }, ms);
    this.#running.add(timer);
  }

  end(): void {
    for (const timer of this.#running) clearTimeout(timer);
    this.#running.clear();
  }
}
