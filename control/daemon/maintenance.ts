/**
 * Maintenance: somebody works on this node by hand, and nothing that fails under these hands shall move a group. A file in the
 * state directory, so that a restart of the daemon, which may be part of the work, does not end it.
 */
import type { MaintenanceJson } from "../api/json.ts";

export class Maintenance {
  readonly #path: string;
  #state: MaintenanceJson;

  constructor(stateDir: string) {
    this.#path = `${stateDir}/maintenance`;
    this.#state = read(this.#path);
  }

  get state(): MaintenanceJson {
    return this.#state;
  }

  /** True if that was a change. Throws, and changes nothing, where the disk does not take it. */
  set(on: boolean): boolean {
    if (on === this.#state.on) return false;
    if (!on) {
      Deno.removeSync(this.#path);
      this.#state = { on, since: null };
      return true;
    }
    const since = new Date().toISOString();
    const next = `${this.#path}.next`;
    Deno.writeTextFileSync(next, since + "\n", { mode: 0o600 });
    Deno.renameSync(next, this.#path);
    this.#state = { on, since };
    return true;
  }
}

function read(path: string): MaintenanceJson {
  try {
    const { mtime } = Deno.statSync(path);
    const since = Deno.readTextFileSync(path).trim();
    // The file alone says that it is on; what stands in it may be anything.
    const known = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(since);
    return { on: true, since: known ? since : (mtime ?? new Date()).toISOString() };
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return { on: false, since: null };
    throw error;
  }
}
