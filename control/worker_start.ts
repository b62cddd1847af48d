/** Starting a thread whose room is loaded on demand: what is sent to it meanwhile waits. */

interface WorkerScope {
  onmessage: ((message: MessageEvent) => void) | null;
}

/**
 * Loads and runs a worker's body, which sets `onmessage`, and then hands it what had come before: a message that finds no handler is
 * lost without a word.
 * @param load imports the body
 */
export async function startWorker(load: () => Promise<() => void>): Promise<void> {
  const scope = globalThis as unknown as WorkerScope;
  const early: MessageEvent[] = [];
  scope.onmessage = (message) => early.push(message);
  const run = await load();
  run();
  for (const message of early) scope.onmessage?.(message);
}
