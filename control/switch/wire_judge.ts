/**
 * Whether the network gives both nodes the same, from what both say to have seen of it, second by second. Pure but for what it remembers.
 *
 * Both send a frame to the virtual MAC twice a second, so who sees none at all is cut off from it: the switch suppresses frames for a MAC
 * that it does not know, or believes to know where it is.
 */

/** Of `GroupState.seen`. */
const NOT_COUNTED = 0;
const NONE = 1;
/** Frames a second from which on a difference means something. */
const TRAFFIC = 40;
/** The two do not count the same second: what comes in bursts is in the one's now and in the other's next. Over so many it is the same. */
const WINDOW_S = 4;
/** Seconds in a row that must be bad; good for a new try, at first and at most; in force after which the next try comes early again. */
const BAD_S = 3;
const RETRY_S = 30;
const RETRY_MAX_S = 3600;
const CALM_S = 600;

export interface WireView {
  /** What the primary and the standby say to see (`GroupState.seen`). */
  readonly own: number;
  readonly peer: number;
  readonly peerName: string;
  readonly fallback: boolean;
}

export class WireJudge {
  #bad = 0;
  #good = 0;
  #retryS = RETRY_S;
  /** What both have seen in the last seconds. */
  readonly #own = new Float64Array(WINDOW_S);
  readonly #peer = new Float64Array(WINDOW_S);
  #next = 0;

  /** Nothing can be compared now. */
  pause(): void {
    this.#bad = 0;
    this.#good = 0;
    this.#own.fill(0);
    this.#peer.fill(0);
  }

  /** Once a second. Why the shared wire does not work, "" to use it (again), null for no change. */
  look({ own, peer, peerName, fallback }: WireView): string | null {
    if (own === NOT_COUNTED || peer === NOT_COUNTED) {
      this.pause();
      return null;
    }
    const problem = this.#problem(own, peer, peerName);
    this.#bad = problem === "" ? 0 : this.#bad + 1;
    this.#good = problem === "" ? this.#good + 1 : 0;
    if (fallback) {
      if (this.#good < this.#retryS) return null;
      this.pause();
      return "";
    }
    if (this.#good === CALM_S) this.#retryS = RETRY_S;
    if (this.#bad < BAD_S) return null;
    // Frames that are policed only when there are many look well again as soon as nobody sends any.
    if (this.#tried) this.#retryS = Math.min(RETRY_MAX_S, 2 * this.#retryS);
    this.#tried = true;
    this.pause();
    return problem;
  }

  #tried = false;

  #problem(own: number, peer: number, peerName: string): string {
    if (peer === NONE) {
      return `${peerName} sees no frame for the virtual MAC: the switch suppresses them, or has learnt where it is`;
    }
    if (own === NONE) {
      return "this node sees no frame for the virtual MAC: the switch suppresses them, or has learnt where it is";
    }
    const [mine, theirs] = [own - 1, peer - 1];
    this.#own[this.#next] = mine;
    this.#peer[this.#next] = theirs;
    this.#next = (this.#next + 1) % WINDOW_S;
    if (!differ(mine, theirs) || !differ(sumOf(this.#own), sumOf(this.#peer))) return "";
    return `this node sees ${mine} frames a second for the virtual MAC, ${peerName} ${theirs}`;
  }
}

/** By so much that it means something. */
function differ(one: number, other: number): boolean {
  return Math.max(one, other) >= TRAFFIC && 2 * Math.min(one, other) < Math.max(one, other);
}

function sumOf(numbers: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < numbers.length; i++) sum += numbers[i]!;
  return sum;
}
