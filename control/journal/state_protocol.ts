/** What the journal's thread and its client say to each other about the groups' state. Plain data. */
import type { Orphan, StateChange } from "./state_change.ts";
import type { RowCursor } from "./state_cursor.ts";
import type { StateHealth, StoredGroup } from "./state_store.ts";

/** Client → thread. `id` comes back in the answer. */
export type StateRequest =
  /** @property sequence number of the last change */
  | {
    readonly kind: "append";
    readonly changes: readonly StateChange[];
    readonly sequence: number;
    readonly urgent: boolean;
  }
  | { readonly kind: "open"; readonly id: number; readonly groups: readonly string[] }
  | { readonly kind: "group"; readonly id: number; readonly group: string }
  | { readonly kind: "page"; readonly id: number; readonly group: string; readonly from: RowCursor }
  | { readonly kind: "orphans"; readonly id: number; readonly group: string; readonly limit: number }
  | { readonly kind: "dropOrphans"; readonly id: number; readonly group: string }
  | { readonly kind: "backup"; readonly id: number; readonly path: string };

/** Thread → client. */
export type StateReply =
  /** The changes up to here are in the thread: more may come. */
  | { readonly kind: "taken"; readonly sequence: number }
  | { readonly kind: "durable"; readonly sequence: number }
  /** Not on the disk, after an attempt: those up to here wait. */
  | { readonly kind: "undurable"; readonly sequence: number; readonly text: string }
  /** The file was lost and a new one made. */
  | { readonly kind: "lost"; readonly text: string }
  | { readonly kind: "health"; readonly health: StateHealth }
  | { readonly kind: "opened"; readonly id: number }
  | { readonly kind: "group"; readonly id: number; readonly stored: StoredGroup | null; readonly lost: boolean }
  | {
    readonly kind: "page";
    readonly id: number;
    readonly piece: Uint8Array<ArrayBuffer>;
    readonly rows: number;
    readonly next: RowCursor | null;
  }
  | { readonly kind: "orphans"; readonly id: number; readonly total: number; readonly rows: readonly Orphan[] }
  | { readonly kind: "dropped"; readonly id: number; readonly rows: number }
  | { readonly kind: "backup"; readonly id: number; readonly bytes: number }
  | { readonly kind: "failed"; readonly id: number; readonly text: string };

/** Buffers that go over to the other thread with a message. */
export function transfersOf(message: StateRequest | StateReply): ArrayBuffer[] {
  if (message.kind === "page" && "piece" in message) return [message.piece.buffer];
  if (message.kind !== "append") return [];
  const buffers = new Set<ArrayBuffer>();
  for (const change of message.changes) {
    if (change.kind !== "rows" && change.kind !== "orphans") continue;
    const { buffer, byteLength } = change.packed;
    // A view of something larger is copied: the rest of it is somebody else's.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffers.add(buffer);
  }
  return [...buffers];
}
