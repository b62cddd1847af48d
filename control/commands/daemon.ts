/** Commands about the daemon itself. */
import type { Command } from "commander";
import { CONFIG, RUN_DIR, type SetExit, STATE_DIR } from "./common.ts";

export function addDaemonCommands(program: Command, exit: SetExit): void {
  program.command("run")
    .description("the daemon: in the foreground, logs on stderr")
    .option("--config <file>", "configuration", CONFIG)
    .option("--node <name>", "which node this is (default: the host name)")
    .option("--state-dir <dir>", "where the journal is kept", STATE_DIR)
    .option("--run-dir <dir>", "where the socket is", RUN_DIR)
    .action(async (options: { config: string; node?: string; stateDir: string; runDir: string }) => {
      const { runDaemon } = await import("../daemon/run.ts");
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
      const { runCheck } = await import("../../config/check.ts");
      exit(await runCheck(options));
    });
}
