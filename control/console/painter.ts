/** From one picture of the screen to the next in few bytes: of lines that have changed, what follows their first change. Pure. */
import { textWidth } from "./row.ts";

/** ECMA-48 control sequences, and xterm's private modes for the second screen and the cursor. */
export const ENTER_SCREEN = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
/** Colours off, lines wrap again, the cursor is there, and what was on the terminal before is back. */
export const LEAVE_SCREEN = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
const CLEAR = "\x1b[2J";

export class Painter {
  #shown: readonly string[] = [];
  #fresh = true;

  /** What is on the terminal is not known any more: the next picture is sent as a whole. */
  forget(): void {
    this.#fresh = true;
  }

  /**
   * The bytes that make the terminal show these lines; "" if it shows them. A line is erased before it is written: behind a full one the
   * cursor stands on its last character.
   */
  paint(lines: readonly string[]): string {
    let out = this.#fresh ? CLEAR : "";
    const before = this.#fresh ? [] : this.#shown;
    for (let i = 0; i < Math.max(lines.length, before.length); i++) {
      const line = lines[i] ?? "", old = before[i] ?? "";
      if (line === old) continue;
      const same = commonPrefix(old, line);
      out += `\x1b[${i + 1};${same.columns + 1}H\x1b[K${line.slice(same.length)}`;
    }
    this.#fresh = false;
    this.#shown = lines;
    return out;
  }
}

/**
 * How far two lines are the same, up to a place where neither colour nor weight is set: from there on the rest of the new line can
 * be written alone.
 */
export function commonPrefix(a: string, b: string): { readonly length: number; readonly columns: number } {
  let length = 0, columns = 0, width = 0, colour = false, weight = false;
  for (let at = 0; at < b.length;) {
    // deno-lint-ignore no-control-regex -- the escape is what is looked for
    const escape = /^\x1b\[(\d+)m/.exec(b.slice(at, at + ESCAPE_MAX));
    const next = escape?.[0] ?? String.fromCodePoint(b.codePointAt(at)!);
    if (!a.startsWith(next, at)) break;
    const code = escape?.[1];
    // Select graphic rendition (ECMA-48 8.3.117) as ink writes it: 1 and 2 for weight until 22, all others for colour until 39.
    if (code === "22") weight = false;
    else if (code === "39") colour = false;
    else if (code === "1" || code === "2") weight = true;
    else if (code !== undefined) colour = true;
    else width += textWidth(next);
    at += next.length;
    if (!colour && !weight) length = at, columns = width;
  }
  return { length, columns };
}

/** An escape sequence for one attribute is no longer. */
const ESCAPE_MAX = 8;
