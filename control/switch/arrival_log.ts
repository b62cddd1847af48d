/**
 * When the packets of a shadow came: a mark for each look at the queue, that says up to which packet everything had come by then. Pure;
 * numbers in arrays that are there from the beginning.
 */
const MARKS_MAX = 256;

export class ArrivalLog {
  readonly #atUs = new Float64Array(MARKS_MAX);
  readonly #id = new Uint32Array(MARKS_MAX);
  readonly #packets = new Float64Array(MARKS_MAX);
  readonly #bytes = new Float64Array(MARKS_MAX);
  #first = 0;
  #count = 0;
  /** What waits. */
  packets = 0;
  bytes = 0;
  /** Of the last `take…`: id up to which packets were taken out of the log, and how many; 0: none. */
  takenUpTo = 0;
  taken = 0;

  /** These came since the mark before; the last of them was `id`. */
  note(atUs: number, id: number, packets: number, bytes: number): void {
    if (packets === 0) return;
    // Where there is no room they count as if all had come as late as the last of them: they stay longer, and are not lost.
    const at = this.#count < MARKS_MAX ? this.#count++ : MARKS_MAX - 1;
    const slot = (this.#first + at) % MARKS_MAX, joined = this.#packets[slot]! > 0;
    this.#atUs[slot] = atUs;
    this.#id[slot] = id;
    this.#packets[slot] = (joined ? this.#packets[slot]! : 0) + packets;
    this.#bytes[slot] = (joined ? this.#bytes[slot]! : 0) + bytes;
    this.packets += packets;
    this.bytes += bytes;
  }

  /** When the oldest that wait were seen first, -1 if none do. */
  get oldestUs(): number {
    return this.#count === 0 ? -1 : this.#atUs[this.#first]!;
  }

  /** Takes out all that had come by then. */
  takeUntil(us: number): void {
    this.#begin();
    while (this.#count > 0 && this.#atUs[this.#first]! <= us) this.#takeFirst();
  }

  /**
   * Takes out the oldest until no more than this is left. What came between two looks is taken apart as if all of it had the same size, never
   * taken as a whole: a late look must not cost everything.
   */
  takeDownTo(bytes: number, packets: number): void {
    this.#begin();
    while (this.#count > 0 && (this.bytes > bytes || this.packets > packets)) {
      const came = this.#packets[this.#first]!, size = this.#bytes[this.#first]! / came;
      const tooMany = Math.ceil(Math.max(this.packets - packets, size > 0 ? (this.bytes - bytes) / size : 0));
      if (tooMany >= came) this.#takeFirst();
      else this.#takeSome(tooMany, size);
    }
  }

  takeAll(): void {
    this.takeUntil(Infinity);
  }

  #begin(): void {
    this.takenUpTo = 0;
    this.taken = 0;
  }

  /** The oldest of the first mark. Ids follow one another. */
  #takeSome(packets: number, size: number): void {
    const slot = this.#first;
    this.#packets[slot]! -= packets;
    this.#bytes[slot]! -= packets * size;
    this.takenUpTo = (this.#id[slot]! - this.#packets[slot]!) >>> 0;
    this.taken += packets;
    this.packets -= packets;
    this.bytes -= packets * size;
  }

  #takeFirst(): void {
    const slot = this.#first;
    this.takenUpTo = this.#id[slot]!;
    this.taken += this.#packets[slot]!;
    this.packets -= this.#packets[slot]!;
    this.bytes -= this.#bytes[slot]!;
    this.#packets[slot] = 0;
    this.#bytes[slot] = 0;
    this.#first = (slot + 1) % MARKS_MAX;
    this.#count--;
  }
}
