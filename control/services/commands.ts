/** The commands of a service that tell it its role. */
import type { ServiceConfig } from "../../config/model.ts";
import type { ServiceRole } from "./plan.ts";
import { type CommandOptions, runCommand } from "./run_command.ts";

/** Runs them one after the other; null, or the first one's failure that ends them. `primary`: a failure ends it. */
export async function tellRole(
  config: ServiceConfig,
  role: ServiceRole,
  options: Omit<CommandOptions, "timeoutUs">,
): Promise<string | null> {
  const commands = role === "primary" ? config.onPrimary : config.onStandby;
  const problems: string[] = [];
  for (const command of commands) {
    const problem = await runCommand(command, { ...options, timeoutUs: config.commandTimeoutUs });
    if (problem === null) continue;
    problems.push(`${command.join(" ")}: ${problem}`);
    if (role === "primary" || options.signal?.aborted === true) break;
  }
  return problems.length === 0 ? null : problems.join("; ");
}
