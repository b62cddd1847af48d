/** Commands about the file of the pair's keys. */
import type { Command } from "commander";
import type { Terminal } from "../api/commands/terminal.ts";
import type { KeyCommand } from "../api/commands/key.ts";
import type { SetExit } from "./common.ts";

const COMMANDS: Readonly<Record<KeyCommand, string>> = {
  show: "the fingerprints of a file's keys, the one that signs first",
  add: "put a new random key behind the one that signs",
  promote: "put the second key first: it signs from the next reload on",
  retire: "take the second key away",
};

export function addKeyCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("keygen")
    .description("write a new pair key")
    .argument("<file>", "must not exist yet")
    .action(async (file: string) => {
      const { runKeygen } = await import("../api/commands/key.ts");
      exit(runKeygen(io, file));
    });
  const key = program.command("key").description("change the pair's key without a break, step by step");
  for (const [name, description] of Object.entries(COMMANDS)) {
    key.command(name)
      .description(description)
      .argument("<file>", "the key file")
      .option("--json", "for programs", false)
      .action(async (file: string, options: { json: boolean }) => {
        const { runKey } = await import("../api/commands/key.ts");
        exit(runKey(io, name as KeyCommand, file, options.json));
      });
  }
}
