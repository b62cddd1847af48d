/** What a world is made of, and what may be planted in it. */
import type { CoreTiming, Limits } from "../../control/core/limits.ts";
import type { NodeState } from "../../control/core/node.ts";
import type { SimDisk } from "./disk.ts";
import type { SimEtcd } from "./etcd.ts";
import type { SimKernel } from "./kernel.ts";
import type { MainHooks } from "./main_thread.ts";
import type { SwitchHooks } from "./switch_thread.ts";

/** A bug that is planted: what it replaces. */
export interface Hooks {
  readonly limits?: (limits: Limits) => Limits;
  readonly kernel?: (kernel: SimKernel) => void;
  readonly disk?: (disk: SimDisk) => void;
  readonly switchThread?: SwitchHooks;
  readonly main?: MainHooks;
  readonly etcd?: (etcd: SimEtcd) => void;
  /** May replace what the core of each new process knows. */
  readonly core?: (core: NodeState) => void;
  /** `shared.lag` of the configuration. */
  readonly lagUs?: number;
  /** Answers to questions about the address get lost. */
  readonly noAnswers?: boolean;
}

export interface Settings {
  readonly timing: CoreTiming;
  /** Services that a switch waits for: the share of orders that fail; null: there are none. */
  readonly servicesFail: number | null;
  /** Heartbeats are encoded and decoded, and made the next version's where a node has been upgraded. */
  readonly bytes: boolean;
  /** Timers come late now and then, clocks drift. */
  readonly rough: boolean;
  readonly hooks: Hooks;
  /** What the arbiter's answer may take; none if it is not said. */
  readonly arbiterUs?: number;
  /** Both nodes hear what comes for the address. */
  readonly shared?: boolean;
  /** The nodes ask a gateway when they do not hear each other. */
  readonly gateway?: boolean;
  /** Nothing is taken over without the peer's word before a power switch has made sure that it is off. */
  readonly fencing?: boolean;
}
