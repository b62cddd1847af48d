/** Waits that end when they are told to. */

/** Resolves after the time, or at once when `signal` is aborted; never rejects. */
export function pause(us: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, us / 1000);
    signal.addEventListener("abort", done);
  });
}

/** The promise's value, or null once `signal` is aborted. */
export function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T | null> {
  if (signal.aborted) return Promise.resolve(null);
  return new Promise((resolve, reject) => {
    const abort = () => resolve(null);
    signal.addEventListener("abort", abort);
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** The promise's value, or null if it takes longer. */
export async function within<T>(promise: Promise<T>, us: number): Promise<T | null> {
  const timeout = new AbortController();
  const late = pause(us, timeout.signal).then(() => null);
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeout.abort();
  }
}

/** Lets others wait until something is so. Tell it of each change. */
export class Changes {
  readonly #waiting = new Set<() => void>();

  tell(): void {
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves once `condition` is true, or `signal` is aborted. */
  until(condition: () => boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const look = () => {
        if (!signal.aborted && !condition()) return;
        this.#waiting.delete(look);
        signal.removeEventListener("abort", look);
        resolve();
      };
      this.#waiting.add(look);
      signal.addEventListener("abort", look);
      look();
    });
  }
}
