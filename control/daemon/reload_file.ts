/** The first half of a reload: the new file is read and checked whole before anything changes. */
import { pairDigest } from "../../config/digest.ts";
import { readConfigFile } from "../../config/load.ts";
import type { PairConfig } from "../../config/model.ts";
import { sameBytes } from "../../kernel_ffi/address.ts";
import { ApiProblem } from "../api/problem.ts";
import { changedKeys } from "./reload.ts";

/** Rejects with `ApiProblem` for a file with problems, and for one that differs in what both nodes must agree on. */
export async function readForReload(
  path: string,
  old: PairConfig,
): Promise<{ readonly config: PairConfig; readonly changed: string[] }> {
  const loaded = await readConfigFile(path);
  if ("problems" in loaded) {
    const text = loaded.problems.map((it) => `${it.line === null ? "" : `line ${it.line}: `}${it.key}: ${it.reason}`)
      .join("; ");
    throw new ApiProblem(
      422,
      "bad-config",
      "Bad configuration",
      text,
      `segue check --config ${path} shows all of it; the running configuration stays`,
    );
  }
  const { config } = loaded, changed = changedKeys(old, config);
  if (sameBytes(pairDigest(old), pairDigest(config))) return { config, changed };
  throw new ApiProblem(
    409,
    "needs-restart",
    "Needs a restart",
    `changed: ${changed.join(", ")}`,
    "move the groups away, restart this node, then the other one; the running configuration stays",
  );
}
