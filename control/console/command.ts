/** `segue console`: the terminal console, or the status once where there is no terminal. */
import { runStatus } from "../api/commands/status.ts";
import type { Terminal } from "../api/commands/terminal.ts";

export async function runConsole(io: Terminal, { runDirs }: { readonly runDirs: readonly string[] }): Promise<number> {
  if (!Deno.stdout.isTerminal()) {
    let code = 0;
    for (const runDir of runDirs) code = Math.max(code, await runStatus(io, { runDir, json: false }));
    return code;
  }
  const { openConsole } = await (await import("./load.ts")).loadConsole();
  return await openConsole(io, { runDirs });
}
