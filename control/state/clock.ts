/** Time as the state's part of the main thread has it. A value, so that a simulation can play the same code on a clock of its own. */
import { setImmediate } from "node:timers";
import { monotonicUs } from "../../kernel_ffi/libc.ts";

export interface Clock {
  /** Microseconds of the monotonic clock. */
  nowUs(): number;
  /** Wall clock, ISO 8601. */
  wall(): string;
  /** Calls back once, after at least this many microseconds. Returns what ends that. */
  after(us: number, act: () => void): () => void;
  /** Calls back when the code that runs now has ended, before anything else happens. */
  soon(act: () => void): void;
  /** Calls back behind everything that the event loop has at hand. */
  behind(act: () => void): void;
}

export const SYSTEM_CLOCK: Clock = {
  nowUs: monotonicUs,
  wall: () => new Date().toISOString(),
  after: (us, act) => {
    const timer = setTimeout(act, us / 1000);
    return () => clearTimeout(timer);
  },
  soon: (act) => queueMicrotask(act),
  behind: (act) => void setImmediate(act),
};
