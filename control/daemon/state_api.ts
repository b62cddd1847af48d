/** What the API asks of the state's side, answered by the manager and by the journal. */
import type { StateBackend } from "../api/backend.ts";
import type { Orphan } from "../journal/state_change.ts";
import type { StateJournal } from "../journal/state_client.ts";
import type { GroupState } from "../state/group_state.ts";
import type { StateManager } from "../state/manager.ts";
import type { StreamStats } from "../stream/stats.ts";
import { requireGroup } from "./services_api.ts";

/** Who keeps what was set aside. */
export type OrphanKeeper = Pick<StateJournal, "orphans" | "dropOrphans">;

export class StateApi implements StateBackend {
  readonly #manager: StateManager;
  readonly #journal: OrphanKeeper;
  readonly stream: () => StreamStats | null;

  constructor(manager: StateManager, journal: OrphanKeeper, stream: () => StreamStats | null) {
    this.#manager = manager;
    this.#journal = journal;
    this.stream = stream;
  }

  group(group: string): GroupState {
    const found = this.#manager.groups.get(group);
    if (found === undefined) requireGroup(group, [...this.#manager.groups.keys()]);
    return found!;
  }

  close(): void {
    this.#manager.close();
  }

  room(waited: boolean): Promise<void> | null {
    return this.#manager.room.ask(waited);
  }

  async orphans(group: string, limit: number): Promise<{ readonly total: number; readonly rows: readonly Orphan[] }> {
    this.group(group);
    return await this.#journal.orphans(group, limit);
  }

  async dropOrphans(group: string): Promise<number> {
    this.group(group);
    return await this.#journal.dropOrphans(group);
  }
}
