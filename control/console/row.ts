/** What stands in one line of the screen: pieces of text with a tone, never wider than the window. Pure. */
import { oneLine } from "../api/entry_text.ts";

/** How a piece of text is meant; colours are chosen where it is drawn, and nothing is said by colour alone. */
export type Tone = "plain" | "dim" | "strong" | "title" | "good" | "warn" | "bad";

export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

export interface Row {
  readonly spans: readonly Span[];
  /** The cursor is on it. */
  readonly selected?: boolean;
}

export const CUT = "…";

export function span(text: string, tone: Tone = "plain"): Span {
  return { text: oneLine(text), tone };
}

export function row(...spans: readonly (Span | string)[]): Row {
  return { spans: spans.map((part) => typeof part === "string" ? span(part) : part) };
}

export function rowText({ spans }: Row): string {
  return spans.map(({ text }) => text).join("");
}

/** Columns that a terminal needs for a text: two for East Asian and emoji, none for combining marks (Unicode TR 11). */
export function textWidth(text: string): number {
  let width = 0;
  for (const char of text) width += charWidth(char.codePointAt(0)!);
  return width;
}

function charWidth(code: number): number {
  if (code < 0x300) return 1;
  if (code <= 0x36f || code === 0x200b || code === 0x200d || (code >= 0xfe00 && code <= 0xfe0f)) return 0;
  const wide = (code >= 0x1100 && code <= 0x115f) || (code >= 0x2e80 && code <= 0xa4cf) ||
    (code >= 0xac00 && code <= 0xd7a3) || (code >= 0xf900 && code <= 0xfaff) || (code >= 0xfe30 && code <= 0xfe6f) ||
    (code >= 0xff00 && code <= 0xff60) || (code >= 0xffe0 && code <= 0xffe6) || (code >= 0x1f300 && code <= 0x1faff) ||
    (code >= 0x20000 && code <= 0x3fffd);
  return wide ? 2 : 1;
}

/** As much of a text as fits; what was cut off is marked. */
export function cut(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  if (width <= 0) return "";
  let out = "", used = 0;
  for (const char of text) {
    const next = charWidth(char.codePointAt(0)!);
    if (used + next > width - 1) break;
    out += char;
    used += next;
  }
  return out + CUT;
}

/** Cut or filled to exactly this width. */
export function cell(text: string, width: number): string {
  const fitted = cut(text, width);
  return fitted + " ".repeat(Math.max(0, width - textWidth(fitted)));
}

/** The same from the right. */
export function rightCell(text: string, width: number): string {
  const fitted = cut(text, width);
  return " ".repeat(Math.max(0, width - textWidth(fitted))) + fitted;
}

/** A row of exactly this width. What was cut off is marked at the very end, whichever span that falls into. */
export function fitRow(whole: Row, width: number): Row {
  const total = whole.spans.reduce((sum, { text }) => sum + textWidth(text), 0);
  if (total <= width) return { ...whole, spans: [...whole.spans, span(" ".repeat(width - total))] };
  const spans: Span[] = [];
  let left = width;
  for (const { text, tone } of whole.spans) {
    const fits = textWidth(text) < left;
    // One column more than there is makes `cut` cut, also where the text itself would just fit.
    const part = fits ? text : cut(text + " ".repeat(left), left);
    spans.push({ text: part, tone });
    left -= textWidth(part);
    if (!fits) break;
  }
  return { ...whole, spans: left > 0 ? [...spans, span(" ".repeat(left))] : spans };
}

/** A text broken at spaces into rows of this width; longer words are cut into pieces. */
export function wrapText(text: string, width: number, indent = ""): string[] {
  const lines: string[] = [];
  let line = "";
  for (const whole of oneLine(text).split(" ")) {
    let word = whole;
    while (textWidth(word) > width - indent.length) {
      const piece = firstPart(word, width - indent.length);
      if (line.trim() !== "") lines.push(line);
      lines.push((lines.length === 0 ? "" : indent) + piece);
      line = "";
      word = word.slice(piece.length);
    }
    const start = lines.length === 0 ? "" : indent;
    if (line === "") line = start + word;
    else if (textWidth(line) + 1 + textWidth(word) <= width) line += ` ${word}`;
    else {
      lines.push(line);
      line = indent + word;
    }
  }
  if (line.trim() !== "" || lines.length === 0) lines.push(line);
  return lines;
}

/** As much of a word as this many columns take, one character at least. */
function firstPart(word: string, columns: number): string {
  let part = "", used = 0;
  for (const char of word) {
    used += charWidth(char.codePointAt(0)!);
    if (part !== "" && used > columns) break;
    part += char;
  }
  return part;
}
