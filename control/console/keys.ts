/** From the bytes of a terminal to keys. Pure. A burst of keys comes as one read, and one key may come in two. */

export type Key =
  | "up"
  | "down"
  | "left"
  | "right"
  | "pageUp"
  | "pageDown"
  | "home"
  | "end"
  | "tab"
  | "backTab"
  | "enter"
  | "escape"
  | "backspace"
  | "interrupt"
  | "redraw"
  | { readonly text: string };

/** What stands between `ESC [` and the final byte, with it (ECMA-48 section 5.4, and what xterm and the console make of it). */
const SEQUENCES: Readonly<Record<string, Key>> = {
  "A": "up",
  "B": "down",
  "C": "right",
  "D": "left",
  "H": "home",
  "F": "end",
  "Z": "backTab",
  "1~": "home",
  "4~": "end",
  "5~": "pageUp",
  "6~": "pageDown",
  "7~": "home",
  "8~": "end",
};

const CONTROLS: Readonly<Record<string, Key>> = {
  "\r": "enter",
  "\n": "enter",
  "\t": "tab",
  "\x03": "interrupt",
  "\x08": "backspace",
  "\x7f": "backspace",
  "\x0c": "redraw",
};

/** A sequence that is longer than this is not one. */
const SEQUENCE_MAX = 32;

export interface KeyRead {
  readonly keys: readonly Key[];
  /** The beginning of a sequence whose end has not come: to be put in front of what comes next. */
  readonly rest: string;
}

/** Everything that can be told from `text`. A lone ESC at the end stays in `rest`: it is the key only if nothing follows it. */
export function readKeys(text: string): KeyRead {
  const keys: Key[] = [];
  for (let at = 0; at < text.length;) {
    const char = String.fromCodePoint(text.codePointAt(at)!);
    if (char !== "\x1b") {
      const control = CONTROLS[char];
      if (control !== undefined) keys.push(control);
      else if (char >= " ") keys.push({ text: char });
      at += char.length;
      continue;
    }
    const sequence = sequenceAt(text, at);
    if (sequence === null) return { keys, rest: text.slice(at) };
    if (sequence.key !== null) keys.push(sequence.key);
    at = sequence.end;
  }
  return { keys, rest: "" };
}

/** What an unfinished rest was after all, once nothing has followed it for a moment. */
export function endKeys(rest: string): readonly Key[] {
  return rest === "\x1b" ? ["escape"] : [];
}

/** The sequence that begins with the ESC at `at`; null if its end is missing; an unknown one is nothing. */
function sequenceAt(text: string, at: number): { readonly key: Key | null; readonly end: number } | null {
  const second = text[at + 1];
  if (second === undefined) return null;
  if (second === "\x1b") return { key: "escape", end: at + 1 };
  if (second !== "[" && second !== "O") return { key: "escape", end: at + 1 };
  for (let i = at + 2; i < text.length && i < at + SEQUENCE_MAX; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x40 && code <= 0x7e) {
      // Modifiers (`1;5A`) are not told apart.
      const body = text.slice(at + 2, i + 1).replace(/^1?;\d+/, "");
      return { key: SEQUENCES[body] ?? null, end: i + 1 };
    }
    if (code < 0x20) return { key: null, end: i };
  }
  return text.length - at < SEQUENCE_MAX ? null : { key: null, end: at + SEQUENCE_MAX };
}
