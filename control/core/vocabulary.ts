/** The words that all rooms share. Pure. Times are microseconds of the monotonic clock (`…Us`) unless a name says otherwise. */
import type { SwitchEvidence } from "./evidence.ts";

/** Role of this node in one group, as people see it. */
export type Role = "starting" | "standby" | "suspecting" | "preparing" | "primary" | "leaving" | "fenced";

export const ROLES: readonly Role[] = [
  "starting",
  "standby",
  "suspecting",
  "preparing",
  "primary",
  "leaving",
  "fenced",
];

/** What services, followers and state are told: a group is served here, or it is not. */
export type ServingRole = "primary" | "standby";

export type SwitchKind = "start" | "switchover" | "failover" | "retake" | "yield" | "handover";

/** One step of a switch: what, and microseconds since the switch began. */
export interface ReceiptStep {
  readonly step: string;
  readonly atUs: number;
}

/** Packets of a group during a switch. */
export interface PacketCounts {
  /** Sent on to the peer by the kernel of the old node (counted where they were sent). */
  readonly passed: number;
  /** Queued in the kernel of the new node; of these `heldByPeer` came by way of the old node. */
  readonly held: number;
  readonly heldByPeer: number;
  /** Let go in order to the local service. */
  readonly released: number;
  /** Given back to the old node when a switchover was called off. */
  readonly returned: number;
  /** Lost by an overrun of the hold, or of the shadow. */
  readonly dropped: number;
  /** Of a shared wire, when nobody had served: kept since the last sign of life, served of it, and how old the oldest of these was. */
  readonly shadowed?: number;
  readonly replayed?: number;
  readonly replayedOldestUs?: number;
}

/** What happened in a switch, written by the node that did it (both nodes write one, each its own side). */
export interface SwitchReceipt {
  readonly group: string;
  readonly node: string;
  readonly kind: SwitchKind;
  readonly outcome: "done" | "aborted";
  /** Why: which heartbeat, which probes, who asked. One sentence. */
  readonly reason: string;
  readonly fromEpoch: number;
  readonly epoch: number;
  /** Wall clock at the beginning, ISO 8601. */
  readonly at: string;
  readonly durationUs: number;
  readonly steps: readonly ReceiptStep[];
  readonly packets: PacketCounts;
  /** What this node knew when it began. */
  readonly evidence?: SwitchEvidence;
  /** What a rehearsal of at most a minute before had said of duration and gap, and why it came otherwise, if it did. */
  readonly predictedUs?: number;
  readonly predictedGapUs?: number;
  readonly predictionMissed?: string;
}

export type EventLevel = "info" | "notice" | "alarm";

/** Something worth remembering. `kind` is a stable word for programs, `text` a sentence for people. */
export interface NodeEvent {
  /** Wall clock, ISO 8601. */
  readonly at: string;
  readonly level: EventLevel;
  readonly kind: string;
  readonly group?: string;
  readonly text: string;
  readonly detail?: Readonly<Record<string, unknown>>;
}

/** A condition that lasts; shown in status until it ends. */
export interface Alarm {
  readonly kind: string;
  readonly since: string;
  readonly text: string;
}
