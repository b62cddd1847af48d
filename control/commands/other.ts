/** Commands that need no daemon. */
import type { Command } from "commander";
import type { Terminal } from "../api/commands/terminal.ts";
import type { LabOptions } from "../lab/main.ts";
import type { SetExit } from "./common.ts";

export function addOtherCommands(program: Command, io: Terminal, exit: SetExit): void {
  program.command("lab")
    .description("a whole pair on this machine, with real traffic and faults; without a scenario: the tour")
    .argument("[scenario]", "one of them alone")
    .option("--json", "for programs", false)
    .option("--with-keepalived", "measure keepalived beside it, installed if it is missing", false)
    .option("--console", "the console on a running pair, with keys that start faults", false)
    .action(async (scenario: string | undefined, options: Omit<LabOptions, "scenario">) => {
      const { runLab } = await import("../lab/main.ts");
      exit(await runLab({ ...(scenario === undefined ? {} : { scenario }), ...options }));
    });
  program.command("version")
    .description("which segue this is")
    .option("--json", "for programs", false)
    .action(async (options: { json: boolean }) => {
      const { runVersion } = await import("../api/commands/version.ts");
      exit(runVersion(io, options));
    });
}
