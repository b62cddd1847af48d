/** What the nodes themselves wrote down about taking the address: read from their journals, also from a dead node's. */
import type { SwitchKind, SwitchReceipt } from "../core/vocabulary.ts";
import { JOURNAL_NAME } from "../journal/files.ts";
import { readEvents } from "../journal/reader.ts";
import { type NodeName, NODES } from "./topology.ts";
import type { World } from "./world.ts";

/** Kinds after which the node that wrote the receipt is primary. */
const TAKING: readonly SwitchKind[] = ["start", "switchover", "failover", "retake"];

/**
 * Receipts of both nodes, in the order of their epochs.
 * @param sinceMs wall clock, as `Date.now()`
 */
export function takesSince(world: World, sinceMs: number): SwitchReceipt[] {
  const receipts = NODES.flatMap((name) => readEvents(`${world.stateDir(name)}/${JOURNAL_NAME}`)).flatMap((entry) =>
    entry.type === "switch" ? [entry.receipt] : []
  );
  return receipts
    .filter(({ kind, outcome, at }) => TAKING.includes(kind) && outcome === "done" && Date.parse(at) >= sinceMs)
    .toSorted((x, y) => x.epoch - y.epoch || Date.parse(x.at) - Date.parse(y.at));
}

/** Owners one after the other, as they say: whoever takes what is its own already changes nothing. Pure. */
export function ownersOf(first: NodeName, takes: readonly SwitchReceipt[]): NodeName[] {
  const owners = [first];
  for (const { node } of takes) if (node !== owners.at(-1)) owners.push(node as NodeName);
  return owners;
}
