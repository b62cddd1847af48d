/** What the main thread and the switch thread say to each other. Plain data: it crosses threads by structured clone or as JSON. */
import type { ArbiterWord } from "./arbiter.ts";
import type { Jitter } from "./jitter.ts";
import type { KeysStatus } from "./pair_keys.ts";
import type { Alarm, NodeEvent, Role, ServingRole, SwitchReceipt } from "./vocabulary.ts";

/** Main → switch, through the mailbox (JSON). `id` comes back in the reply. */
export type SwitchCommand =
  | { readonly kind: "snapshot"; readonly id: number }
  /** Hand over what was counted of delays now, not at the end of the minute. */
  | { readonly kind: "jitter"; readonly id: number }
  | {
    readonly kind: "switchover";
    readonly id: number;
    readonly group: string;
    readonly to: string | null;
    readonly timeoutUs: number;
    /** Take over without proof of the epoch, by the operator's word. */
    readonly force: boolean;
  }
  /** The journal has reserved the group's epochs up to this one. `unproven`: the journal is new though the node may not be. */
  | { readonly kind: "epochReserved"; readonly group: string; readonly upTo: number }
  /** A track or service says whether this node may be primary of the group. */
  | { readonly kind: "eligible"; readonly group: string; readonly ok: boolean; readonly reason: string }
  /** The copies of the group's state have been compared in the present connection to the peer. Behind the `eligible` that it led to. */
  | { readonly kind: "compared"; readonly group: string; readonly on: boolean }
  /** The copy of the group's state knows of this reign: the next one needs a higher epoch. */
  | { readonly kind: "reignKnown"; readonly group: string; readonly epoch: number }
  /** Services, followers or state of the group have to be asked in a switch, or not any more. */
  | { readonly kind: "managed"; readonly group: string; readonly on: boolean }
  /** Answer to `serve`. Times of the steps: the monotonic clock, microseconds. */
  | {
    readonly kind: "served";
    readonly group: string;
    readonly order: number;
    readonly ok: boolean;
    readonly reason: string;
    readonly steps: readonly { readonly step: string; readonly atUs: number }[];
  }
  /** Answer to `fencePeer`. `reason`: what ended how. Times of the steps: the monotonic clock, microseconds. */
  | {
    readonly kind: "peerFenced";
    readonly order: number;
    readonly ok: boolean;
    readonly reason: string;
    readonly steps: readonly { readonly step: string; readonly atUs: number }[];
  }
  /** What has become of `claimKey`: more than once, until the key is released. */
  | { readonly kind: "arbiter"; readonly order: number; readonly word: ArbiterWord }
  /** Somebody works on this node by hand: `preempt` does not act. */
  | { readonly kind: "maintenance"; readonly on: boolean }
  /** Raised or lowered by another thread, shown in status. */
  | { readonly kind: "alarm"; readonly alarm: string; readonly text: string | null }
  /** The pair's keys after a reload, base64, as in the file. */
  | { readonly kind: "keys"; readonly id: number; readonly keys: readonly string[] }
  /** New timing, preempt and prefer after a reload. */
  | { readonly kind: "reload"; readonly id: number; readonly configJson: string }
  /** Hand over what can be handed over, take the rules away, end. */
  | { readonly kind: "stop"; readonly id: number };

/** Switch → main, by postMessage. */
export type SwitchReport =
  /** `rehearsedUs`: what a takeover took in the rehearsal. `thread`: the kernel's number of the switch thread. */
  | { readonly kind: "ready"; readonly startUs: number; readonly rehearsedUs: number; readonly thread: number }
  | { readonly kind: "snapshot"; readonly id: number; readonly snapshot: SwitchSnapshot }
  | {
    readonly kind: "result";
    readonly id: number;
    readonly ok: boolean;
    readonly error?: string;
    readonly receipt?: SwitchReceipt;
  }
  | { readonly kind: "event"; readonly event: NodeEvent }
  | { readonly kind: "receipt"; readonly receipt: SwitchReceipt }
  /**
   * Services, followers and state shall be brought to the role; the answer is `served`. A newer order of the group stands in place of an
   * older one. `planned`: part of the switchover `switchId`, which both nodes call by that number. `epoch`: of the reign that begins or ends.
   */
  | {
    readonly kind: "serve";
    readonly group: string;
    readonly order: number;
    readonly to: ServingRole;
    readonly planned: boolean;
    readonly switchId: number;
    readonly epoch: number;
  }
  /** Run the command that makes sure that the peer is off; the answer is `peerFenced`. `group`: the first that waits for it. */
  | { readonly kind: "fencePeer"; readonly group: string; readonly order: number }
  /** The peer lives: end the command, if it still runs. Nobody waits for an answer. */
  | { readonly kind: "fenceOff" }
  /** Ask the arbiter for its key, and keep it, until it is released; the answers are `arbiter`. */
  | { readonly kind: "claimKey"; readonly order: number }
  | { readonly kind: "releaseKey"; readonly order: number }
  /** The group's role on this node, whenever it has changed. `alone`: it is primary now, and the peer was silent when it became that. */
  | {
    readonly kind: "role";
    readonly group: string;
    readonly role: Role;
    readonly epoch: number;
    readonly alone: boolean;
  }
  /** Delays since the last time. Without `id` nobody asked: a minute is over. */
  | { readonly kind: "jitter"; readonly id?: number; readonly jitter: Jitter }
  /** The key that signs from here on: the peer has it. For who else seals what goes to the peer. */
  | { readonly kind: "keys"; readonly signs: number }
  | { readonly kind: "reserveEpochs"; readonly group: string; readonly above: number }
  /** These send to a group that the peer serves, 4 or 16 bytes each: who has to answer them some time shall know its neighbours. */
  | { readonly kind: "speakers"; readonly addresses: readonly Uint8Array<ArrayBuffer>[] }
  /** The loop lives; at least once a second. Feeds the systemd watchdog. */
  | { readonly kind: "alive" }
  | { readonly kind: "stopped"; readonly id: number }
  /** A broken invariant: the leases are dropped, the process must end. */
  | { readonly kind: "fatal"; readonly text: string };

/** Given to the switch worker as its first and only ordinary message. */
export interface SwitchInit {
  readonly configJson: string;
  readonly node: string;
  /** As in the key file: one or two of 32 bytes. */
  readonly keys: readonly Uint8Array[];
  readonly version: string;
  /** The mailbox: shared memory and the eventfd that announces a message. */
  readonly mailbox: SharedArrayBuffer;
  readonly mailboxFd: number;
  /** What the journal knows per group: highest epoch ever used or reserved here, and the block reserved for this run. */
  readonly epochs: readonly {
    readonly group: string;
    readonly lastUsed: number;
    readonly reservedUpTo: number;
    readonly unproven: boolean;
  }[];
  /** Path of the guard helper, or null to run without. */
  readonly guard: string | null;
}

export interface PathSnapshot {
  readonly local: string;
  readonly remote: string;
  readonly kind: "udp" | "frame";
  readonly state: "up" | "down" | "unknown";
  readonly rtt_us: number | null;
  /** Share of the last heartbeats that did not come, 0…1. */
  readonly loss: number;
  readonly last_heard_ms: number | null;
}

/** One service of a group. What stands behind `healthy` is known of those that this daemon runs. */
export interface ServiceSnapshot {
  readonly name: string;
  /** `stopped`, `starting`, `running`, `stopping`, `restarting` or `failed`. */
  readonly state: string;
  /** Null while it is not meant to run. */
  readonly healthy: boolean | null;
  readonly run?: "always" | "primary";
  readonly pid?: number;
  /** Since the daemon's start. */
  readonly restarts?: number;
  /** Wall clock of the last change of `state`, ISO 8601. */
  readonly since?: string;
  readonly last_error?: string;
}

/** A group's synchronised state on this node. */
export interface StateSnapshot {
  /** Last write that is here, and at the peer. */
  readonly lsn: number;
  readonly peer_lsn: number;
  readonly keys: number;
  /** Of keys and values. */
  readonly bytes: number;
  /** Last write that is on this node's disk, and (as far as the primary was told) on the standby's. */
  readonly durable_lsn: number;
  readonly peer_durable_lsn: number;
  /** Copying: a full copy from the peer is not whole yet, and worth nothing. */
  readonly sync: "alone" | "catching-up" | "copying" | "synced";
}

/** Before the main thread has said what it has. */
export const NO_STATE: StateSnapshot = {
  lsn: 0,
  peer_lsn: 0,
  keys: 0,
  bytes: 0,
  durable_lsn: 0,
  peer_durable_lsn: 0,
  sync: "alone",
};

/** Packets that a standby on a shared wire keeps until the primary has given a later sign of life. */
export interface ShadowSnapshot {
  readonly now: number;
  readonly bytes: number;
  readonly oldest_ms: number;
  /** Since the daemon's start: kept; served at failovers; dropped as served by the peer; dropped because there were too many or too old. */
  readonly total: number;
  readonly replayed: number;
  readonly served: number;
  readonly dropped: number;
}

export interface GroupSnapshot {
  readonly name: string;
  readonly role: Role;
  readonly epoch: number;
  readonly lease: { readonly held: boolean; readonly left_ms: number | null };
  readonly addresses: readonly { readonly address: string; readonly interface: string; readonly active: boolean }[];
  readonly services: readonly ServiceSnapshot[];
  readonly state: StateSnapshot;
  readonly last_switch: SwitchReceipt | null;
  readonly held: { readonly now: number; readonly total: number; readonly released: number; readonly dropped: number };
  /** TCP connections that end in this node at the group's addresses; null where the kernel does not tell. */
  readonly connections?: number | null;
  readonly shadow?: ShadowSnapshot;
  /** Of a group with a shared wire: which wire is in force, and what this node and the peer see of the virtual MAC, frames a second. */
  readonly wire?: {
    readonly in_force: "shared" | "announce";
    readonly seen: number | null;
    readonly peer_seen: number | null;
    readonly macs: readonly string[];
  };
  readonly packets: {
    readonly served: number;
    readonly passed: number;
    readonly dropped: number;
    readonly muted: number;
  };
  readonly peer_role: Role | null;
  /** Could serve now: eligible, carrier, rules, epochs. Of the peer: what it says itself, null before it was heard. */
  readonly able: boolean;
  readonly peer_able: boolean | null;
  readonly eligible: boolean;
  readonly eligible_reason: string;
  /**
   * The gateway that is asked when the peer is not heard; null: none. `reachable`: null before the first question has had its answer or
   * its time.
   */
  readonly gateway: {
    readonly address: string;
    readonly reachable: boolean | null;
    readonly last_heard_ms: number | null;
  } | null;
  /** Neighbours that went on sending to this node in the last seconds though the peer serves. */
  readonly stragglers: readonly { readonly address: string; readonly packets: number; readonly seconds: number }[];
}

/** The arbiter, as this node knows it. */
export interface ArbiterSnapshot {
  /** Whom it asks. */
  readonly etcd: readonly string[];
  readonly key: string;
  /** Null before the first answer; the reason where it is false. */
  readonly reachable: boolean | null;
  readonly reason: string | null;
  /** How long the last claim's answer took. */
  readonly answer_ms: number | null;
  /** The key is wanted, as the peer is not heard; it is ours; or why it is not. */
  readonly asked: boolean;
  readonly ours: boolean;
  readonly refused: string | null;
}

/** Everything the switch thread knows, for status, metrics and console. */
export interface SwitchSnapshot {
  readonly node: string;
  readonly pair: string;
  readonly version: string;
  readonly uptime_ms: number;
  readonly paths: readonly PathSnapshot[];
  readonly peer: {
    readonly name: string;
    readonly state: "unknown" | "alive" | "silent" | "incompatible";
    readonly last_heard_ms: number | null;
    readonly version: string | null;
  };
  /** Fingerprints of the pair's keys. Earlier versions did not tell. */
  readonly keys?: KeysStatus;
  readonly groups: readonly GroupSnapshot[];
  /** Null: there is none. Earlier versions did not tell. */
  readonly arbiter?: ArbiterSnapshot | null;
  readonly alarms: readonly Alarm[];
  /** Datagrams that were dropped, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  readonly counters: {
    readonly heartbeats_sent: number;
    readonly heartbeats_received: number;
    readonly probes_sent: number;
    readonly probes_answered: number;
    readonly suspicions: number;
    readonly lease_lapses: number;
    readonly late_wakes: number;
    readonly late_wake_max_us: number;
    readonly send_errors: number;
    readonly rules_repaired: number;
  };
}
