/** What the client sees, in one line that goes on: a picture of the last seconds, the last second, and what a fault has cost. Pure. */
import { durationText } from "../api/units.ts";
import { sparkline } from "./chart.ts";
import type { Progress, Timeline } from "./measurement.ts";

/** The client reports ten times a second. */
export const REPORT_MS = 100;
const SECOND = 1000 / REPORT_MS;
const COLUMNS = 16;
const MS_PER_COLUMN = 200;
const SLICES_MAX = (COLUMNS * MS_PER_COLUMN) / REPORT_MS;

export class ClientStrip {
  readonly #maxUs: number[] = [];
  readonly #lost: number[] = [];
  /** Of the last second: answers and the longest gap of each report. */
  readonly #second: { readonly answers: number; readonly gapMs: number }[] = [];
  #received = 0;
  #missing = 0;
  #lostBefore = 0;
  #since: { readonly what: string; lost: number; gapMs: number } | null = null;

  /** A client takes over from another one: its counters begin at 0. */
  renewed(): void {
    this.#lostBefore += this.#missing;
    this.#received = this.#missing = 0;
  }

  report(progress: Progress): void {
    const { received, missing, gapMs, fresh } = progress;
    this.#push(this.#maxUs, Math.max(0, ...fresh.maxUs));
    this.#push(this.#lost, fresh.lost.reduce((sum, lost) => sum + lost, 0));
    this.#second.push({ answers: received - this.#received, gapMs });
    if (this.#second.length > SECOND) this.#second.shift();
    if (this.#since !== null) {
      this.#since.lost += missing - this.#missing;
      this.#since.gapMs = Math.max(this.#since.gapMs, gapMs);
    }
    this.#received = received;
    this.#missing = missing;
  }

  #push(list: number[], value: number): void {
    list.push(value);
    if (list.length > SLICES_MAX) list.shift();
  }

  /** From now on the cost of this is counted. */
  begin(what: string): void {
    this.#since = { what, lost: 0, gapMs: 0 };
  }

  /** `client ▁▁▁▁×▁▁ 1000/s, gap 2.30 ms · power off a: gap 7.90 ms, 11 lost`. */
  text(): string {
    const timeline: Timeline = { sliceMs: REPORT_MS, maxUs: this.#maxUs, lost: this.#lost };
    const answers = this.#second.reduce((sum, report) => sum + report.answers, 0);
    const gapMs = Math.max(0, ...this.#second.map((report) => report.gapMs));
    const picture = sparkline(timeline, COLUMNS, MS_PER_COLUMN);
    const now = `client ${picture} ${answers}/s, gap ${durationText(gapMs * 1000)}`;
    if (this.#since === null) return `${now}, ${this.#lostBefore + this.#missing} lost`;
    const { what, lost, gapMs: worst } = this.#since;
    return `${now} · ${what}: gap ${durationText(worst * 1000)}, ${lost} lost`;
  }
}
