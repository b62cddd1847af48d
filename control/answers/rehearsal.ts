/** "If I switched now": what a planned move would take, what would not survive it, and what is not ready. Pure. */
import type { Timing } from "../../config/model.ts";
import type { GroupSnapshot, SwitchSnapshot } from "../core/messages.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import { predictByHistory, predictByModel, type Prediction } from "./prediction.ts";

/** Answer of `GET /v1/groups/GROUP/rehearsal`. */
export interface Rehearsal extends Prediction {
  readonly group: string;
  readonly from: string;
  readonly to: string;
  readonly possible: boolean;
  readonly survives: readonly string[];
  readonly does_not: readonly { readonly what: string; readonly why: string }[];
  readonly not_ready: readonly string[];
}

export interface RehearsalFacts {
  readonly snapshot: SwitchSnapshot;
  readonly group: GroupSnapshot;
  readonly timing: Timing;
  /** What a takeover took in the rehearsal at the start. */
  readonly rehearsedUs: number;
  /** Receipts of this group under this configuration, oldest first. */
  readonly history: readonly SwitchReceipt[];
  /** TCP connections that end in this node at the group's addresses; null if they could not be counted. */
  readonly connections: number | null;
}

/** Packets that each of the two queues of a hold takes. */
const QUEUE_PACKETS = 65_536;

export function rehearse(facts: RehearsalFacts): Rehearsal {
  const { snapshot, group } = facts;
  const serves = group.role === "primary";
  const [from, to] = serves ? [snapshot.node, snapshot.peer.name] : [snapshot.peer.name, snapshot.node];
  const notReady = notReadyFor(facts, serves, to);
  const kind = serves ? "handover" : "switchover";
  const rtts = snapshot.paths.flatMap(({ rtt_us: rtt }) => rtt === null ? [] : [rtt]);
  const prediction = predictByHistory(facts.history.filter((it) => it.kind === kind && it.outcome === "done")) ??
    withServices(
      group,
      predictByModel(kind, facts.timing, rtts.length === 0 ? null : Math.min(...rtts), facts.rehearsedUs),
    );
  return {
    group: group.name,
    from,
    to,
    possible: notReady.every(({ blocks }) => !blocks),
    ...prediction,
    survives: survivors(group, to),
    does_not: casualties(facts, serves, from),
    not_ready: notReady.map(({ text }) => text),
  };
}

/** The model knows nothing of services, and says so. */
function withServices({ services }: GroupSnapshot, prediction: Prediction): Prediction {
  if (services.length === 0) return prediction;
  return {
    ...prediction,
    basis: `${prediction.basis}; what the services take to stop and start comes on top, until a move has shown it`,
  };
}

interface Obstacle {
  readonly text: string;
  /** The move would be refused or called off. */
  readonly blocks: boolean;
}

function notReadyFor({ snapshot, group }: RehearsalFacts, serves: boolean, to: string): Obstacle[] {
  const found: Obstacle[] = [];
  const block = (text: string) => found.push({ text, blocks: true });
  const { peer } = snapshot;
  if (!serves && group.role !== "standby") block(`${snapshot.node} is ${group.role}`);
  if (peer.state === "silent" || peer.state === "unknown") block(`${peer.name} is not heard`);
  else if (peer.state === "incompatible") block(`${peer.name} runs with another configuration`);
  else {
    const wanted = serves ? "standby" : "primary";
    if (group.peer_role !== wanted) {
      block(`${peer.name} is ${group.peer_role ?? "not known to be anything"}, not ${wanted}`);
    }
  }
  if (serves && group.peer_able === false) {
    block(`${peer.name} cannot serve ${group.name} now: its own status says why`);
  }
  if (!serves && !group.able) block(`${snapshot.node} cannot serve ${group.name}: ${whyNotAble(snapshot, group)}`);
  if (group.held.now > 0) block(`${group.held.now} packets are held just now: another switch is under way`);
  for (const { name, state, healthy } of group.services) {
    if (healthy === false) {
      found.push({ text: `service ${name} is ${state} and not healthy on ${snapshot.node}`, blocks: !serves });
    }
  }
  const behind = group.state.lsn - group.state.peer_lsn;
  if (behind > 0) found.push({ text: `${behind} changes of state have not reached ${to} yet`, blocks: false });
  return found;
}

function whyNotAble({ alarms }: SwitchSnapshot, group: GroupSnapshot): string {
  if (!group.eligible) return group.eligible_reason;
  const known = alarms.find(({ kind }) => kind === `carrier ${group.name}` || kind === "rules" || kind === "journal");
  return known?.text ?? "it has no epoch that it can prove to be new";
}

function survivors(group: GroupSnapshot, to: string): string[] {
  const addresses = group.addresses.map(({ address }) => address).join(", ");
  return [
    `${addresses}: announced on ${to} in the same step in which its lease is taken`,
    `packets that come meanwhile: held in the kernel of ${to} and released in order, up to ${QUEUE_PACKETS} of those that ` +
    "come directly and as many of those that the old node passes on",
    ...(group.state.lsn > 0 ? [`state up to LSN ${group.state.lsn}`] : []),
  ];
}

function casualties(facts: RehearsalFacts, serves: boolean, from: string): { what: string; why: string }[] {
  const { connections, timing } = facts;
  const found: { what: string; why: string }[] = [];
  const why = "a connection lives in the kernel in which it ends; the new primary does not know it and resets it";
  if (!serves) {
    found.push({ what: `TCP connections that end in ${from}`, why: `${why}; they can be counted there only` });
  } else if (connections === null) {
    found.push({ what: `TCP connections that end in ${from}`, why: `${why}; they could not be counted` });
  } else if (connections > 0) {
    const count = connections === 1 ? "1 TCP connection that ends" : `${connections} TCP connections that end`;
    found.push({ what: `${count} in ${from}`, why });
  }
  found.push({
    what: `answers that a service gives more than ${timing.drainUs / 1000} ms after the move has begun`,
    why: `the old node's lease ends then (${
      timing.drainUs * 8 / 1000
    } ms while datagrams wait unread): raise timing.drain for slow answers`,
  });
  return found;
}
