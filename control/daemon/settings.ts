/** What `segue run` was told: the configuration, the keys, which node this is. Or why it cannot start, in full. */
import { findNode } from "../../config/node.ts";
import { ConfigError, readKeys } from "../../config/key.ts";
import { formatProblems, readConfigFile } from "../../config/load.ts";
import type { PairConfig } from "../../config/model.ts";

export interface RunOptions {
  readonly config: string;
  readonly node: string;
  readonly stateDir: string;
  readonly runDir: string;
}

export interface Settings {
  readonly config: PairConfig;
  readonly node: string;
  /** As in the key file. */
  readonly keys: readonly Uint8Array[];
  /** Text of warnings, "" if there are none. */
  readonly warnings: string;
}

/** The settings, or the text to show. Touches nothing. */
export async function readSettings(options: RunOptions): Promise<Settings | { readonly refusal: string }> {
  const loaded = await readConfigFile(options.config);
  if ("problems" in loaded) return { refusal: formatProblems(options.config, loaded.problems) };
  const ourselves = findNode(loaded.config, options.node);
  if ("reason" in ourselves) return { refusal: `segue: ${ourselves.reason}\n    hint: ${ourselves.hint}\n` };
  try {
    const keys = readKeys(loaded.config.pair.keyFile);
    return {
      config: loaded.config,
      node: ourselves.node.name,
      keys,
      warnings: formatProblems(options.config, loaded.warnings),
    };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { refusal: `segue: ${error.reason}\n${error.hint === "" ? "" : `    hint: ${error.hint}\n`}` };
  }
}
