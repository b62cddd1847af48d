/** The pair's keys can be read, nobody else can, and they are what they should be. */
import { ConfigError, inspectKeys } from "../key.ts";
import type { Problem } from "../problem.ts";
import { type HostContext, placedProblem } from "./context.ts";

export function checkKeyFile(context: HostContext): readonly Problem[] {
  const placed = ({ reason, hint }: ConfigError) => placedProblem(context, ["pair", "key_file"], reason, hint);
  try {
    return inspectKeys(context.config.pair.keyFile).problems.map(placed);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return [placed(error)];
  }
}
