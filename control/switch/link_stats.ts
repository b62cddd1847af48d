/** What is known of one link to the peer: round trip, loss, delays, when it was last heard. Pure. */
import { Delays } from "../core/histogram.ts";
import { OUTAGE_US } from "../core/jitter.ts";

/** Sent times are kept for this many heartbeats: at 2 ms, half a second. */
const SENT_KEPT = 256;

/** When each of our last heartbeats left; shared by all links. */
export class SentTimes {
  readonly #seq = new Uint32Array(SENT_KEPT);
  readonly #us = new Float64Array(SENT_KEPT);

  note(seq: number, nowUs: number): void {
    this.#seq[seq % SENT_KEPT] = seq;
    this.#us[seq % SENT_KEPT] = nowUs;
  }

  /** NaN if it is too long ago. */
  of(seq: number): number {
    return this.#seq[seq % SENT_KEPT] === seq ? this.#us[seq % SENT_KEPT]! : NaN;
  }
}

export class LinkStats {
  /** Sequence last heard here, 0 if none, and when. */
  seq = 0;
  heardUs = -Infinity;
  rttUs = NaN;
  /** Share of heartbeats that did not come, smoothed over about a hundred. */
  loss = 0;
  /** When the peer last told of another of our heartbeats that it had heard here. */
  answeredUs = -Infinity;
  /** How much later than due heartbeats came by here. */
  readonly delays = new Delays();
  #echoed = 0;

  /**
   * An authentic heartbeat of the peer's present session came by here.
   * @param beatUs between two of the peer's heartbeats: what comes after a longer gap was late
   * @param every the link carries sequences that are a multiple of this, and urgent ones
   */
  heard(seq: number, nowUs: number, beatUs: number, every = 1): void {
    const gap = seq - this.seq;
    if (this.seq !== 0 && nowUs - this.heardUs <= OUTAGE_US) this.delays.note(nowUs - this.heardUs - beatUs * every);
    if (this.seq !== 0 && gap > 0 && gap < 1000) {
      const missed = Math.floor((seq - 1) / every) - Math.floor(this.seq / every);
      for (let i = 0; i < missed; i++) this.loss += (1 - this.loss) / 100;
      this.loss -= this.loss / 100;
    }
    if (gap > 0 || gap < -1000) this.seq = seq;
    this.heardUs = nowUs;
  }

  /** The peer says when it heard ours here. */
  echoed(seq: number, delayUs: number, sent: SentTimes, nowUs: number): void {
    if (seq === 0 || seq === this.#echoed) return;
    this.#echoed = seq;
    this.answeredUs = nowUs;
    const rtt = nowUs - sent.of(seq) - delayUs;
    if (!(rtt >= 0)) return;
    this.rttUs = Number.isNaN(this.rttUs) ? rtt : this.rttUs + (rtt - this.rttUs) / 8;
  }

  /** The peer has begun a new session: its sequence starts anew. */
  reset(): void {
    this.seq = 0;
    this.#echoed = 0;
    this.answeredUs = -Infinity;
  }
}
