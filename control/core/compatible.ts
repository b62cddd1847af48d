/** Two nodes with different configurations of the pair stay as they are, and say so. */
import type { Heartbeat } from "./heartbeat.ts";
import type { NodeState } from "./node.ts";

/** Takes down whether the peer runs with the same configuration, and says it once. True if it does. */
export function judgeConfig(n: NodeState, beat: Heartbeat): boolean {
  n.compatible = sameDigest(n.digest, beat.digest) && beat.groupCount === n.groups.length;
  if (!n.compatible) sayIncompatible(n);
  else if (n.incompatibleSaid) {
    n.incompatibleSaid = false;
    n.out.push({ kind: "alarm", alarm: "incompatible", text: null });
  }
  return n.compatible;
}

function sameDigest(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function sayIncompatible(n: NodeState): void {
  if (n.incompatibleSaid) return;
  n.incompatibleSaid = true;
  const text =
    `${n.peerName} runs with another configuration of this pair (nodes, paths, groups, addresses or timing): both nodes stay as they are`;
  n.out.push({ kind: "alarm", alarm: "incompatible", text }, {
    kind: "event",
    level: "alarm",
    event: "incompatible",
    group: null,
    text,
  });
}
