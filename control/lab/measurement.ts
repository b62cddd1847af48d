/** What a client saw: from sent and answered packets to figures. Pure. Times in microseconds. */

/** Slices of equal length, one number each, from the first packet on. */
export interface Timeline {
  readonly sliceMs: number;
  /** Longest answer time of what was sent in the slice, 0 if nothing was answered. */
  readonly maxUs: readonly number[];
  readonly lost: readonly number[];
}

/** What a client has seen so far. */
export interface Progress {
  readonly atMs: number;
  readonly sent: number;
  readonly received: number;
  /** Not answered within `LATE_US`. */
  readonly missing: number;
  /** Longest time without an answer since the last report, a silence that goes on included. */
  readonly gapMs: number;
  /** The slices that were finished since the last report. */
  readonly fresh: Timeline;
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
  /** Microseconds of the monotonic clock: when the first packet left. */
  readonly startedUs: number;
  readonly timeline: Timeline;
}

export const SLICE_US = 2000;
/** What has no answer by then counts as missing while the traffic goes on. */
const LATE_US = 60_000;

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
  #reported = 0;
  #reportGapUs = 0;
  #missing = 0;

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
    this.#reportGapUs = Math.max(this.#reportGapUs, gap);
    this.#lastAnswerUs = nowUs;
  }

  finish(): Measurement {
    const first = this.#sentUs[0] ?? 0, last = this.#sent - 1;
    const lost = this.#sent - this.#received;
    // Silence at the end is a gap too, up to the last question: after it nobody owed an answer.
    const silenceUs = last >= 0 && this.#answeredUs[last] === 0 ? this.#sentUs[last]! - this.#lastAnswerUs : 0;
    if (silenceUs > this.#gapUs) {
      this.#gapUs = silenceUs;
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
      startedUs: first,
      timeline: this.#timeline(0, this.#sent),
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

  /** What is certain by now, and was not in the report before. */
  progress(nowUs: number): Progress {
    const first = this.#sentUs[0] ?? nowUs;
    const from = this.#reported;
    // Whole slices only, all of whose packets are answered or late.
    const certain = Math.floor((nowUs - LATE_US - first) / SLICE_US) * SLICE_US + first;
    while (this.#reported < this.#sent && this.#sentUs[this.#reported]! < certain) {
      if (this.#answeredUs[this.#reported++] === 0) this.#missing++;
    }
    const silenceUs = this.#received < this.#sent ? nowUs - this.#lastAnswerUs : 0;
    const gapUs = Math.max(this.#reportGapUs, silenceUs);
    this.#reportGapUs = 0;
    return {
      atMs: round((nowUs - first) / 1000),
      sent: this.#sent,
      received: this.#received,
      gapMs: round(gapUs / 1000),
      missing: this.#missing,
      fresh: this.#timeline(from, this.#reported),
    };
  }

  #timeline(from: number, to: number): Timeline {
    const first = this.#sentUs[0] ?? 0, offset = Math.floor(((this.#sentUs[from] ?? first) - first) / SLICE_US);
    const maxUs: number[] = [], lost: number[] = [];
    for (let i = from; i < to; i++) {
      const slice = Math.floor((this.#sentUs[i]! - first) / SLICE_US) - offset;
      while (maxUs.length <= slice) maxUs.push(0), lost.push(0);
      if (this.#answeredUs[i] === 0) lost[slice]!++;
      else maxUs[slice] = Math.max(maxUs[slice]!, Math.round(this.#answeredUs[i]! - this.#sentUs[i]!));
    }
    return { sliceMs: SLICE_US / 1000, maxUs, lost };
  }
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
