/**
 * What is between the two nodes: the service LAN (a switch with a port for each, heartbeats as frames and as datagrams, questions about the
 * address, clients) and the cable. Each path and each direction has faults of its own.
 */
import type { Random } from "./random.ts";

/** One direction of one path. */
export interface Way {
  up: boolean;
  loss: number;
  doubled: number;
  /** Added to a packet's delay, up to this: more than the time between two packets reorders them. */
  jitterUs: number;
}

export const CABLE = 0, LAN = 1;
/** What the core calls them: the bit of the service interface by which a frame came, 0 for any other path. */
export const LINK_BITS = [0, 1] as const;
export type PathIndex = typeof CABLE | typeof LAN;
export type NodeIndex = 0 | 1;

const LEAST_US = 30;
const SPREAD_US = 120;

export class Network {
  /** For daemons' datagrams and frames: by path, then by sender. */
  readonly ways: readonly (readonly [Way, Way])[];
  /** The switch is in two parts: neither packets nor questions get across. */
  split = false;
  /** What the packets of the peer stream wait for in queues, besides. */
  streamLagUs = 0;
  readonly #random: Random;
  /** A wire without jitter does not reorder: when the last packet of each way arrives. */
  readonly #last = [0, 0, 0, 0];

  constructor(random: Random) {
    this.#random = random;
    this.ways = [CABLE, LAN].map(() => [healthy(), healthy()] as const);
  }

  /** When a packet arrives, after `nowUs`; with how many copies. Empty: it is lost. */
  arrivals(path: PathIndex, from: NodeIndex, nowUs: number): number[] {
    const way = this.ways[path]![from], random = this.#random;
    if (!way.up || (path === LAN && this.split) || (way.loss > 0 && random.chance(way.loss))) return [];
    const first = this.arrival(path, from, nowUs);
    return way.doubled > 0 && random.chance(way.doubled) ? [first, this.arrival(path, from, nowUs)] : [first];
  }

  /** The same for what no fault of a path takes away: frames that no filter looks at. */
  arrival(path: PathIndex, from: NodeIndex, nowUs: number): number {
    const way = this.ways[path]![from], random = this.#random;
    const at = nowUs + random.int(LEAST_US, LEAST_US + SPREAD_US);
    if (way.jitterUs > 0) return at + random.int(0, way.jitterUs);
    const wire = 2 * path + from;
    return this.#last[wire] = Math.max(at, this.#last[wire]! + 1);
  }

  /** Both directions of a path work, if not for every packet. */
  isWhole(path: PathIndex): boolean {
    return this.ways[path]!.every((way) => way.up) && !(path === LAN && this.split);
  }

  heal(): void {
    this.split = false;
    this.streamLagUs = 0;
    for (const pair of this.ways) for (const way of pair) Object.assign(way, healthy());
  }
}

function healthy(): Way {
  return { up: true, loss: 0, doubled: 0, jitterUs: 0 };
}
