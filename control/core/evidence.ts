/**
 * What a node knew when a switch began: the numbers behind the reason in a receipt. Times are microseconds before the beginning
 * (`…AgoUs`), negative for what came after it. Optional in a receipt: earlier versions did not write it. Pure.
 */
import type { Phase } from "./heartbeat.ts";
import type { Role } from "./vocabulary.ts";

/** One way to the peer: a path, or the frames of a service interface. */
export interface LinkEvidence {
  /** `path 10.78.0.1` or `frame veth0`. */
  readonly link: string;
  /** Null: the peer was never heard there. */
  readonly heardAgoUs: number | null;
  /** How long the peer's next heartbeat was overdue there; 0 if it was not due yet. */
  readonly lateUs: number | null;
  readonly rttUs: number | null;
}

/** Something besides silence: a carrier that went, a port that nobody listens on. */
export interface HintEvidence {
  readonly text: string;
  readonly agoUs: number;
}

/** Questions about the addresses between the beginning and the end of the switch. */
export interface ProbeEvidence {
  readonly sent: number;
  readonly answered: number;
  readonly firstAgoUs: number | null;
  readonly lastAgoUs: number | null;
}

/** Wakes of this node's own switch thread that came too late, in the last seconds before the end of the switch. */
export interface WakeEvidence {
  readonly withinUs: number;
  readonly late: number;
  readonly maxUs: number;
}

/** The last refresh of the lease that this kernel refused, while it is a matter of seconds. */
export interface LapseEvidence {
  readonly agoUs: number;
  /** How old the lease was then. */
  readonly ageUs: number;
}

/** What the peer said last. */
export interface PeerEvidence {
  readonly role: Role;
  readonly phase: Phase;
  readonly able: boolean;
  readonly stopping: boolean;
  readonly epoch: number;
  readonly compatible: boolean;
  readonly software: string;
}

/**
 * Who wanted a planned move: an operator at this node, the peer (or an operator there), `preempt`, this node because it stops, or because a
 * track or service of it failed. Null: nobody, it was a fault.
 */
export type Asked = "operator" | "peer" | "preempt" | "stop" | "unfit" | null;

/** What the machine did between two looks at it. Shares are 0…1 of all processors' time. */
export interface MachineSample {
  /** End of the span, milliseconds before the newest sample. */
  readonly agoMs: number;
  readonly spanMs: number;
  readonly busy: number;
  /** Taken by the host of a virtual machine. */
  readonly steal: number;
  readonly iowait: number;
  /** How long the switch thread was ready to run and had no processor; null where the kernel does not count it. */
  readonly runDelayUs: number | null;
  /** Share of the span in which something waited for a processor (pressure stall information); null without it. */
  readonly pressure: number | null;
}

export interface SwitchEvidence {
  /** Name of the other node. */
  readonly peerName: string;
  /** Silence on all links when the switch began, and when the address was taken; null: never heard. */
  readonly silenceUs: number | null;
  readonly takenSilenceUs: number | null;
  /** Between two heartbeats of the peer, by what it said of itself. */
  readonly beatUs: number;
  readonly links: readonly LinkEvidence[];
  readonly hints: readonly HintEvidence[];
  readonly probes: ProbeEvidence;
  readonly wakes: WakeEvidence;
  readonly lapse: LapseEvidence | null;
  /** When another program last changed segue's rules, if that is a matter of seconds. */
  readonly rulesAgoUs: number | null;
  readonly peer: PeerEvidence | null;
  readonly asked: Asked;
  /** Oldest first; added by the main thread after the switch. */
  readonly machine?: readonly MachineSample[];
}
