/** What a span of time saw of delays: of the peer's heartbeats, of this node's own wakes, of its leases' refreshes. Plain data. Pure. */
import { mergeSpreads, NOTHING_COUNTED, type Spread } from "./histogram.ts";

/**
 * Every delay is what came *beyond* the interval that was due: a gap of 14 ms between two heartbeats that come each 10 ms is a delay of
 * 4 ms. So what was seen under one heartbeat interval can be applied to another.
 */
export interface Jitter {
  /** Heartbeats of a living peer, whichever link brought them first. */
  readonly heard: Spread;
  /** The same for each link alone. */
  readonly links: Readonly<Record<string, Spread>>;
  /** How late the switch thread of this node woke. */
  readonly wakes: Spread;
  /** How much older than a heartbeat interval leases were when they were refreshed, or could not be any more. */
  readonly leases: Spread;
  /** Silences of a peer in one run of it that were too long to be a delay. */
  readonly outages: number;
}

/** Longer silences are outages: a machine that was suspended, a cable that was out. */
export const OUTAGE_US = 10_000_000;

export interface JitterRow extends Jitter {
  /** Start of the span, seconds of the wall clock (Unix), and its length. */
  readonly at: number;
  readonly seconds: number;
}

export const NO_JITTER: Jitter = {
  heard: NOTHING_COUNTED,
  links: {},
  wakes: NOTHING_COUNTED,
  leases: NOTHING_COUNTED,
  outages: 0,
};

export function mergeJitter(all: readonly Jitter[]): Jitter {
  const names = [...new Set(all.flatMap(({ links }) => Object.keys(links)))].sort();
  return {
    heard: mergeSpreads(all.map((one) => one.heard)),
    links: Object.fromEntries(
      names.map((name) => [name, mergeSpreads(all.map((one) => one.links[name] ?? NOTHING_COUNTED))]),
    ),
    wakes: mergeSpreads(all.map((one) => one.wakes)),
    leases: mergeSpreads(all.map((one) => one.leases)),
    outages: all.reduce((sum, one) => sum + one.outages, 0),
  };
}
