/** Where the lab shows itself: a terminal with a line that changes, or a plain stream of lines. */

export interface Screen {
  /** A line that stays. */
  line(text: string): void;
  /** The line that changes; nothing where lines cannot change. */
  live(text: string): void;
  /** Takes the changing line away. */
  clear(): void;
  readonly style: Style;
  readonly columns: number;
}

export interface Style {
  bold(text: string): string;
  dim(text: string): string;
  good(text: string): string;
  bad(text: string): string;
}

const PLAIN: Style = { bold: (text) => text, dim: (text) => text, good: (text) => text, bad: (text) => text };
const COLOURED: Style = {
  bold: (text) => `\x1b[1m${text}\x1b[22m`,
  dim: (text) => `\x1b[2m${text}\x1b[22m`,
  good: (text) => `\x1b[32m${text}\x1b[39m`,
  bad: (text) => `\x1b[31m${text}\x1b[39m`,
};
const PLAIN_COLUMNS = 100;

type Write = (text: string) => void;

export function terminalScreen(write: Write, columns: number, colours: boolean): Screen {
  const clear = () => write("\r\x1b[K");
  return {
    line(text) {
      clear();
      write(`${text}\n`);
    },
    live(text) {
      // A line that wraps could not be taken back.
      write(`\r\x1b[K${[...text].slice(0, columns - 1).join("")}`);
    },
    clear,
    style: colours ? COLOURED : PLAIN,
    columns,
  };
}

export function plainScreen(write: Write): Screen {
  return { line: (text) => write(`${text}\n`), live: () => {}, clear: () => {}, style: PLAIN, columns: PLAIN_COLUMNS };
}

/** Shows nothing: for programs, which read the result alone. */
export const NO_SCREEN: Screen = {
  line: () => {},
  live: () => {},
  clear: () => {},
  style: PLAIN,
  columns: PLAIN_COLUMNS,
};

/**
 * The screen that fits where the output goes: standard output, or with JSON there standard error, if somebody looks at it.
 * NO_COLOR is heard (no-color.org).
 */
export function chooseScreen(out: Write, err: Write, json: boolean): Screen {
  const isTerminal = (json ? Deno.stderr : Deno.stdout).isTerminal() && Deno.env.get("TERM") !== "dumb";
  if (isTerminal) return terminalScreen(json ? err : out, terminalColumns(), !Deno.env.get("NO_COLOR"));
  return json ? NO_SCREEN : plainScreen(out);
}

function terminalColumns(): number {
  try {
    return Deno.consoleSize().columns;
  } catch {
    return PLAIN_COLUMNS;
  }
}
