/** The last minute of every path, as the polls have seen it. Pure. */
import type { PathSnapshot } from "../core/messages.ts";

export interface PathSample {
  readonly atMs: number;
  /** null: no round trip was measured. */
  readonly rttUs: number | null;
  /** Share of heartbeats that did not come, 0…1. */
  readonly loss: number;
  readonly up: boolean;
}

export const HISTORY_MS = 60_000;
/** Four polls a second for a minute, and a margin. */
const SAMPLES_MAX = 300;

export type PathHistory = readonly PathSample[];

/** The history with what a path says now; what is older than a minute falls off. */
export function addSample(history: PathHistory, path: PathSnapshot, nowMs: number): PathHistory {
  const sample: PathSample = { atMs: nowMs, rttUs: path.rtt_us, loss: path.loss, up: path.state === "up" };
  const from = history.findIndex(({ atMs }) => atMs > nowMs - HISTORY_MS);
  return [...(from < 0 ? [] : history.slice(from)), sample].slice(-SAMPLES_MAX);
}

/** What stands in one column of a picture of the last minute: the worst of its time; null where nothing is known. */
export type Slice = { readonly rttUs: number | null; readonly loss: number; readonly up: boolean } | null;

/** A daemon is asked once a second: until it has been asked again what it said last is what is known. */
const HOLDS_MS = 2500;

/** The last minute in this many columns, the newest at the right. */
export function slices(history: PathHistory, nowMs: number, columns: number): Slice[] {
  const out: Slice[] = Array.from({ length: columns }, () => null);
  const columnOf = (atMs: number) => columns - 1 - Math.floor(((nowMs - atMs) / HISTORY_MS) * columns);
  for (const sample of history) {
    const age = nowMs - sample.atMs;
    if (age < 0 || age >= HISTORY_MS) continue;
    const there = out[columnOf(sample.atMs)];
    out[columnOf(sample.atMs)] = there ? worse(there, sample) : sample;
  }
  for (const [i, sample] of history.entries()) {
    const until = Math.min(history[i + 1]?.atMs ?? Infinity, sample.atMs + HOLDS_MS, nowMs);
    for (let column = Math.max(0, columnOf(sample.atMs) + 1); column <= columnOf(until); column++) {
      out[column] ??= sample;
    }
  }
  return out;
}

function worse(a: NonNullable<Slice>, b: NonNullable<Slice>): Slice {
  const rttUs = a.rttUs === null ? b.rttUs : b.rttUs === null ? a.rttUs : Math.max(a.rttUs, b.rttUs);
  return { rttUs, loss: Math.max(a.loss, b.loss), up: a.up && b.up };
}
