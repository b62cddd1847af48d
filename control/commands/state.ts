/** The command for the groups' state. */
import type { Command } from "commander";
import type { StateOptions } from "../api/commands/state.ts";
import type { Terminal } from "../api/commands/terminal.ts";
import { RUN_DIR, type SetExit } from "./common.ts";

export function addStateCommand(program: Command, io: Terminal, exit: SetExit): void {
  program.command("state")
    .description("read and write what the pair keeps in step: get, put, delete, list, watch, batch, orphans")
    .argument("<action>", "what to do; put without a value, and batch, read standard input")
    .argument("[group]", "the group whose state it is")
    .argument("[key-and-value...]", "the key, and for put the value")
    .option(
      "--ack <level>",
      "when a write is done: local, replicated (in the standby's memory), durable (on both disks)",
      "replicated",
    )
    .option("--if-version <number>", "write only if the key has this version; 0: only if it does not exist")
    .option("--prefix <text>", "list only keys that begin so", "")
    .option("--since <lsn>", "watch from behind this LSN on", "0")
    .option("--drop", "orphans: delete what was set aside", false)
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (action: string, group: string | undefined, operands: string[], options: StateOptions) => {
      const { runState } = await import("../api/commands/state.ts");
      exit(await runState(io, action, group, operands, options));
    });
}
