/** What a service prints, as lines that neither length nor number makes a danger of. Pure. */

/** Characters of a line; the rest of it is left out. */
export const LINE_MAX = 1024;
/** Lines that are kept for those who ask later. */
export const KEPT_MAX = 200;
/** Lines that may come at once, and lines a second, before some are left out of the log. */
export const BURST_LINES = 200;
export const LINES_PER_SECOND = 50;

/** Cuts a stream of bytes into lines. */
export class LineSplitter {
  readonly #text = new TextDecoder();
  readonly #tell: (line: string) => void;
  #rest = "";
  #cut = false;

  constructor(tell: (line: string) => void) {
    this.#tell = tell;
  }

  push(bytes: Uint8Array): void {
    const parts = this.#text.decode(bytes, { stream: true }).split("\n");
    for (const [index, part] of parts.entries()) {
      if (index > 0) this.#line();
      this.#add(part);
    }
  }

  /** What stands there without a line end. */
  end(): void {
    if (this.#rest !== "") this.#line();
  }

  #add(part: string): void {
    const room = LINE_MAX - this.#rest.length;
    if (part.length > room) this.#cut = true;
    this.#rest += part.slice(0, room);
  }

  #line(): void {
    // deno-lint-ignore no-control-regex
    const clean = this.#rest.replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "");
    this.#tell(this.#cut ? `${clean} […]` : clean);
    this.#rest = "";
    this.#cut = false;
  }
}

/** Lets so many lines through a second, and counts the others. */
export class LineRate {
  #tokens = BURST_LINES;
  #atUs: number;
  #leftOut = 0;

  constructor(nowUs: number) {
    this.#atUs = nowUs;
  }

  /** Null: leave it out. Else how many were left out before this one. */
  pass(nowUs: number): number | null {
    this.#tokens = Math.min(BURST_LINES, this.#tokens + (nowUs - this.#atUs) / 1e6 * LINES_PER_SECOND);
    this.#atUs = nowUs;
    if (this.#tokens < 1) {
      this.#leftOut++;
      return null;
    }
    this.#tokens--;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}

/** The last lines. */
export class KeptLines {
  readonly #lines: string[] = [];

  add(line: string): void {
    this.#lines.push(line);
    if (this.#lines.length > KEPT_MAX) this.#lines.shift();
  }

  all(): readonly string[] {
    return [...this.#lines];
  }
}
