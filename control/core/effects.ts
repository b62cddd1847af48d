/** Work that the core orders. The switch thread does it in this order, at once, and waits for nothing but the kernel. */
import type { EventLevel, ServingRole, SwitchKind } from "./vocabulary.ts";

/** What a marked frame does in the kernel that it leaves (ARCHITECTURE.md, "Where the lease lives"). */
export type FrameStep = "refresh" | "take" | "hold" | "unhold" | "pass" | "drop" | "unpass" | "arm";

export type Effect =
  /** Say the state on all links. With a step: this time the frames on the group's interfaces carry that mark. */
  | { readonly kind: "beat"; readonly group: number | null; readonly step: FrameStep | null }
  /** Ask the network who has the group's addresses, marked ARM. */
  | { readonly kind: "probe"; readonly group: number }
  /** Ask the group's gateway whether it is there. An answer comes back as `gatewayHeard`. */
  | { readonly kind: "askGateway"; readonly group: number }
  /** Addresses on the interfaces, a beat marked TAKE, announcements. A refusal comes back as `takeRefused`. */
  | { readonly kind: "take"; readonly group: number; readonly epoch: number }
  /** Which wire is in force has changed: the kernel speaks of the virtual MAC, or of the node's own. */
  | { readonly kind: "wire"; readonly group: number }
  /** Tell the neighbours again. */
  | { readonly kind: "announce"; readonly group: number }
  /** Addresses off the service interfaces; they stay on `lo`. */
  | { readonly kind: "addressesOff"; readonly group: number }
  /** The same on the old node of a switchover, before it says that it has let go. When it is done `letGo` comes back. */
  | { readonly kind: "letGo"; readonly group: number }
  /**
   * Queue the group's packets: the hold set, then a beat marked HOLD. A failure comes back as `holdFailed`.
   * `ahead`: with the addresses on the interfaces already, behind the shut gate. That waits for a lock of the kernel which others may
   * have for many milliseconds, and which must not stand between the old node's word and the take.
   */
  | { readonly kind: "hold"; readonly group: number; readonly ahead: boolean }
  /** Let go what came by way of the peer. */
  | { readonly kind: "releasePeer"; readonly group: number }
  /** Let go everything, lift the hold, let go what came in between. */
  | { readonly kind: "finishHold"; readonly group: number }
  /** Send what is held to the peer as frames, in order, and lift the hold. */
  | { readonly kind: "giveBack"; readonly group: number }
  /** The main thread brings services, followers and state to the role, and answers with `served`. `planned`: a switchover waits for it. */
  | {
    readonly kind: "serve";
    readonly group: number;
    readonly order: number;
    readonly to: ServingRole;
    readonly planned: boolean;
  }
  /** The main thread makes sure that the peer is off, and answers with `peerFenced`. */
  | { readonly kind: "fencePeer"; readonly group: number; readonly order: number }
  /** Not any more: the peer lives. */
  | { readonly kind: "fenceOff" }
  /** The main thread asks the arbiter for its key until it is released; what it learns comes back as `arbiter`. */
  | { readonly kind: "claimKey"; readonly order: number }
  /** The key is not wanted any more, and not counted on from here on. */
  | { readonly kind: "releaseKey"; readonly order: number }
  /** A switch begins: its receipt counts from here. */
  | {
    readonly kind: "begin";
    readonly group: number;
    readonly switch: SwitchKind;
    readonly reason: string;
    readonly fromEpoch: number;
  }
  | { readonly kind: "step"; readonly group: number; readonly text: string }
  /** The switch is over. Without a begun one nothing happens. */
  | { readonly kind: "end"; readonly group: number; readonly outcome: "done" | "aborted" }
  /** It came to nothing: a suspicion that was false leaves no receipt. */
  | { readonly kind: "cancel"; readonly group: number }
  /** Answer to an operator's command; the receipt of the switch that ended with it goes along. */
  | {
    readonly kind: "result";
    readonly id: number;
    readonly group: number;
    readonly ok: boolean;
    readonly error: string;
  }
  | { readonly kind: "reserve"; readonly group: number; readonly above: number }
  | {
    readonly kind: "event";
    readonly level: EventLevel;
    readonly event: string;
    readonly group: number | null;
    readonly text: string;
  }
  | { readonly kind: "alarm"; readonly alarm: string; readonly text: string | null };
