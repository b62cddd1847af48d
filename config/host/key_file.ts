/** The pair key can be read, and nobody else can. */
import { ConfigError, readKey } from "../key.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

export function checkKeyFile(context: HostContext): readonly Problem[] {
  try {
    readKey(context.config.pair.keyFile);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [placedProblem(context, ["pair", "key_file"], error.reason, error.hint)];
  }
}
