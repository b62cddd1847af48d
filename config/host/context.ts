/** What a check of the machine gets to see, and how it says what it found. */
import type { PairConfig } from "../model.ts";
import type { Ourselves } from "../node.ts";
import type { Positions } from "../positions.ts";
import { type KeyPath, keyText, type Problem } from "../problem.ts";

export interface HostContext {
  readonly config: PairConfig;
  readonly ourselves: Ourselves;
  readonly positions: Positions;
  /** A daemon of this pair holds this machine: what it has set up is no problem. */
  readonly daemonRuns: boolean;
}

/** One question to the machine. Throws only where the answer cannot be had for a reason that nobody foresaw. */
export type HostCheck = (context: HostContext) => readonly Problem[] | Promise<readonly Problem[]>;

/** A problem of the machine itself. `key` is `host.` and a word for programs. */
export function hostProblem(
  key: string,
  reason: string,
  hint: string,
  severity: Problem["severity"] = "error",
): Problem {
  return { line: null, key: `host.${key}`, reason, hint, severity };
}

/** A problem of the machine that shows at a key of the file. */
export function placedProblem(
  context: HostContext,
  path: KeyPath,
  reason: string,
  hint: string,
  severity: Problem["severity"] = "error",
): Problem {
  return { line: context.positions.lineOf(path), key: keyText(path), reason, hint, severity };
}

/** Every service interface with the place of its first mention. */
export function serviceInterfaces(config: PairConfig): ReadonlyMap<string, KeyPath> {
  const places = new Map<string, KeyPath>();
  for (const [g, group] of config.groups.entries()) {
    for (const [a, address] of group.addresses.entries()) {
      if (!places.has(address.interface)) places.set(address.interface, ["group", g, "addresses", a, "interface"]);
    }
  }
  return places;
}
