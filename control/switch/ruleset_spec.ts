/** What the kernel's rules are made from, and the names of everything in them. Pure. */
import type { TableRef } from "../../kernel_ffi/nftables/batch.ts";
import { NFPROTO_INET, NFPROTO_NETDEV } from "../../kernel_ffi/nftables/constants.ts";
import { GROUPS_MAX } from "../core/heartbeat.ts";

/** How both nodes hear a slot's packets. Six bytes each. */
export interface SharedSlot {
  /** What clients send to; no node ever sends from it. */
  readonly mac: Uint8Array;
  /** What the old node of a switchover sends on to. */
  readonly passedMac: Uint8Array;
}

/** Numbers of a group's NFQUEUEs. */
export interface GroupQueues {
  /** What is held and came by way of the peer, and everything else that is held. */
  readonly passed: number;
  readonly direct: number;
  /** Of a group with a shared wire. */
  readonly shadow: number;
}

/** The lease of one group on one service interface. */
export interface SlotSpec {
  /** 1…255, its own on this node. */
  readonly slot: number;
  readonly group: string;
  /** The same for all slots of a group, and no other group's. */
  readonly queues: GroupQueues;
  /** Four bytes each. */
  readonly v4: readonly Uint8Array[];
  /** Sixteen bytes each. */
  readonly v6: readonly Uint8Array[];
  /** Of a group with a shared wire. */
  readonly shared?: SharedSlot;
}

/** A service interface: addresses of groups live on it. */
export interface InterfaceSpec {
  readonly name: string;
  /** Six bytes. */
  readonly mac: Uint8Array;
  /** Null until the peer has told: nothing is passed on before. */
  readonly peerMac: Uint8Array | null;
  readonly slots: readonly SlotSpec[];
}

export interface RulesetSpec {
  readonly interfaces: readonly InterfaceSpec[];
  /**
   * Every other interface of the node but `lo`, except those that frames of a service interface go through: ports of a
   * bridge or bond, the parent of a VLAN or macvlan. There the addresses would be mute even with the lease.
   */
  readonly others: readonly string[];
  /** Time-out of a lease in milliseconds; parts of one are rounded down. */
  readonly leaseMs: number;
  /**
   * How long a question licenses a take; the lease's time if not given. Not longer than the silence after which the peer may take:
   * who consented and then hears nothing may be primary by then.
   */
  readonly armMs?: number;
  /** How packets get into an NFQUEUE on this kernel. */
  readonly queueKind: "nft" | "xt";
}

/** Lease and gate. */
export const GATE_TABLE: TableRef = { family: NFPROTO_NETDEV, name: "segue" };
/** The hold. */
export const HOLD_TABLE: TableRef = { family: NFPROTO_INET, name: "segue" };
export const OWN_TABLES: readonly TableRef[] = [GATE_TABLE, HOLD_TABLE];

/**
 * Numbers of queues: three for each group, in the order of the configuration, far from the low ones that other programs of a machine
 * bind by habit. In hexadecimal they begin as segue's marks do.
 */
export const QUEUE_BASE = 0x5e00;
const QUEUES_PER_GROUP = 3;

/** @param group its index on this node */
export function queuesOf(group: number): GroupQueues {
  const first = QUEUE_BASE + QUEUES_PER_GROUP * group;
  return { passed: first, direct: first + 1, shadow: first + 2 };
}

/** Whether a queue is one of those that this program binds, whatever its configuration. */
export function isOwnQueue(queue: number): boolean {
  return queue >= QUEUE_BASE && queue < QUEUE_BASE + QUEUES_PER_GROUP * GROUPS_MAX;
}

/** A neighbour that was wrong is remembered for so long after its last packet; so many of them at most. */
export const STRAY_TIMEOUT_MS = 30_000;
export const STRAYS_MAX = 1024;

/** How long hold and pass last unless they are ordered again. */
export const STEP_TIMEOUT_MS = 2000;

export const nameOf = {
  lease: (slot: number) => `lease_${slot}`,
  arm: (slot: number) => `arm_${slot}`,
  hold: (slot: number) => `hold_${slot}`,
  pass: (slot: number) => `pass_${slot}`,
  /** Counters. */
  passed: (slot: number) => `passed_${slot}`,
  served: (slot: number) => `served_${slot}`,
  dropped: (slot: number) => `dropped_${slot}`,
  muted: (slot: number) => `muted_${slot}`,
  /** Who sends to the addresses by this node's MAC while it has no lease; and the chain that writes it down. */
  strayed: (family: 4 | 6, slot: number) => `strayed${family}_${slot}`,
  strays: (slot: number) => `strays_${slot}`,
  /** Of a shared wire: counter of frames for the virtual MAC, whatever becomes of them; chains of these frames, and of those that the peer sent on. */
  seen: (slot: number) => `seen_${slot}`,
  heard: (slot: number) => `heard_${slot}`,
  heardPassed: (slot: number) => `onto_${slot}`,
  /** Addresses that are spoken of with the virtual MAC. */
  virtual: (family: 4 | 6, slot: number) => `virtual${family}_${slot}`,
  macs: (device: string) => `macs_${device}`,
  /** Virtual MACs in whose shadow packets are kept now (in both tables), with the chain that tells their queues; and those that are held. */
  shadowed: "shadowed",
  shadows: "shadows",
  heldMacs: "holdmac",
  /** Chain of what is sent on to the peer. */
  onward: (slot: number) => `onward_${slot}`,
  /** Chain of what leaves as the addresses. */
  gate: (slot: number) => `gate_${slot}`,
  /** Chain of questions about the addresses, and of packets to them that come in by another interface. */
  ask: (slot: number) => `ask_${slot}`,
  /** Chain of packets to the addresses. */
  entrance: (slot: number) => `in_${slot}`,
  /** Base chains, chains and maps of an interface. */
  egress: (device: string) => `egress_${device}`,
  ingress: (device: string) => `ingress_${device}`,
  steps: (device: string) => `steps_${device}`,
  to: (family: 4 | 6, device: string) => `to${family}_${device}`,
  /** Addresses about which an interface keeps silent. */
  silent: (family: 4 | 6, device: string) => `silent${family}_${device}`,
  /** Maps from every address to the chain of its slot. */
  from: (family: 4 | 6) => `from${family}`,
  asked: (family: 4 | 6) => `asked${family}`,
  /** Maps of the hold, from what is held now to the chain that leads into its group's queues. */
  held: (family: 4 | 6) => `hold${family}`,
  /** Chains of a group to which elements of these maps lead: into the queue that the sender tells, and of a shared wire into one of the two. */
  heldEither: ({ passed }: GroupQueues) => `held_${passed}`,
  heldPassed: ({ passed }: GroupQueues) => `passed_${passed}`,
  heldDirect: ({ direct }: GroupQueues) => `direct_${direct}`,
  /** Chain that ends in a queue. */
  queue: (queue: number) => `queue_${queue}`,
  peers: "peers",
  holdChain: "prerouting",
} as const;

/** Addresses of one family. */
export function addressesOf(slots: readonly SlotSpec[], family: 4 | 6): readonly Uint8Array[] {
  return slots.flatMap((slot) => family === 4 ? slot.v4 : slot.v6);
}

/** The queues of every group, once. */
export function allQueues(spec: RulesetSpec): readonly GroupQueues[] {
  return [...new Map(allSlots(spec).map(({ queues }) => [queues.passed, queues])).values()];
}

/**
 * Chains that elements of the hold's maps lead to: the kernel counts these among a chain's uses, which so change with what is held. Their rules lead
 * to other chains only, so that a missing one shows there.
 */
export function heldChains(spec: RulesetSpec): ReadonlySet<string> {
  return new Set(
    allQueues(spec).flatMap((it) => [nameOf.heldEither(it), nameOf.heldPassed(it), nameOf.heldDirect(it)]),
  );
}

export function allSlots(spec: RulesetSpec): readonly SlotSpec[] {
  return spec.interfaces.flatMap((it) => it.slots);
}
