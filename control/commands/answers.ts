/** Questions about what was, and what would be. */
import type { Command } from "commander";
import type { Terminal } from "../api/commands/terminal.ts";
import { badUsage, RUN_DIR, type SetExit, STATE_DIR } from "./common.ts";

export function addAnswerCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("why")
    .description("explain a switch or an alarm in sentences, from the journal, also while the daemon is down")
    .argument("[switch]", "id of an entry of the journal, or last", "last")
    .option("--list", "the last switches and alarms with their ids", false)
    .option("--json", "for programs", false)
    .option("--state-dir <dir>", "where the journal is", STATE_DIR)
    .action(async (which: string, options: { list: boolean; json: boolean; stateDir: string }) => {
      const id = which === "last" ? null : /^[0-9]{1,15}$/.test(which) ? Number(which) : NaN;
      if (Number.isNaN(id)) return exit(badUsage(io, "why", `"${which}" is no id`, "write a number, or last"));
      const { runWhy } = await import("../api/commands/why.ts");
      exit(runWhy(io, { ...options, id }));
    });
  program.command("rehearse")
    .description("what a planned move of a group would be now: how long, what would not survive it, what is not ready")
    .argument("<group>", "the group that would move")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .action(async (group: string, options: { json: boolean; runDir: string }) => {
      const { runRehearse } = await import("../api/commands/rehearse.ts");
      exit(await runRehearse(io, group, options));
    });
  program.command("floor")
    .description("how tight the timing may be: what each profile would have made of the delays that were seen")
    .option("--hours <number>", "how far to look back, up to 720", "24")
    .option("--json", "for programs", false)
    .option("--run-dir <dir>", "where the daemon's socket is", RUN_DIR)
    .option("--state-dir <dir>", "where the journal is, if no daemon runs", STATE_DIR)
    .action(async (options: { hours: string; json: boolean; runDir: string; stateDir: string }) => {
      const { HOURS_MAX, parseHours } = await import("../api/hours.ts");
      const hours = parseHours(options.hours);
      if (hours === null) {
        const reason = `--hours: "${options.hours}" is no whole number from 1 to ${HOURS_MAX}`;
        return exit(badUsage(io, "floor", reason, "write it as --hours 24"));
      }
      const { runFloor } = await import("../api/commands/floor.ts");
      exit(await runFloor(io, { ...options, hours }));
    });
}
