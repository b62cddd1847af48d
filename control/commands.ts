/** The command line. Each command loads only what it needs: `segue status` answers without the daemon's rooms. */
import { Command, CommanderError } from "commander";
import { parseDuration } from "../config/duration.ts";
import type { StateOptions } from "./api/commands/state.ts";
import { complain, type Terminal, terminal } from "./api/commands/terminal.ts";

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
  addStateCommand(program, io, exit);
  addJournalCommands(program, io, exit);
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
      if (typeof timeoutUs === "string") {
        return exit(badUsage(io, "switchover", `--timeout: ${timeoutUs}`, "write it as --timeout 5s"));
      }
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
  program.command("maintenance")
    .description("hands-on work: services are not restarted, and their health moves no group")
    .argument("[state]", "on or off; without it: say which")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (state: string | undefined, options: { json: boolean; runDir: string }) => {
      if (state !== undefined && state !== "on" && state !== "off") {
        complain(io, "maintenance", `${JSON.stringify(state)} is neither on nor off`, "segue maintenance on");
        return exit(EXIT_USAGE);
      }
      const { runMaintenance } = await import("./api/commands/maintenance.ts");
      exit(await runMaintenance(io, { ...options, on: state === undefined ? undefined : state === "on" }));
    });
  addAnswerCommands(program, io, exit);
  program.command("reload")
    .description("the daemon reads its configuration again")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (options: { json: boolean; runDir: string }) => {
      const { runReload } = await import("./api/commands/reload.ts");
      exit(await runReload(io, options));
    });
}

function addJournalCommands(program: Command, io: Terminal, exit: SetExit): void {
  const journal = program.command("journal").description("copy or check the files in which the node remembers");
  journal.command("backup")
    .description("copy journal and state, also while the daemon runs")
    .argument("<file>", "the journal's copy; the state's is beside it, named FILE.state; neither may exist yet")
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (file: string, options: { json: boolean; stateDir: string }) => {
      const { runJournalBackup } = await import("./api/commands/journal.ts");
      exit(runJournalBackup(io, file, options));
    });
  journal.command("check")
    .description("check every page of both files, and show how far they go")
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (options: { json: boolean; stateDir: string }) => {
      const { runJournalCheck } = await import("./api/commands/journal.ts");
      exit(runJournalCheck(io, options));
    });
}

/** Questions about what was, and what would be. */
function addAnswerCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("why")
    .description("explain a switch or an alarm in sentences, from the journal, also while the daemon is down")
    .argument("[switch]", "id of an entry of the journal, or last", "last")
    .option("--list", "the last switches and alarms with their ids", false)
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (which: string, options: { list: boolean; json: boolean; stateDir: string }) => {
      const id = which === "last" ? null : /^[0-9]{1,15}$/.test(which) ? Number(which) : NaN;
      if (Number.isNaN(id)) return exit(badUsage(io, "why", `"${which}" is no id`, "write a number, or last"));
      const { runWhy } = await import("./api/commands/why.ts");
      exit(runWhy(io, { ...options, id }));
    });
  program.command("rehearse")
    .description("what a planned move of a group would be now: how long, what would not survive it, what is not ready")
    .argument("<group>", "the group that would move")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (group: string, options: { json: boolean; runDir: string }) => {
      const { runRehearse } = await import("./api/commands/rehearse.ts");
      exit(await runRehearse(io, group, options));
    });
  program.command("floor")
    .description("how tight the timing may be: what each profile would have made of the delays that were seen")
    .option("--hours <number>", "how far to look back, up to 720", "24")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .option("--state-dir <dir>", "where the journal is, if no daemon runs", STATE_DIR)
    .action(async (options: { hours: string; json: boolean; runDir: string; stateDir: string }) => {
      const { HOURS_MAX, parseHours } = await import("./api/hours.ts");
      const hours = parseHours(options.hours);
      if (hours === null) {
        const reason = `--hours: "${options.hours}" is no whole number from 1 to ${HOURS_MAX}`;
        return exit(badUsage(io, "floor", reason, "write it as --hours 24"));
      }
      const { runFloor } = await import("./api/commands/floor.ts");
      exit(await runFloor(io, { ...options, hours }));
    });
}

interface SwitchoverFlags {
  readonly to?: string;
  readonly timeout: string;
  readonly force: boolean;
  readonly json: boolean;
  readonly runDir: string;
}

function addStateCommand(program: Command, io: Terminal, exit: SetExit): void {
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
      const { runState } = await import("./api/commands/state.ts");
      exit(await runState(io, action, group, operands, options));
    });
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
    .action(async (scenario: string | undefined, options: { json: boolean; withKeepalived: boolean }) => {
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
  for (const name of ["console"]) addLater(program, io, exit, name);
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

function badUsage(io: Terminal, command: string, reason: string, hint: string): number {
  complain(io, command, reason, hint);
  return EXIT_USAGE;
}
