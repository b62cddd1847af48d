/**
 * Groups whose take the core has ordered and the kernel has not done yet. Where several groups are taken in one step, the heartbeats of the first
 * takes leave before the last ones are done: they speak of all groups, and must not refresh a lease that is still to be taken. Pure.
 */

const DONE = 0, ORDERED = 1, TOLD = 2;

export class Untaken {
  readonly #state: Uint8Array;
  #waiting = 0;

  constructor(groups: number) {
    this.#state = new Uint8Array(groups);
  }

  ordered(group: number): void {
    if (this.#state[group] === DONE) this.#waiting++;
    this.#state[group] = ORDERED;
  }

  has(group: number): boolean {
    return this.#state[group] !== DONE;
  }

  /** A heartbeat has left: the peer knows of what is ordered. */
  told(): void {
    if (this.#waiting === 0) return;
    for (let i = 0; i < this.#state.length; i++) if (this.#state[i] === ORDERED) this.#state[i] = TOLD;
  }

  /** Its turn has come. True if the peer may have heard of it before. */
  take(group: number): boolean {
    const told = this.#state[group] === TOLD;
    if (this.#state[group] !== DONE) this.#waiting--;
    this.#state[group] = DONE;
    return told;
  }
}
