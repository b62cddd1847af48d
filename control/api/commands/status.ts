/** `segue status`: what the node knows. */
import { statusText } from "../status_text.ts";
import type { Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

export function runStatus(io: Terminal, options: { readonly runDir: string; readonly json: boolean }): Promise<number> {
  return withDaemon(io, "status", options.runDir, async (client) => {
    const status = await client.status();
    io.out(options.json ? JSON.stringify(status, null, 2) + "\n" : statusText(status));
    return 0;
  });
}
