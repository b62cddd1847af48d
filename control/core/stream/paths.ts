/** Which path a packet leaves by: a silent path's packets by another one, the others by the path with room and the shortest way. */
import { PING_US, PROBE_PACKETS } from "./limits.ts";
import { type Outcome, Sent } from "./sent.ts";

export class Paths {
  readonly sent: readonly Sent[];
  readonly #open: readonly boolean[];
  /** Packets that leave whatever the window says. */
  readonly #forced: number[];
  readonly #pings: boolean[];

  /** @param open which paths can send, kept up to date by its owner */
  constructor(open: readonly boolean[], outcome: Outcome) {
    this.#open = open;
    this.sent = open.map(() => new Sent(outcome));
    this.#forced = open.map(() => 0);
    this.#pings = open.map(() => true);
  }

  /** Can this path take a packet at all? */
  canSend(path: number): boolean {
    return this.#open[path]! && this.sent[path]!.canProbe;
  }

  /** Does it answer? */
  isLive(path: number): boolean {
    return this.#open[path]! && !this.sent[path]!.quiet;
  }

  /** The live path with the shortest round trip, `not` excepted; −1: none. */
  best(not: number): number {
    let best = -1;
    for (let path = 0; path < this.sent.length; path++) {
      if (path === not || !this.isLive(path)) continue;
      if (best < 0 || this.sent[path]!.rtt.smoothedUs < this.sent[best]!.rtt.smoothedUs) best = path;
    }
    return best;
  }

  /** A path that must be probed, which counts as done with it; else the best one with room; −1: none. */
  takeForData(urgent: boolean): number {
    let best = -1;
    for (let path = 0; path < this.sent.length; path++) {
      if (!this.canSend(path)) continue;
      if (this.#forced[path]! > 0) {
        this.#forced[path]!--;
        return path;
      }
      const sent = this.sent[path]!;
      if (sent.quiet || !sent.hasRoom(urgent)) continue;
      if (best < 0 || sent.rtt.smoothedUs < this.sent[best]!.rtt.smoothedUs) best = path;
    }
    return best;
  }

  /** There was not more to send: a probe that is left over is not owed any more. */
  endTurn(path: number): void {
    this.#forced[path] = 0;
  }

  owesPing(path: number): boolean {
    return this.#pings[path]!;
  }

  /** Something left by it that wants an acknowledgement, which is as good as a ping. */
  onAsked(path: number): void {
    this.#pings[path] = false;
  }

  /** The peer should hear that we are here. */
  pingAll(): void {
    this.#pings.fill(true);
  }

  get deadlineUs(): number {
    let deadline = Infinity;
    for (let path = 0; path < this.sent.length; path++) {
      const sent = this.sent[path]!;
      deadline = Math.min(deadline, sent.deadlineUs);
      if (this.#open[path]) deadline = Math.min(deadline, sent.lastSentUs + PING_US);
    }
    return deadline;
  }

  onTimer(nowUs: number): void {
    for (let path = 0; path < this.sent.length; path++) {
      const sent = this.sent[path]!;
      if (sent.onTimer(nowUs, this.best(path) >= 0)) this.#probe(path);
      if (sent.lastSentUs + PING_US <= nowUs) this.#pings[path] = true;
    }
  }

  /** What the silent path carried leaves by the best other one, or by the same where there is none. */
  #probe(path: number): void {
    const other = this.best(path);
    if (other < 0) {
      this.#forced[path] = PROBE_PACKETS;
      this.#pings[path] = true;
      return;
    }
    this.#forced[other] = PROBE_PACKETS;
    if (!this.sent[path]!.quiet) this.#pings[path] = true;
  }
}
