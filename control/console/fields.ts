/** Pages of details, and their lines with a name in front. Pure. */
import { type Row, row, type Span, span, type Tone, wrapText } from "./row.ts";

export interface Page {
  readonly title: string;
  /** Stays in view above what is scrolled. */
  readonly head?: readonly Row[];
  readonly rows: readonly Row[];
  /** Its end is what is looked at first. */
  readonly fromEnd?: boolean;
}

export const LABEL = 12;

/** A line with a name in front. */
export function field(label: string, ...values: readonly (string | Span)[]): Row {
  return row("  ", span(label.padEnd(LABEL), "dim"), ...values);
}

/** A text that may need several lines. */
export function fieldRows(label: string, text: string, width: number, tone: Tone = "plain"): Row[] {
  return wrapText(text, Math.max(10, width - LABEL - 3)).map((line, i) =>
    field(i === 0 ? label : "", span(line, tone))
  );
}

/** A text over the whole width. */
export function textRows(text: string, width: number, tone: Tone = "plain"): Row[] {
  return wrapText(text, Math.max(10, width - 4)).map((line) => row("  ", span(line, tone)));
}

/** Over a part of the screen. Runs to whatever edge it is cut at. */
export function titleRow(title: string): Row {
  return row(span(`─ ${title} `, "title"), span("─".repeat(400), "dim"));
}
