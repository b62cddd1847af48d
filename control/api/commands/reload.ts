/** `segue reload`: the daemon reads its configuration again. */
import type { Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

export function runReload(io: Terminal, options: { readonly runDir: string; readonly json: boolean }): Promise<number> {
  return withDaemon(io, "reload", options.runDir, async (client) => {
    const { changed } = await client.reload();
    if (options.json) io.out(JSON.stringify({ changed }) + "\n");
    else io.out(changed.length === 0 ? "nothing has changed\n" : changed.map((key) => `changed: ${key}\n`).join(""));
    return 0;
  });
}
