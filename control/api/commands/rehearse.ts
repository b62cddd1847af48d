/** `segue rehearse`: what a planned move would be now. */
import { rehearsalText } from "../rehearsal_text.ts";
import type { Terminal } from "./terminal.ts";
import { withDaemon } from "./with_daemon.ts";

/** 0: it could be done now. 1: not, and why. */
export function runRehearse(
  io: Terminal,
  group: string,
  options: { readonly runDir: string; readonly json: boolean },
): Promise<number> {
  return withDaemon(io, "rehearse", options.runDir, async (client) => {
    const rehearsal = await client.rehearsal(group);
    io.out(options.json ? JSON.stringify(rehearsal, null, 2) + "\n" : rehearsalText(rehearsal));
    return rehearsal.possible ? 0 : 1;
  });
}
