/** What a client saw: from sent and answered packets to figures. Pure. Times in microseconds. */

export interface Bucket {
  /** Start, milliseconds since the first packet. */
  readonly atMs: number;
  /** Longest answer time, 0 if nothing was answered. */
  readonly maxUs: number;
  readonly lost: number;
}

export interface Measurement {
  readonly sent: number;
  readonly received: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly reordered: number;
  /** Longest time between two answers, and when it began. */
  readonly longestGapMs: number;
  readonly gapAtMs: number;
  readonly rttP50Us: number;
  readonly rttP99Us: number;
  readonly rttMaxUs: number;
  readonly timeline: readonly Bucket[];
}

const BUCKET_US = 10_000;

/** Collects while packets come and go; every packet has a number from 0 on. */
export class Recorder {
  readonly #sentUs: Float64Array;
  readonly #answeredUs: Float64Array;
  #sent = 0;
  #received = 0;
  #duplicates = 0;
  #reordered = 0;
  #highest = -1;
  #lastAnswerUs = NaN;
  #gapUs = 0;
  #gapAtUs = 0;

  constructor(capacity: number) {
    this.#sentUs = new Float64Array(capacity);
    this.#answeredUs = new Float64Array(capacity);
  }

  get capacity(): number {
    return this.#sentUs.length;
  }

  /** Number of the next packet. */
  get next(): number {
    return this.#sent;
  }

  get received(): number {
    return this.#received;
  }

  sent(nowUs: number): void {
    this.#sentUs[this.#sent++] = nowUs;
    if (Number.isNaN(this.#lastAnswerUs)) this.#lastAnswerUs = nowUs;
  }

  answered(seq: number, nowUs: number): void {
    if (!(seq >= 0 && seq < this.#sent)) return;
    if (this.#answeredUs[seq] !== 0) {
      this.#duplicates++;
      return;
    }
    this.#answeredUs[seq] = nowUs;
    this.#received++;
    if (seq < this.#highest) this.#reordered++;
    else this.#highest = seq;
    const gap = nowUs - this.#lastAnswerUs;
    if (gap > this.#gapUs) {
      this.#gapUs = gap;
      this.#gapAtUs = this.#lastAnswerUs;
    }
    this.#lastAnswerUs = nowUs;
  }

  /** @param endUs when waiting for answers ended: silence until then is a gap too */
  finish(endUs: number): Measurement {
    const first = this.#sentUs[0] ?? 0;
    const lost = this.#sent - this.#received;
    const silentAtEnd = this.#sent > 0 && this.#answeredUs[this.#sent - 1] === 0;
    if (silentAtEnd && endUs - this.#lastAnswerUs > this.#gapUs) {
      this.#gapUs = endUs - this.#lastAnswerUs;
      this.#gapAtUs = this.#lastAnswerUs;
    }
    const rtts = this.#rtts();
    const at = (share: number) =>
      rtts.length === 0 ? 0 : rtts[Math.min(rtts.length - 1, Math.floor(rtts.length * share))]!;
    return {
      sent: this.#sent,
      received: this.#received,
      lost,
      duplicates: this.#duplicates,
      reordered: this.#reordered,
      longestGapMs: round(this.#gapUs / 1000),
      gapAtMs: round((this.#gapAtUs - first) / 1000),
      rttP50Us: round(at(0.5)),
      rttP99Us: round(at(0.99)),
      rttMaxUs: round(at(1)),
      timeline: this.#timeline(first),
    };
  }

  #rtts(): Float64Array {
    const rtts = new Float64Array(this.#received);
    let n = 0;
    for (let i = 0; i < this.#sent; i++) {
      if (this.#answeredUs[i] !== 0) rtts[n++] = this.#answeredUs[i]! - this.#sentUs[i]!;
    }
    return rtts.sort();
  }

  #timeline(first: number): Bucket[] {
    const buckets: { atMs: number; maxUs: number; lost: number }[] = [];
    for (let i = 0; i < this.#sent; i++) {
      const index = Math.floor((this.#sentUs[i]! - first) / BUCKET_US);
      while (buckets.length <= index) buckets.push({ atMs: (buckets.length * BUCKET_US) / 1000, maxUs: 0, lost: 0 });
      const bucket = buckets[index]!;
      if (this.#answeredUs[i] === 0) bucket.lost++;
      else bucket.maxUs = Math.max(bucket.maxUs, Math.round(this.#answeredUs[i]! - this.#sentUs[i]!));
    }
    return buckets;
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
