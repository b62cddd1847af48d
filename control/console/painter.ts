/** From one picture of the screen to the next in as few bytes as it takes: only lines that have changed are sent. Pure. */

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
    for (const [i, line] of lines.entries()) {
      if (before[i] !== line && (line !== "" || before[i] !== undefined)) out += `\x1b[${i + 1};1H\x1b[K${line}`;
    }
    for (let i = lines.length; i < before.length; i++) out += `\x1b[${i + 1};1H\x1b[K`;
    this.#fresh = false;
    this.#shown = lines;
    return out;
  }
}
