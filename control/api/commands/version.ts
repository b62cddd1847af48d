/** `segue version`. */
import { versionInfo } from "../../core/version.ts";
import type { Terminal } from "./terminal.ts";

export function runVersion(io: Terminal, options: { readonly json: boolean }): number {
  const info = versionInfo({ build: Deno.env.get("SEGUE_BUILD"), deno: Deno.version.deno });
  if (options.json) io.out(JSON.stringify(info) + "\n");
  else io.out(`segue ${info.version} (${info.build}, Deno ${info.deno}, wire ${info.wire})\n`);
  return 0;
}
