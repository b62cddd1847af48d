/** Where this program starts, for those who start it again: as a worker, or as a child process. */

/**
 * URL from which workers of this program start: `main.ts` beside its sources, or the one file that was made of all of them.
 */
export const ENTRY_URL: string = import.meta.url.endsWith("/control/entry.ts")
  ? new URL("../main.ts", import.meta.url).href
  : import.meta.url;

/** How to start this same program as a child process, before its own arguments. */
export function selfCommand(): { readonly command: string; readonly args: readonly string[] } {
  const executable = Deno.env.get("SEGUE_EXE");
  if (executable !== undefined && executable !== "") return { command: executable, args: [] };
  if (Deno.env.get("SEGUE_BUILD") === "compile") return { command: Deno.execPath(), args: [] };
  return { command: Deno.execPath(), args: ["run", "-A", "--no-check", new URL(ENTRY_URL).pathname] };
}
