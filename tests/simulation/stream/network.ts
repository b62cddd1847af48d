/** The ways between two simulated nodes: each path and direction loses, delays, doubles and reorders on its own. */
import type { Random } from "../random.ts";

export interface Way {
  up: boolean;
  loss: number;
  doubled: number;
  delayUs: number;
  /** Added to a packet's delay, up to this: more than the time between two packets reorders them. */
  jitterUs: number;
}

export class Network {
  readonly ways: readonly (readonly [Way, Way])[];
  readonly #random: Random;

  constructor(random: Random, paths: number) {
    this.#random = random;
    const way = (): Way => ({ up: true, loss: 0, doubled: 0, delayUs: 100, jitterUs: 20 });
    this.ways = Array.from({ length: paths }, () => [way(), way()] as const);
  }

  /** When the copies of a packet arrive, if any does. */
  arrivals(path: number, from: 0 | 1, nowUs: number): number[] {
    const way = this.ways[path]![from], random = this.#random;
    if (!way.up || random.chance(way.loss)) return [];
    const arrival = () => nowUs + way.delayUs + random.next() * way.jitterUs;
    return random.chance(way.doubled) ? [arrival(), arrival()] : [arrival()];
  }

  heal(): void {
    for (const pair of this.ways) {
      for (const way of pair) Object.assign(way, { up: true, loss: 0, doubled: 0, delayUs: 100, jitterUs: 20 });
    }
  }
}
