/** Where commands write: a terminal, a pipe, or a test. */

export interface Terminal {
  out(text: string): void;
  err(text: string): void;
}

export const terminal: Terminal = {
  out: (text) => write(Deno.stdout, text),
  err: (text) => write(Deno.stderr, text),
};

/** `segue NAME: what happened`, and what to do about it. Returns the exit code for a failure. */
export function complain(io: Terminal, command: string, message: string, hint = ""): 1 {
  io.err(`segue ${command}: ${message}\n` + (hint === "" ? "" : `    hint: ${hint}\n`));
  return 1;
}

function write(to: { writeSync(bytes: Uint8Array): number }, text: string): void {
  const bytes = new TextEncoder().encode(text);
  try {
    for (let at = 0; at < bytes.length;) at += to.writeSync(bytes.subarray(at));
  } catch (error) {
    // The reader has seen enough (`segue events | head`): nobody is left to write for.
    if (error instanceof Deno.errors.BrokenPipe) Deno.exit(0);
    throw error;
  }
}
