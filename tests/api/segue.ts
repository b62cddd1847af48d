/** The command line as a program of its own. */
import { runCommand } from "../../control/commands.ts";

Deno.exit(await runCommand(Deno.args));
