/**
 * The console's own part of the program, with ink and react in it: a second bundle beside the first (`console.js`), which only
 * `segue console` and `segue lab --console` load. So no other command and no daemon carries it in memory.
 */
import type { Terminal } from "../api/commands/terminal.ts";
import { runPlain } from "./plain.ts";
import { type ConsoleOptions, runScreen } from "./run.ts";

export type { ConsoleOptions, Host } from "./run.ts";
export type { Extra } from "./state.ts";

/** On a terminal, until its user or a signal ends it. Resolves with the exit code. */
export async function openConsole(io: Terminal, options: ConsoleOptions): Promise<number> {
  const dumb = options.host === undefined && (Deno.env.get("TERM") ?? "dumb") === "dumb";
  return dumb ? await runPlain(io, options.runDirs) : await runScreen(io, options);
}
