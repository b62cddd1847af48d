/** The command line. Each command loads only what it needs: `segue status` answers without the daemon's rooms. */
import { Command, CommanderError } from "commander";
import { parseDuration } from "../config/duration.ts";
import { complain, type Terminal, terminal } from "./api/commands/terminal.ts";
import type { LabOptions } from "./lab/main.ts";

const EXIT_USAGE = 2;
const CONFIG = "/etc/segue/segue.toml";
const STATE_DIR = "/var/lib/segue";
const RUN_DIR = "/run/segue";

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

type SetExit = (code: number) => void;

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
  addOtherCommands(program, io, exit);
  return program;
}

function usageError(text: string, write: (text: string) => void): void {
  write(text.replace(/^error: /, "segue: "));
}

function addDaemonCommands(program: Command, exit: SetExit): void {
  program.command("run")
    .description("the daemon: in the foreground, logs on stderr")
    .option("--config <file>", "configuration", CONFIG)
    .option("--node <name>", "which node this is (default: the host name)")
    .option("--state-dir <dir>", "where the journal is kept", STATE_DIR)
    .option("--run-dir <dir>", "where the socket is", RUN_DIR)
    .action(async (options: { config: string; node?: string; stateDir: string; runDir: string }) => {
      const { runDaemon } = await import("./daemon/run.ts");
      const { config, node = Deno.hostname(), stateDir, runDir } = options;
      exit(await runDaemon({ config, node, stateDir, runDir }));
    });
  program.command("check")
    .description("validate the configuration and the host: every problem at once")
    .option("--config <file>", "configuration", CONFIG)
    .option("--node <name>", "which node this is (default: the host name)")
    .option("--run-dir <dir>", "where a running daemon's socket is", RUN_DIR)
    .option("--json", "for programs", false)
    .action(async (options: { config: string; node?: string; runDir: string; json: boolean }) => {
      const { runCheck } = await import("../config/check.ts");
      exit(await runCheck(options));
    });
}

function addClientCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("status")
    .description("roles, paths, alarms and the last switches of this node")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (options: { json: boolean; runDir: string }) => {
      const { runStatus } = await import("./api/commands/status.ts");
      exit(await runStatus(io, options));
    });
  program.command("console")
    .description("the terminal console: the pair live, switchovers, details of everything")
    .option("--run-dir <dir>", "where a daemon's socket is; may be given several times", collect)
    .action(async (options: { runDir?: readonly string[] }) => {
      const { runConsole } = await import("./console/command.ts");
      exit(await runConsole(io, { runDirs: options.runDir ?? [RUN_DIR] }));
    });
  program.command("switchover")
    .description("move a group to the other node, wait, and print what it cost")
    .argument("<group>", "the group to move")
    .option("--to <node>", "the node that shall be primary (default: the other one)")
    .option("--timeout <time>", "call it off after this time", "5s")
    .option("--force", "take over without proof of the epoch, by your word", false)
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (group: string, options: SwitchoverFlags) => {
      const timeoutUs = parseDuration(options.timeout);
      if (typeof timeoutUs === "string") return exit(badTime(io, timeoutUs));
      const { runSwitchover } = await import("./api/commands/switchover.ts");
      const { to, force, json, runDir } = options;
      exit(await runSwitchover(io, group, { to, timeoutUs, force, json, runDir }));
    });
  program.command("events")
    .description("what the journal remembers, also while the daemon is down")
    .option("--follow", "stay, and print what happens", false)
    .option("--json", "for programs, one object a line", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .option("--run-dir <dir>", "where the daemon's socket is, for --follow", RUN_DIR)
    .action(async (options: { follow: boolean; json: boolean; stateDir: string; runDir: string }) => {
      const { runEvents } = await import("./api/commands/events.ts");
      exit(await runEvents(io, options));
    });
  program.command("reload")
    .description("the daemon reads its configuration again")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (options: { json: boolean; runDir: string }) => {
      const { runReload } = await import("./api/commands/reload.ts");
      exit(await runReload(io, options));
    });
}

/** For an option that may be given several times. */
function collect(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

interface SwitchoverFlags {
  readonly to?: string;
  readonly timeout: string;
  readonly force: boolean;
  readonly json: boolean;
  readonly runDir: string;
}

function addOtherCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("keygen")
    .description("write a new pair key")
    .argument("<file>", "must not exist yet")
    .action(async (file: string) => {
      const { runKeygen } = await import("../config/key.ts");
      exit(runKeygen(file));
    });
  program.command("lab")
    .description("a whole pair on this machine, with real traffic and faults; without a scenario: the tour")
    .argument("[scenario]", "one of them alone")
    .option("--json", "for programs", false)
    .option("--with-keepalived", "measure keepalived beside it, installed if it is missing", false)
    .option("--console", "the console on a running pair, with keys that start faults", false)
    .action(async (scenario: string | undefined, options: Omit<LabOptions, "scenario">) => {
      const { runLab } = await import("./lab/main.ts");
      exit(await runLab({ ...(scenario === undefined ? {} : { scenario }), ...options }));
    });
  program.command("version")
    .description("which segue this is")
    .option("--json", "for programs", false)
    .action(async (options: { json: boolean }) => {
      const { runVersion } = await import("./api/commands/version.ts");
      exit(runVersion(io, options));
    });
  for (const name of ["state"]) addLater(program, io, exit, name);
}

/** A command of the contract that this version does not have. */
function addLater(program: Command, io: Terminal, exit: SetExit, name: string): void {
  program.command(name, { hidden: true })
    .argument("[args...]")
    .allowUnknownOption()
    .action(() => {
      complain(io, name, "not in this version", "segue help shows what there is");
      exit(EXIT_USAGE);
    });
}

function badTime(io: Terminal, reason: string): number {
  complain(io, "switchover", `--timeout: ${reason}`, "write it as --timeout 5s");
  return EXIT_USAGE;
}
