/**
 * Keeps a standby acquainted with the neighbours whom it would have to answer after a takeover (`switch/speakers.ts`). On the main thread: the
 * kernel's lock, for which this may wait, is nothing for the switch thread.
 */
import { KernelError } from "../../kernel_ffi/errno.ts";
import { Neighbours } from "../../kernel_ffi/neighbours.ts";

export class Acquaintance {
  #neighbours: Neighbours | null = null;

  /** Has the kernel ask for the neighbours by which these are reached. */
  make(addresses: readonly Uint8Array<ArrayBuffer>[]): void {
    this.#neighbours ??= new Neighbours();
    for (const address of addresses) {
      try {
        this.#neighbours.seek(address);
      } catch (error) {
        // An interface that is down, a table that is full: asked again in 20 s, and a takeover asks by itself.
        if (!(error instanceof KernelError)) throw error;
      }
    }
  }

  close(): void {
    this.#neighbours?.close();
  }
}
