/** What the machine was doing: counters of the kernel, and what lies between two readings of them. Pure. */
import type { MachineSample } from "../core/evidence.ts";

/** Counters as they stand; they only grow. */
export interface MachineCounters {
  /** Monotonic milliseconds. */
  readonly atMs: number;
  /** Ticks of all processors together. */
  readonly busy: number;
  readonly steal: number;
  readonly iowait: number;
  readonly total: number;
  /** Nanoseconds for which the switch thread waited for a processor; null where the kernel does not count. */
  readonly runDelayNs: number | null;
  /** Microseconds for which something waited for a processor. */
  readonly pressureUs: number | null;
}

/** The first line of /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal. */
export function parseCpuLine(
  text: string,
): Pick<MachineCounters, "busy" | "steal" | "iowait" | "total"> | null {
  const match = /^cpu +([0-9 ]+)/.exec(text);
  if (match === null) return null;
  const [user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0] = match[1]!.trim()
    .split(/ +/).map(Number);
  const busy = user + nice + system + irq + softirq;
  return { busy, steal, iowait, total: busy + idle + iowait + steal };
}

/** The second number of a task's schedstat (Documentation/scheduler/sched-stats.rst): time spent waiting on a run queue. */
export function parseRunDelay(text: string): number | null {
  const match = /^[0-9]+ ([0-9]+) /.exec(text);
  return match === null ? null : Number(match[1]);
}

/** The line `some` of /proc/pressure/cpu (Documentation/accounting/psi.rst). */
export function parsePressure(text: string): number | null {
  const match = /^some .*total=([0-9]+)/m.exec(text);
  return match === null ? null : Number(match[1]);
}

/** Shorter spans say nothing: the kernel counts in ticks of ten milliseconds. */
const SPAN_LEAST_MS = 200;
/** Readings that are kept. */
const KEPT = 14;

/** The last readings. */
export class MachineRing {
  readonly #readings: MachineCounters[] = [];

  /** One that comes soon after the last takes its place. */
  note(reading: MachineCounters): void {
    const all = this.#readings;
    const before = all.at(-2), last = all.at(-1);
    if (before !== undefined && last !== undefined && last.atMs - before.atMs < SPAN_LEAST_MS) all.pop();
    all.push(reading);
    if (all.length > KEPT) all.shift();
  }

  /** Oldest first; spans that ended within the last `ms` milliseconds. */
  samples(ms: number): MachineSample[] {
    const all = this.#readings, newest = all.at(-1)?.atMs ?? 0;
    return all.slice(1).map((to, i) => between(all[i]!, to, newest)).filter(({ agoMs }) => agoMs <= ms);
  }
}

function between(from: MachineCounters, to: MachineCounters, newestMs: number): MachineSample {
  const spanMs = to.atMs - from.atMs, ticks = to.total - from.total;
  const share = (part: "busy" | "steal" | "iowait") => ticks <= 0 ? 0 : round(clamp((to[part] - from[part]) / ticks));
  const delayNs = difference(from.runDelayNs, to.runDelayNs), pressedUs = difference(from.pressureUs, to.pressureUs);
  return {
    agoMs: Math.round(newestMs - to.atMs),
    spanMs: Math.round(spanMs),
    busy: share("busy"),
    steal: share("steal"),
    iowait: share("iowait"),
    runDelayUs: delayNs === null ? null : Math.round(delayNs / 1000),
    pressure: pressedUs === null ? null : round(clamp(pressedUs / 1000 / spanMs)),
  };
}

function difference(from: number | null, to: number | null): number | null {
  return from === null || to === null ? null : to - from;
}

function clamp(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function round(share: number): number {
  return Math.round(share * 1000) / 1000;
}
