/** What an alarm means: something that moved nothing. Pure. */
import type { HintEvidence } from "../core/evidence.ts";
import type { NodeEvent } from "../core/vocabulary.ts";
import type { Around } from "./around.ts";
import { causeOfIsolation, causeOfLoss } from "./causes_of_loss.ts";
import { type Reasoned, reasoned } from "./explanation.ts";

/** A carrier that went so long before a link's alarm belongs to it: the alarm waits for a second or two of silence. */
const HINT_US = 5_000_000;

export function causeOfAlarm(event: NodeEvent, around: Around): Reasoned {
  const { kind, text } = event;
  if (kind.startsWith("silent ")) return causeOfSilentLink(event);
  if (kind === "heartbeats-lost" || kind === "peer-deaf") {
    const whose = kind === "peer-deaf"
      ? "This node's heartbeats do not reach the peer"
      : "The peer's heartbeats do not arrive here";
    return reasoned(
      "heartbeats-filtered",
      `${whose}, while the address was answered for on the network: so its owner lives, nothing moved, and somebody filters or has cut ` +
        "the heartbeats alone.",
      "where they are lost: look at firewalls on both nodes and at the switch",
    );
  }
  if (kind === "incompatible" || kind === "state-incompatible") {
    return reasoned(
      "config-mismatch",
      `${text}. Nothing moves until both have the same one: segue check prints a digest to compare.`,
    );
  }
  if (kind === "rules-repaired") return causeOfLoss({ ...event, text: "another program removed the rules" }, undefined);
  if (kind.startsWith("carrier ")) {
    return reasoned("lan-port-down", `This node's own service interface has no carrier: ${text}.`);
  }
  if (kind.startsWith("eligible ")) {
    return reasoned("service-failed", `A track or service of this node failed: ${text}.`);
  }
  if (kind === "fence") {
    return reasoned("fence-failed", `${text}.`, "whether the peer is off: look at it, and at its power switch");
  }
  if (kind === "arbiter") {
    return reasoned(
      "no-key",
      `${text}. Nothing moves for that while the nodes hear each other.`,
      "whether the arbiter failed, or the way to it",
    );
  }
  if (kind === "isolated" || kind === "arbiter-key") return causeOfIsolation(text);
  if (kind.startsWith("gateway ")) {
    return reasoned(
      "isolated",
      `${text}. Nothing moves for that while the nodes hear each other.`,
      "whether the gateway failed, or the way to it",
    );
  }
  if (kind.startsWith("stragglers ") || kind.startsWith("no-traffic ")) {
    return reasoned("stale-neighbours", `The address has moved, and not all neighbours have followed: ${text}.`);
  }
  if (kind === "aborted") return reasoned("called-off", `${text}.`);
  if (kind === "yield") return reasoned("two-primaries", `${text}.`);
  const lost = around.lately("fenced", event.group);
  return reasoned("other", `${text}.${lost === null ? "" : ` Shortly before: ${lost.text}.`}`);
}

function causeOfSilentLink({ kind, text, detail }: NodeEvent): Reasoned {
  const link = kind.slice("silent ".length);
  const hints = (detail?.hints ?? []) as readonly HintEvidence[];
  const carrier = hints.findLast(({ text, agoUs }) => /^no carrier on /.test(text) && agoUs <= HINT_US);
  const why = carrier === undefined
    ? "No carrier went on this side: the far end, something between, or a filter."
    : `${carrier.text}, ${(carrier.agoUs / 1e6).toFixed(1)} s before: the cable or one of its ends.`;
  return reasoned(
    "path-lost",
    [`${text}.`, `Nothing moved, for the peer is heard by other links. ${why}`],
    `whether the peer still hears this node on ${link}: its status says it`,
  );
}
