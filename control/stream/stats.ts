/** What a peer stream says of itself. */
import type { Judgement } from "../core/stream/stream.ts";
import type { EnvelopeReject } from "./envelope.ts";

/** Why a datagram had no effect. */
export type StreamReject = EnvelopeReject | Exclude<Judgement, "accepted" | "greeting"> | "failed";

export interface PathStats {
  readonly open: boolean;
  /** Why it is not open, "" if it is. */
  readonly problem: string;
  /** Carries data; not: probes have no answer. */
  readonly live: boolean;
  /** Null before the first measurement of this connection. */
  readonly rttUs: number | null;
  /** Of this connection: packets, those given up for lost among them, and packets received. */
  readonly sent: number;
  readonly lost: number;
  readonly received: number;
  /** Of the system, since the start. */
  readonly errors: number;
}

export interface StreamStats {
  readonly up: boolean;
  readonly connections: number;
  readonly paths: readonly PathStats[];
  readonly rejected: Readonly<Partial<Record<StreamReject, number>>>;
}
