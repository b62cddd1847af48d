/** The command line. Each command loads only what it needs: `segue status` answers without the daemon's rooms. */
import { Command, CommanderError } from "commander";
import { type Terminal, terminal } from "./api/commands/terminal.ts";
import { addAnswerCommands } from "./commands/answers.ts";
import { addClientCommands } from "./commands/client.ts";
import { EXIT_USAGE, type SetExit } from "./commands/common.ts";
import { addDaemonCommands } from "./commands/daemon.ts";
import { addJournalCommands } from "./commands/journal.ts";
import { addKeyCommands } from "./commands/key.ts";
import { addOtherCommands } from "./commands/other.ts";
import { addStateCommand } from "./commands/state.ts";

/** Runs one command; resolves with the exit code: 0 done, 1 failed, 2 usage, 78 bad config. */
export async function runCommand(args: readonly string[], io: Terminal = terminal): Promise<number> {
  const exit = { code: 0 };
  const program = buildProgram(io, (code) => exit.code = code);
  if (args.length === 0) {
    io.err(program.helpInformation());
    return EXIT_USAGE;
  }
  try {
    await program.parseAsync(spelledOut(args), { from: "user" });
    return exit.code;
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    // Help and version are thrown too, with exit code 0.
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}

/** `segue --version`, as many programs have it, for the command. */
function spelledOut(args: readonly string[]): string[] {
  const [first, ...rest] = args;
  return first === "--version" || first === "-V" ? ["version", ...rest] : [...args];
}

function buildProgram(io: Terminal, exit: SetExit): Command {
  const program = new Command("segue")
    .description("Keeps a network service alive across the failure of the server it runs on.")
    .exitOverride()
    .configureOutput({ writeOut: (text) => io.out(text), writeErr: (text) => io.err(text), outputError: usageError })
    .showHelpAfterError("    hint: segue help shows all commands, segue help COMMAND its options")
    .helpCommand("help [command]", "show all commands, or the options of one")
    .addHelpText("after", "\nExit codes: 0 done, 1 failed, 2 usage, 78 bad configuration.");
  addDaemonCommands(program, exit);
  addClientCommands(program, io, exit);
  addAnswerCommands(program, io, exit);
  addStateCommand(program, io, exit);
  addJournalCommands(program, io, exit);
  addKeyCommands(program, io, exit);
  addOtherCommands(program, io, exit);
  return program;
}

function usageError(text: string, write: (text: string) => void): void {
  write(text.replace(/^error: /, "segue: "));
}
