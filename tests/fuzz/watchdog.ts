/** An input that never ends keeps its thread from saying so: a thread beside it looks, names the input, and ends the process. */
import { replayCommand } from "./run.ts";
import type { FuzzTarget } from "./target.ts";

const LOOK_MS = 250;
/** Beyond the target's own bound, which is told with the input's bytes: for what never comes back. */
const FACTOR = 5;

interface Order {
  readonly counter: SharedArrayBuffer;
  readonly hangMs: number;
  readonly name: string;
  readonly seed: number;
  readonly pid: number;
}

export class Watchdog {
  readonly #worker: Worker;
  readonly #counter: Int32Array;

  static async start(target: FuzzTarget, seed: number): Promise<Watchdog> {
    const watchdog = new Watchdog();
    await watchdog.#begin({ hangMs: FACTOR * target.inputMsMax, name: target.name, seed, pid: Deno.pid });
    return watchdog;
  }

  private constructor() {
    this.#worker = new Worker(import.meta.url, { type: "module", name: "fuzz watchdog" });
    this.#counter = new Int32Array(new SharedArrayBuffer(4));
  }

  #begin(order: Omit<Order, "counter">): Promise<void> {
    this.#worker.postMessage({ ...order, counter: this.#counter.buffer });
    return new Promise((resolve) => this.#worker.onmessage = () => resolve());
  }

  playing(input: number): void {
    Atomics.store(this.#counter, 0, input);
  }

  stop(): void {
    this.#worker.terminate();
  }
}

function watch({ counter, hangMs, name, seed, pid }: Order): void {
  const shared = new Int32Array(counter);
  let last = -1, sinceMs = performance.now();
  setInterval(() => {
    const input = Atomics.load(shared, 0);
    if (input !== last) {
      last = input;
      sinceMs = performance.now();
      return;
    }
    if (performance.now() - sinceMs < hangMs) return;
    const text = `${name}: input ${input} hangs: no end after ${hangMs / 1000} s; again: ${
      replayCommand(name, seed, input)
    }\n`;
    Deno.stderr.writeSync(new TextEncoder().encode(text));
    Deno.kill(pid, "SIGKILL");
  }, LOOK_MS);
}

const scope = globalThis as unknown as { name?: string; onmessage: unknown; postMessage(message: unknown): void };
if (scope.name === "fuzz watchdog") {
  scope.onmessage = (event: MessageEvent<Order>) => {
    watch(event.data);
    scope.postMessage("ready");
  };
}
