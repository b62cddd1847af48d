/** segue: which thread or command this is. */
import { JOURNAL_WORKER } from "./control/journal/protocol.ts";
import { SWITCH_WORKER } from "./control/daemon/switch_thread.ts";
import { startWorker } from "./control/worker_start.ts";
import { announceCarried } from "./packaging/carried.ts";

switch (self.name) {
  case SWITCH_WORKER:
    await startWorker(async () => (await import("./control/switch/worker.ts")).runSwitchWorker);
    break;
  case JOURNAL_WORKER:
    await startWorker(async () => (await import("./control/journal/worker.ts")).runJournalWorker);
    break;
  default:
    announceCarried(import.meta.dirname!, Deno.args[0]);
    Deno.exit(await (await import("./control/commands.ts")).runCommand(Deno.args));
}
