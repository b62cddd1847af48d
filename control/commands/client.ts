/** Commands that ask a daemon, or tell it something. */
import type { Command } from "commander";
import { parseDuration } from "../../config/duration.ts";
import { complain, type Terminal } from "../api/commands/terminal.ts";
import { badUsage, EXIT_USAGE, RUN_DIR, type SetExit, STATE_DIR } from "./common.ts";

export function addClientCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("status")
    .description("roles, paths, alarms and the last switches of this node")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (options: { json: boolean; runDir: string }) => {
      const { runStatus } = await import("../api/commands/status.ts");
      exit(await runStatus(io, options));
    });
  program.command("console")
    .description("the terminal console: the pair live, switchovers, details of everything")
    .option("--run-dir <dir>", "where a daemon's socket is; may be given several times", collect)
    .action(async (options: { runDir?: readonly string[] }) => {
      const { runConsole } = await import("../console/command.ts");
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
      if (typeof timeoutUs === "string") {
        return exit(badUsage(io, "switchover", `--timeout: ${timeoutUs}`, "write it as --timeout 5s"));
      }
      const { runSwitchover } = await import("../api/commands/switchover.ts");
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
      const { runEvents } = await import("../api/commands/events.ts");
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
      const { runMaintenance } = await import("../api/commands/maintenance.ts");
      exit(await runMaintenance(io, { ...options, on: state === undefined ? undefined : state === "on" }));
    });
  program.command("reload")
    .description("the daemon reads its configuration again")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (options: { json: boolean; runDir: string }) => {
      const { runReload } = await import("../api/commands/reload.ts");
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
