/** Looks after the switch thread, and gives word to the service manager's watchdog while it lives. */
import { sdNotify, watchdogIntervalUs } from "../../kernel_ffi/systemd.ts";

/** A switch thread that has been silent for this long is given up: the service manager starts the daemon anew. */
const SWITCH_SILENT_MS = 5000;

export interface Watched {
  /** Monotonic milliseconds of its last sign of life. */
  aliveAt: number;
}

/**
 * @param ready whether the node has started
 * @param fatal told once too often is no harm: the process ends by it
 * @returns ends the watch
 */
export function watchSwitch(watched: Watched, ready: () => boolean, fatal: (text: string) => void): () => void {
  const interval = watchdogIntervalUs();
  const everyMs = interval === null ? 1000 : Math.min(1000, interval / 3000);
  let looked = performance.now();
  const timer = setInterval(() => {
    // A process that was stopped finds both threads silent; the other one gets its time to say so.
    const slept = performance.now() - looked > 3 * everyMs;
    looked = performance.now();
    if (slept) watched.aliveAt = Math.max(watched.aliveAt, looked);
    if (looked - watched.aliveAt > SWITCH_SILENT_MS) return fatal("the switch thread has been silent for 5 s");
    if (interval !== null && ready()) sdNotify("WATCHDOG=1");
  }, everyMs);
  return () => clearInterval(timer);
}
