/** Answer times drawn with block characters: one column a slice of time, one row a power of ten. Pure. */
import { BLOCKS, LOST } from "../api/blocks.ts";
import type { Timeline } from "./measurement.ts";

export { LOST };

export interface ChartOptions {
  /** The part to draw, milliseconds since the first packet. */
  readonly fromMs: number;
  readonly columns: number;
  readonly msPerColumn: number;
  /** Where a mark stands below. */
  readonly markMs: number;
}

/** One column of the picture. */
interface Column {
  readonly maxUs: number;
  readonly lost: number;
  readonly sent: boolean;
}

const STEPS = BLOCKS.length - 1;
/** Answer time at the foot of each row, in microseconds, from the top. */
const ROWS: readonly { readonly fromUs: number; readonly label: string }[] = [
  { fromUs: 10_000, label: "10 ms" },
  { fromUs: 1000, label: "1 ms" },
  { fromUs: 100, label: "0.1 ms" },
  { fromUs: 10, label: "10 µs" },
];
const LABEL_WIDTH = 7;

/**
 * Rows from the top, then the axis with a mark. Rows in which nothing reaches are left out at the top.
 *
 * ```
 *   1 ms │          █
 * 0.1 ms │▂▂▃▂▂▂×××▅█▂▂▂
 *  10 µs │██████   ██████
 *        └──────┴─────────
 * ```
 */
export function chart(timeline: Timeline, options: ChartOptions): string[] {
  const columns = columnsOf(timeline, options.fromMs, options.columns, options.msPerColumn);
  const top = ROWS.findIndex(({ fromUs }) => columns.some(({ maxUs }) => maxUs >= fromUs));
  const rows = ROWS.slice(Math.min(top === -1 ? ROWS.length - 2 : top, ROWS.length - 2));
  const lines = rows.map(({ fromUs, label }, i) =>
    `${label.padStart(LABEL_WIDTH)} │` +
    columns.map((column) => i === rows.length - 1 && column.lost > 0 ? LOST : block(column.maxUs, fromUs)).join("")
  );
  const mark = Math.floor((options.markMs - options.fromMs) / options.msPerColumn);
  const axis = Array.from({ length: options.columns }, (_, i) => i === mark ? "┴" : "─").join("");
  return [...lines, `${" ".repeat(LABEL_WIDTH)} └${axis}`];
}

/** How full a row's cell is: 0 below its foot, full from ten times its foot on. */
function block(us: number, fromUs: number): string {
  if (us < fromUs) return " ";
  return BLOCKS[Math.min(STEPS, 1 + Math.floor(Math.log10(us / fromUs) * STEPS))]!;
}

/** One line for what goes on: logarithmic from 10 µs to 100 ms, the lost as crosses. */
export function sparkline(timeline: Timeline, columns: number, msPerColumn: number): string {
  return columnsOf(timeline, 0, columns, msPerColumn).map(({ maxUs, lost, sent }) => {
    if (lost > 0) return LOST;
    if (!sent) return " ";
    return BLOCKS[Math.max(1, Math.min(STEPS, Math.floor((Math.log10(Math.max(maxUs, 10)) - 1) * (STEPS / 4)) + 1))]!;
  }).join("");
}

function columnsOf(timeline: Timeline, fromMs: number, count: number, msPerColumn: number): Column[] {
  return Array.from({ length: count }, (_, i) => {
    const first = Math.round((fromMs + i * msPerColumn) / timeline.sliceMs);
    const end = Math.max(first + 1, Math.round((fromMs + (i + 1) * msPerColumn) / timeline.sliceMs));
    let maxUs = 0, lost = 0, sent = false;
    for (let slice = Math.max(0, first); slice < end && slice < timeline.maxUs.length; slice++) {
      sent = true;
      maxUs = Math.max(maxUs, timeline.maxUs[slice]!);
      lost += timeline.lost[slice]!;
    }
    return { maxUs, lost, sent };
  });
}
