/** What the journal's thread and its client say to each other. Plain data. */
import type { JitterRow } from "../core/jitter.ts";
import type { EntryQuery, EpochStart, JournalEntry, JournalHealth } from "./entry.ts";
import type { StateReply, StateRequest } from "./state_protocol.ts";

/** Client → thread. `id` comes back in the answer. */
export type JournalRequest =
  | { readonly kind: "open"; readonly path: string }
  | { readonly kind: "epochs"; readonly id: number; readonly groups: readonly string[] }
  | { readonly kind: "reserve"; readonly id: number; readonly group: string; readonly above: number }
  | { readonly kind: "add"; readonly entry: JournalEntry }
  | { readonly kind: "entries"; readonly id: number; readonly query: EntryQuery }
  /** About the groups' state. */
  | { readonly kind: "state"; readonly request: StateRequest }
  | { readonly kind: "addJitter"; readonly row: JitterRow }
  | { readonly kind: "jitter"; readonly id: number; readonly sinceS: number }
  | { readonly kind: "close" };

/** Thread → client. */
export type JournalReply =
  | { readonly kind: "opened"; readonly health: JournalHealth; readonly nextId: number }
  /** The journal must not be touched (a newer segue wrote it), or its folder cannot be made. */
  | { readonly kind: "refused"; readonly text: string }
  | { readonly kind: "epochs"; readonly id: number; readonly epochs: readonly EpochStart[] }
  | { readonly kind: "reserved"; readonly id: number; readonly upTo: number }
  | { readonly kind: "entries"; readonly id: number; readonly entries: readonly JournalEntry[] }
  | { readonly kind: "jitter"; readonly id: number; readonly rows: readonly JitterRow[] }
  | { readonly kind: "failed"; readonly id: number; readonly text: string }
  /** Sent whenever it has changed. */
  | { readonly kind: "health"; readonly health: JournalHealth }
  | { readonly kind: "state"; readonly reply: StateReply }
  | { readonly kind: "closed" };

/** Name of the worker, by which the entry point knows what to run. */
export const JOURNAL_WORKER = "segue:journal";
