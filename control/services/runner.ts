/** The two ways to run a service: as a child of this process, or by systemd. */
import type { StopOutcome } from "./child.ts";

/** A service that runs. */
export interface Instance {
  readonly pid?: number;
  /** Resolves, with words, when it has ended without having been told to. */
  readonly ended: Promise<string>;
  /** Takes no longer than the time, and what killing takes. */
  stop(timeoutUs: number): Promise<StopOutcome>;
  /** Watches it no longer, and lets it run. */
  leave(): void;
}

export interface Runner {
  /** Resolves when it runs, whether or not it works yet; rejects with what went wrong. `signal` calls it off. */
  start(signal: AbortSignal): Promise<Instance>;
  /** Ends it where it runs though nobody here has started it. */
  clear(): Promise<void>;
}
