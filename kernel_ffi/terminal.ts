/** What a terminal's driver holds back (termios(3)). */

const SYMBOLS = {
  /** int tcflush(int fd, int queue_selector) */
  tcflush: { parameters: ["i32", "i32"], result: "i32" },
  /** int tcflow(int fd, int action) */
  tcflow: { parameters: ["i32", "i32"], result: "i32" },
} as const satisfies Deno.ForeignLibraryInterface;

/** bits/termios.h */
const TCOFLUSH = 1;
const TCOOFF = 0;
const TCOON = 1;

/**
 * Throws away what was written to a terminal and has not been taken: somebody who is blocked in a write to it gets on. A descriptor that
 * is no terminal any more is left as it is.
 */
export function discardOutput(fd: number): void {
  const libc = Deno.dlopen("libc.so.6", SYMBOLS);
  libc.symbols.tcflush(fd, TCOFLUSH);
  // The flush of a pseudo terminal makes room and wakes nobody (drivers/tty/pty.c); going on after a stop does.
  for (const action of [TCOOFF, TCOON]) libc.symbols.tcflow(fd, action);
  libc.close();
}
