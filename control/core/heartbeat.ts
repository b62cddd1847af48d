/** What a heartbeat says. Everything that a switch needs is state repeated in each of them, never a message that can be lost. */
import type { Role } from "./vocabulary.ts";

/** Where a group stands in a switch or in a request for consent; `switchId` names which one. */
export type Phase =
  | "none"
  /** New node: my kernel holds; pass everything on to me. */
  | "want"
  /** Old node: my kernel passes on. */
  | "passing"
  /** Old node: my lease is gone; the address is yours. */
  | "released"
  /** New node: serving; tell me when all that you had received has been passed on. */
  | "settling"
  /** Old node: what came before your settling has been passed on, on the links of `links`. */
  | "passedOn"
  /** New node: I cannot finish; stop passing, then I give back. */
  | "giveBack"
  /** Old node: no longer passing, holding; give back. */
  | "reclaiming"
  /** New node: all given back. */
  | "gaveBack"
  /** Nobody serves: may I? */
  | "ask"
  /** You may; I shall not, for as long as I hear you. */
  | "grant"
  /** Primary: please take the group over. */
  | "offer"
  /** No: not now. */
  | "refuse";

export const PHASES: readonly Phase[] = [
  "none",
  "want",
  "passing",
  "released",
  "settling",
  "passedOn",
  "giveBack",
  "reclaiming",
  "gaveBack",
  "ask",
  "grant",
  "offer",
  "refuse",
];

/** One group as its sender sees it. */
export interface GroupBeat {
  role: Role;
  phase: Phase;
  /** Can serve: eligible, carrier up, rules in place, epoch provable. */
  able: boolean;
  /** Packets to the addresses have been let in lately: a successor may expect some. */
  traffic: boolean;
  /** Highest epoch known; the sender's own when it is primary. */
  epoch: number;
  switchId: number;
  /** Of a group with a shared wire: it does not work, says who serves; and what the sender sees of it (`GroupState.seen`). */
  fallback: boolean;
  seen: number;
  /** Bit i: the statement of `phase` holds for service interface i of the pair. */
  links: number;
}

/** Echo of what was last heard on one link, for round trip times. */
export interface LinkEcho {
  /** Sequence last heard on the link, its low 32 bits on the wire; 0 if none. */
  seq: number;
  /** Between hearing it and sending this, microseconds. */
  delayUs: number;
}

/** A decoded heartbeat. Decoding writes into one of these and allocates nothing. */
export interface Heartbeat {
  node: number;
  stopping: boolean;
  /** The sender has not heard us yet, or asks something: answer now, not at the next beat. */
  answerNow: boolean;
  /** Random number of the sender's run, 1…2^53-1. */
  session: number;
  /** The receiver's session as the sender last heard it, 0 if never. */
  echoSession: number;
  /** Grows by one with each heartbeat of a run and never wraps: a number of 32 bits would be used up in 99 days. */
  seq: number;
  /** Sender's monotonic clock when sending. */
  sentUs: number;
  readonly digest: Uint8Array;
  linkCount: number;
  readonly links: LinkEcho[];
  macCount: number;
  /** MACs of the sender's service interfaces, six bytes each, in the pair's order. */
  readonly macs: Uint8Array;
  groupCount: number;
  readonly groups: GroupBeat[];
  /** Version of the sender's program. */
  software: string;
  /** Id of the key that signed it; when sending, the signer's business. */
  keyId: number;
  /** Ids of the keys that the sender accepts, those that its key file names; none: a version that accepts one. */
  keyCount: number;
  readonly keys: Uint32Array;
  /** Bit i: link i carries only some of the heartbeats while this is said (`switch/sparing.ts`). */
  sparing: number;
}

export const LINKS_MAX = 16;
export const MACS_MAX = 16;
export const GROUPS_MAX = 16;
export const DIGEST_BYTES = 8;
/** The pair's keys at one time: the one that signs, and the one that comes or goes. */
export const KEYS_MAX = 2;

export function emptyGroupBeat(): GroupBeat {
  return {
    role: "starting",
    phase: "none",
    able: false,
    traffic: false,
    epoch: 0,
    switchId: 0,
    fallback: false,
    seen: 0,
    links: 0,
  };
}

export function emptyHeartbeat(): Heartbeat {
  return {
    node: 0,
    stopping: false,
    answerNow: false,
    session: 0,
    echoSession: 0,
    seq: 0,
    sentUs: 0,
    digest: new Uint8Array(DIGEST_BYTES),
    linkCount: 0,
    links: Array.from({ length: LINKS_MAX }, () => ({ seq: 0, delayUs: 0 })),
    macCount: 0,
    macs: new Uint8Array(6 * MACS_MAX),
    groupCount: 0,
    groups: Array.from({ length: GROUPS_MAX }, emptyGroupBeat),
    software: "",
    keyId: 0,
    keyCount: 0,
    keys: new Uint32Array(KEYS_MAX),
    sparing: 0,
  };
}
