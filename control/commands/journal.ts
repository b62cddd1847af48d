/** Commands about the files in which a node remembers. */
import type { Command } from "commander";
import type { Terminal } from "../api/commands/terminal.ts";
import { type SetExit, STATE_DIR } from "./common.ts";

export function addJournalCommands(program: Command, io: Terminal, exit: SetExit): void {
  const journal = program.command("journal").description("copy or check the files in which the node remembers");
  journal.command("backup")
    .description("copy journal and state, also while the daemon runs")
    .argument("<file>", "the journal's copy; the state's is beside it, named FILE.state; neither may exist yet")
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (file: string, options: { json: boolean; stateDir: string }) => {
      const { runJournalBackup } = await import("../api/commands/journal.ts");
      exit(runJournalBackup(io, file, options));
    });
  journal.command("check")
    .description("check every page of both files, and show how far they go")
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (options: { json: boolean; stateDir: string }) => {
      const { runJournalCheck } = await import("../api/commands/journal.ts");
      exit(runJournalCheck(io, options));
    });
}
