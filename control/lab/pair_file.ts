/** The configuration of the lab's pair: one file for both nodes, as it should be. Pure. */
import {
  BEHIND_V4,
  cableAddress,
  HEARTBEAT_PORT,
  lanAddress,
  type NodeName,
  NODES,
  SERVICE_V4,
  SERVICE_V6,
} from "./topology.ts";

export const GROUP = "web";

export interface PairFile {
  readonly profile: "fast" | "lan" | "wan";
  /** More lines for the group's table, which is the last of the file. */
  readonly group?: string;
  /** More lines for the table of times. */
  readonly timing?: string;
  /** The pair routes to a network behind it, and has an address there. */
  readonly routed?: boolean;
}

export function pairFileText(options: PairFile, keyFile: string): string {
  return `[pair]
name = "lab"
key_file = "${keyFile}"

[timing]
profile = "${options.profile}"
${options.timing ?? ""}
${NODES.map(nodeText).join("")}
[[group]]
name = "${GROUP}"
prefer = "a"
addresses = [
  { address = "${SERVICE_V4}/32", interface = "veth0" },
  { address = "${SERVICE_V6}/128", interface = "veth0" },${
    options.routed === true ? `\n  { address = "${BEHIND_V4}/32", interface = "veth2" },` : ""
  }
]
${options.group ?? ""}
`;
}

function nodeText(name: NodeName): string {
  const paths = [cableAddress(name), lanAddress(name)].map((host) => `"${host}:${HEARTBEAT_PORT}"`);
  return `[[node]]\nname = "${name}"\npaths = [${paths.join(", ")}]\n`;
}
