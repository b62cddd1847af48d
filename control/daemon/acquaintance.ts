/**
 * Keeps a standby acquainted with the neighbours whom it would have to answer after a takeover (`switch/speakers.ts`). On the main thread: the
 * kernel's lock, for which this may wait, is nothing for the switch thread.
 */
import { KernelError } from "../../kernel_ffi/errno.ts";
import { Neighbours } from "../../kernel_ffi/neighbours.ts";

/** An interface that has just come up may ask after a second or two (duplicate address detection). */
const LATER_MS = 100;
/** Whose turn has not come: so many at the most, of a flood the first ones. */
const LATER_MAX = 64;

export class Acquaintance {
  #neighbours: Neighbours | null = null;
  #later: Uint8Array<ArrayBuffer>[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** Has the kernel ask for the neighbours by which these are reached. */
  make(addresses: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#neighbours ??= new Neighbours();
    for (const address of addresses) {
      try {
        if (this.#neighbours.seek(address) === "later") this.#postpone(address);
      } catch (error) {
        // An interface that is down, a table that is full: asked again in 20 s, and a takeover asks by itself.
        if (!(error instanceof KernelError)) throw error;
      }
    }
  }

  #postpone(address: Uint8Array<ArrayBuffer>): void {
    if (this.#later.length < LATER_MAX) this.#later.push(address);
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.make(this.#later.splice(0));
    }, LATER_MS);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#later = [];
    this.#neighbours?.close();
  }
}
