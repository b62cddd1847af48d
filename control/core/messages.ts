/** What the main thread and the switch thread say to each other. Plain data: it crosses threads by structured clone or as JSON. */
import type { Jitter } from "./jitter.ts";
import type { Alarm, NodeEvent, Role, SwitchReceipt } from "./vocabulary.ts";

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
  /** Raised or lowered by another thread, shown in status. */
  | { readonly kind: "alarm"; readonly alarm: string; readonly text: string | null }
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
  /** Delays since the last time. Without `id` nobody asked: a minute is over. */
  | { readonly kind: "jitter"; readonly id?: number; readonly jitter: Jitter }
  | { readonly kind: "reserveEpochs"; readonly group: string; readonly above: number }
  /** The loop lives; at least once a second. Feeds the systemd watchdog. */
  | { readonly kind: "alive" }
  | { readonly kind: "stopped"; readonly id: number }
  /** A broken invariant: the leases are dropped, the process must end. */
  | { readonly kind: "fatal"; readonly text: string };

/** Given to the switch worker as its first and only ordinary message. */
export interface SwitchInit {
  readonly configJson: string;
  readonly node: string;
  /** 32 bytes. */
  readonly key: Uint8Array;
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

export interface GroupSnapshot {
  readonly name: string;
  readonly role: Role;
  readonly epoch: number;
  readonly lease: { readonly held: boolean; readonly left_ms: number | null };
  readonly addresses: readonly { readonly address: string; readonly interface: string; readonly active: boolean }[];
  readonly services: readonly { readonly name: string; readonly state: string; readonly healthy: boolean | null }[];
  readonly state: { readonly lsn: number; readonly peer_lsn: number };
  readonly last_switch: SwitchReceipt | null;
  readonly held: { readonly now: number; readonly total: number; readonly released: number; readonly dropped: number };
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
  /** Neighbours that went on sending to this node in the last seconds though the peer serves. */
  readonly stragglers: readonly { readonly address: string; readonly packets: number; readonly seconds: number }[];
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
  readonly groups: readonly GroupSnapshot[];
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
