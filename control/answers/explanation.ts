/** What `segue why` says of one entry of the journal. Pure. */

/** Stable words for programs. */
export type Cause =
  /** Planned: by an operator; by the peer or an operator there; by preference. */
  | "operator"
  | "peer-asked"
  | "preempt"
  /** Planned: the old primary was told to stop; a track or service of it had failed. */
  | "stopping"
  | "peer-stopping"
  | "service-failed"
  | "peer-service-failed"
  /** The peer's machine lost its power or crashed, or all its links at once. */
  | "power-off"
  /** The peer's daemon died; its kernel lives. */
  | "daemon-killed"
  /** A daemon was stopped (a signal, a debugger, a paused machine), or found no processor, and lived on. */
  | "daemon-stopped"
  | "daemon-starved"
  /** The lease ran out, and nothing tells why. */
  | "lease-lapse"
  /** All links were cut and came back. */
  | "cut-off"
  /** This node heard neither its peer nor its gateway. */
  | "isolated"
  /** This node did not hear its peer, and the arbiter did not give it the key; or the arbiter cannot be asked. */
  | "no-key"
  | "lan-port-down"
  | "path-lost"
  | "heartbeats-filtered"
  | "rules-flushed"
  | "config-mismatch"
  /** Two owners met, on the wire or on the network. */
  | "two-primaries"
  | "called-off"
  /** The first reign of a run; nobody served. */
  | "start"
  /** The peer said that it could not serve, and not why. */
  | "peer-unfit"
  /** The peer's end could not be made sure of by command. */
  | "fence-failed"
  /** Nothing but silence. */
  | "silence"
  /** Neighbours that have not followed a move. */
  | "stale-neighbours"
  | "other";

/** Answer of `segue why --json`. */
export interface Explanation {
  /** Of the entry in the journal. */
  readonly id: number;
  readonly at: string;
  readonly group: string | null;
  readonly title: string;
  readonly cause: Cause;
  /** For people, in this order: what happened, why, what speaks for it. */
  readonly sentences: readonly string[];
  /** What this node cannot know, or only the other one. */
  readonly cannot_know: readonly string[];
}

/** A cause with what is to be said of it. */
export interface Reasoned {
  readonly cause: Cause;
  readonly why: readonly string[];
  readonly cannotKnow: readonly string[];
}

export function reasoned(cause: Cause, why: string | readonly string[], ...cannotKnow: readonly string[]): Reasoned {
  return { cause, why: typeof why === "string" ? [why] : why, cannotKnow };
}
