/** What every fuzz target is: something that reads bytes it did not make, and what must hold whatever they are. */
import type { Random } from "../simulation/random.ts";

export interface FuzzTarget {
  readonly name: string;
  /** What is fed to what, in one line. */
  readonly about: string;
  /** Inputs of the short run in the tests: one to three seconds. */
  readonly shortInputs: number;
  /** Longest time for one input, with room for a busy machine. */
  readonly inputMsMax: number;
  open(): Subject | Promise<Subject>;
}

export interface Subject {
  /**
   * Makes one input, all of it from `random`, and feeds it. Throws if what must hold does not. Nothing of one input may reach the
   * next: each can be replayed alone.
   */
  play(random: Random): void | Promise<void>;
  /** The last input, for a report. */
  describe(): string;
  close?(): void | Promise<void>;
}

/** Bytes for a report: all of a short input, the beginning of a long one. */
export function showBytes(bytes: Uint8Array): string {
  const SHOWN_MAX = 1500;
  const more = bytes.length > SHOWN_MAX ? ` … (${bytes.length} bytes)` : "";
  return bytes.subarray(0, SHOWN_MAX).toHex() + more;
}
