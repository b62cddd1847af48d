/** Finds and loads the console's part of the program, from wherever this program runs. */
import { ENTRY_URL } from "../entry.ts";

type ConsoleModule = typeof import("./main.ts");

/** Set by the launcher when it runs everything from memory, where no file stands beside another. */
const CARRIED = "SEGUE_CONSOLE";
export const CONSOLE_BUNDLE = "console.js";

/** The specifiers are made here, not written down: a bundler would take the console into the bundle of everything else. */
export async function loadConsole(): Promise<ConsoleModule> {
  const carried = Deno.env.get(CARRIED);
  // It has no name that ends in .js there: the launcher's --ext says what it is.
  if (carried !== undefined && carried !== "") return await import(new URL(`file://${carried}`).href);
  const beside = ENTRY_URL.endsWith("/main.ts") ? "control/console/main.ts" : CONSOLE_BUNDLE;
  return await import(new URL(beside, ENTRY_URL).href);
}
