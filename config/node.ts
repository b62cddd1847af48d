/** Which of the two nodes this machine is. */
import type { NodeConfig, PairConfig } from "./model.ts";

export interface Ourselves {
  /** Place in the file: 0 or 1. */
  readonly index: 0 | 1;
  readonly node: NodeConfig;
  readonly peer: NodeConfig;
}

/**
 * The node called `name`, or, for a host name with a domain (`a.example.org`), by its first part. A sentence and a
 * hint where the pair has no such node.
 */
export function findNode(
  config: PairConfig,
  name: string,
): Ourselves | { readonly reason: string; readonly hint: string } {
  const [first, second] = config.nodes;
  for (const wanted of [name, name.split(".")[0]]) {
    if (first.name === wanted) return { index: 0, node: first, peer: second };
    if (second.name === wanted) return { index: 1, node: second, peer: first };
  }
  return {
    reason: `this machine is called "${name}", and pair "${config.pair.name}" has no such node`,
    hint: `--node ${first.name} or --node ${second.name}; or give one of the nodes this name in the file`,
  };
}
