/** What the API needs from the daemon. */
import type { Floor } from "../answers/floor.ts";
import type { Rehearsal } from "../answers/rehearsal.ts";
import type { SwitchSnapshot } from "../core/messages.ts";
import type { SwitchReceipt } from "../core/vocabulary.ts";
import type { JournalEntry, JournalHealth } from "../journal/entry.ts";
import type { Orphan } from "../journal/state_change.ts";
import type { GroupState } from "../state/group_state.ts";
import type { StreamStats } from "../stream/stats.ts";
import type { Acknowledgement, FollowerRequest } from "../services/followers.ts";
import type { MaintenanceJson, RoleJson } from "./json.ts";

/** What the API needs from the services' side. Each method throws `ApiProblem` where there is no such group. */
export interface ServicesBackend {
  role(group: string): RoleJson;
  /** Sends `hello`, then what happens, until the returned function is called. */
  follow(group: string, request: FollowerRequest): () => void;
  acknowledge(group: string, ack: Acknowledgement): void;
  /** The last lines that a service has printed. */
  output(group: string, service: string): readonly string[];
  maintenance(): MaintenanceJson;
  setMaintenance(on: boolean): MaintenanceJson;
}

/** What the API needs from the state's side. Each method throws `ApiProblem` where there is no such group. */
export interface StateBackend {
  group(group: string): GroupState;
  /**
   * Null: a write may be done now. Else when to ask again: the standby has not taken enough of what was written before.
   * @param waited it has been asked before for the same write
   */
  room(waited: boolean): Promise<void> | null;
  orphans(group: string, limit: number): Promise<{ readonly total: number; readonly rows: readonly Orphan[] }>;
  /** Deletes them; resolves with how many there were. */
  dropOrphans(group: string): Promise<number>;
  /** Of the stream between the two copies; null before the node looks for its peer. */
  stream(): StreamStats | null;
}

export interface SwitchoverRequest {
  /** Node that shall be primary; null: the other one. */
  readonly to: string | null;
  readonly timeoutUs: number;
  /** Take over without proof of the epoch, by the operator's word. */
  readonly force: boolean;
}

export interface ApiBackend {
  readonly services: ServicesBackend;
  readonly state: StateBackend;
  snapshot(): Promise<SwitchSnapshot>;
  /** Resolves with the receipt, also of a switch that was called off; rejects with `ApiProblem` where none began. */
  switchover(group: string, request: SwitchoverRequest): Promise<SwitchReceipt>;
  /** What a planned move would be now; rejects with `ApiProblem`. It is remembered, and compared with the move that follows. */
  rehearsal(group: string): Promise<Rehearsal>;
  /** What the delays of the last hours say about the timing. */
  floor(hours: number): Promise<Floor>;
  /** Reads the configuration again; resolves with the keys that have changed, rejects with `ApiProblem`. */
  reload(): Promise<{ readonly changed: readonly string[] }>;
  journalHealth(): JournalHealth;
  /** Calls back for each entry from now on; returns what ends that. `JournalClient.subscribe` does it. */
  subscribe(callback: (entry: JournalEntry) => void): () => void;
  /** Entries behind `afterId`, oldest first, those that were just added among them; null: the last ones. */
  recentEvents(afterId: number | null, limit: number): Promise<readonly JournalEntry[]> | readonly JournalEntry[];
}
