/**
 * Who sends to a group, by the packets that a standby keeps of it: a sample, enough to know the neighbours whom it will have to answer. Pure; leaves
 * nothing to the garbage collector while nobody new comes.
 *
 * Answers to a neighbour whose MAC is not known wait in the kernel, and those that follow may overtake them in the moment in which it becomes
 * known: the first answers of a new primary that has to ask are late, and may be out of order.
 */

/** IPv6. */
export const ADDRESS_BYTES_MAX = 16;
/** Remembered at the same time; of more, those that came first are forgotten. */
export const SPEAKERS_MAX = 64;
/** Told at once, at most: each may be a question to the network. */
export const TOLD_MAX = 16;
/** Between two tellings: somebody new is known soon, a flood of strangers makes few questions. */
const PAUSE_US = 100_000;
/** After this time all are told again: the kernel forgets a neighbour without traffic after a minute. */
const AGAIN_US = 20_000_000;

export class Speakers {
  readonly #addresses = new Uint8Array(SPEAKERS_MAX * ADDRESS_BYTES_MAX);
  readonly #lengths = new Uint8Array(SPEAKERS_MAX);
  /** Place of the next one; how many of those before it have not been told. */
  #next = 0;
  #untold = 0;
  #sinceUs = -Infinity;
  #toldUs = -Infinity;

  /** Somebody sent: `length` bytes of `address`, 4 or 16. */
  note(address: Uint8Array, length: number): void {
    for (let i = 0; i < SPEAKERS_MAX; i++) if (this.#lengths[i] === length && this.#isAt(i, address, length)) return;
    const at = this.#next * ADDRESS_BYTES_MAX;
    for (let i = 0; i < length; i++) this.#addresses[at + i] = address[i]!;
    this.#lengths[this.#next] = length;
    this.#next = (this.#next + 1) % SPEAKERS_MAX;
    this.#untold = Math.min(SPEAKERS_MAX, this.#untold + 1);
  }

  /** Whether `take` has somebody to tell of. */
  due(nowUs: number): boolean {
    return nowUs - this.#toldUs >= PAUSE_US && (this.#untold > 0 || nowUs - this.#sinceUs >= AGAIN_US);
  }

  /** Some of those who are new since the last call, or have been told long ago. */
  take(nowUs: number): Uint8Array<ArrayBuffer>[] {
    if (nowUs - this.#sinceUs >= AGAIN_US) this.#begin(nowUs);
    this.#toldUs = nowUs;
    const told: Uint8Array<ArrayBuffer>[] = [];
    for (; this.#untold > 0 && told.length < TOLD_MAX; this.#untold--) {
      const place = (this.#next - this.#untold + SPEAKERS_MAX) % SPEAKERS_MAX, at = place * ADDRESS_BYTES_MAX;
      told.push(this.#addresses.slice(at, at + this.#lengths[place]!));
    }
    return told;
  }

  /** Who does not speak any more is not told again. */
  #begin(nowUs: number): void {
    this.#sinceUs = nowUs;
    // What has come and was not told yet stays.
    for (let i = 0; i < SPEAKERS_MAX - this.#untold; i++) this.#lengths[(this.#next + i) % SPEAKERS_MAX] = 0;
  }

  #isAt(place: number, address: Uint8Array, length: number): boolean {
    const at = place * ADDRESS_BYTES_MAX;
    for (let i = 0; i < length; i++) if (this.#addresses[at + i] !== address[i]) return false;
    return true;
  }
}
