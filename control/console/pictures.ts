/** Pictures made of block characters: a line of round-trip times, and the steps of a switch as bars. Pure. */
import { BLOCKS, LOST } from "../api/blocks.ts";
import type { Slice } from "./history.ts";
import { cell, rightCell, type Row, row, type Span, span, textWidth } from "./row.ts";

/** Lost heartbeats in a column from this share on are shown in place of its height. */
export const LOSS_SHOWN = 0.05;

/**
 * One character a slice. Heights are relative to the median of what is shown, so that an ordinary path is a low even line and
 * its own worse moments stand out: full from eight times the median on. `×`: down, or heartbeats lost.
 */
export function sparkline(parts: readonly Slice[]): Span[] {
  const times = parts.flatMap((part) => part === null || part.rttUs === null ? [] : [part.rttUs]).sort((a, b) => a - b);
  const median = times[Math.floor(times.length / 2)] ?? 0;
  const spans: { text: string; tone: Span["tone"] }[] = [];
  for (const part of parts) {
    const text = mark(part, median);
    const tone = text === LOST ? "bad" : "good";
    const last = spans.at(-1);
    if (last?.tone === tone) last.text += text;
    else spans.push({ text, tone });
  }
  return spans;
}

function mark(part: Slice, medianUs: number): string {
  if (part === null) return " ";
  if (!part.up || part.loss >= LOSS_SHOWN) return LOST;
  if (part.rttUs === null || medianUs === 0) return BLOCKS[1]!;
  return BLOCKS[Math.min(BLOCKS.length - 1, Math.max(1, Math.round(part.rttUs / medianUs)))]!;
}

export interface Step {
  readonly step: string;
  /** When it was done, microseconds since the first one. */
  readonly atUs: number;
}

const BAR = "█";
const EIGHTHS = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/** Wider bars are no better to read, and their names are far from their times. */
const BAR_COLUMNS_MAX = 90;
/** Of the width for the names of steps, where they need it. */
const NAME_SHARE = 0.42;

/**
 * Each step a bar from the end of the one before to its own, on a common axis of time:
 *
 * ```
 *   +412 µs  ████                  hold
 * +1 903 µs      ██████████████    drain
 * ```
 * @param shown how many steps are there yet, for a switch that is being played
 */
export function barRows(steps: readonly Step[], width: number, shown = steps.length): Row[] {
  const times = steps.map(({ atUs }) => `+${String(Math.round(atUs)).replace(/\B(?=(\d{3})+$)/g, " ")} µs`);
  const timeWidth = Math.max(0, ...times.map(textWidth));
  const nameWidth = Math.min(
    Math.max(0, ...steps.map(({ step }) => textWidth(step))),
    Math.max(4, Math.floor(width * NAME_SHARE)),
  );
  const columns = Math.max(4, Math.min(BAR_COLUMNS_MAX, width - timeWidth - nameWidth - 4));
  const total = Math.max(1, ...steps.map(({ atUs }) => atUs));
  return steps.slice(0, shown).map(({ step, atUs }, i) => {
    const from = i === 0 ? 0 : steps[i - 1]!.atUs;
    return row(
      span(rightCell(times[i]!, timeWidth), "dim"),
      "  ",
      span(cell(bar(from / total, atUs / total, columns), columns), longest(steps, i) ? "warn" : "good"),
      "  ",
      cell(step, nameWidth),
    );
  });
}

/** The step that took the most of the time is told apart. */
function longest(steps: readonly Step[], index: number): boolean {
  const lengths = steps.map(({ atUs }, i) => atUs - (steps[i - 1]?.atUs ?? 0));
  return lengths[index]! > 0 && lengths[index] === Math.max(...lengths);
}

/** From one share of the width to another; its length is right to an eighth of a column. What took any time is seen. */
function bar(from: number, to: number, columns: number): string {
  const start = Math.min(columns - 1, Math.floor(from * columns));
  const eighths = Math.min((columns - start) * 8, Math.max(to > from ? 1 : 0, Math.round((to - from) * columns * 8)));
  return " ".repeat(start) + BAR.repeat(Math.floor(eighths / 8)) + EIGHTHS[eighths % 8]!;
}
