/** What a replica needs of the rest of the node, and what it orders. */
import type { CopyMessage } from "./messages.ts";
import type { Reign } from "./reigns.ts";
import type { StateRow } from "./row.ts";

/** What must be on the disk, in this order. */
export type ReplicaChange =
  /** Packed rows, not to be changed; everything up to `lsn` is there with them. 0: they say nothing about that, a position follows. */
  | { readonly kind: "rows"; readonly piece: Uint8Array; readonly lsn: number; readonly urgent: boolean }
  | {
    readonly kind: "position";
    readonly lsn: number;
    readonly floor: number;
    readonly copying: boolean;
    readonly reigns: readonly Reign[];
  }
  | { readonly kind: "orphans"; readonly rows: readonly StateRow[]; readonly foundByEpoch: number }
  | { readonly kind: "forget"; readonly keys: readonly string[] }
  | { readonly kind: "clear" };

export interface ReplicaPort {
  send(channel: 0 | 1, message: CopyMessage): void;
  /** Whether more of a catch-up may be sent by this channel just now; `pump` is called when there is room again. */
  room(channel: 0 | 1): boolean;
  store(change: ReplicaChange): void;
  /** Does something after others have had their turn. */
  later(act: () => void): void;
  /** The follower has told what it has, or where the two stand has changed. */
  changed(): void;
  event(level: "info" | "alarm", kind: string, text: string): void;
}

/** Channels of the peer stream: what somebody waits for, and copies of tables. */
export const URGENT = 0, BULK = 1;
