/** A daemon as the API sees it, with what a test wants it to say. */
import { join } from "node:path";
import type { ApiBackend, ServicesBackend, SwitchoverRequest } from "../../control/api/backend.ts";
import type { MaintenanceJson, RoleJson } from "../../control/api/json.ts";
import type { FollowerRequest } from "../../control/services/followers.ts";
import { PROFILES } from "../../config/profiles.ts";
import { type Floor, floorOf } from "../../control/answers/floor.ts";
import { type Rehearsal, rehearse } from "../../control/answers/rehearsal.ts";
import { ApiClient } from "../../control/api/client.ts";
import { ApiProblem, type ApiServer, SOCKET_NAME, startApi } from "../../control/api/server.ts";
import type { Terminal } from "../../control/api/commands/terminal.ts";
import type { SwitchSnapshot } from "../../control/core/messages.ts";
import { SAMPLE_SNAPSHOT } from "../../control/api/status_sample.ts";
import type { SwitchReceipt } from "../../control/core/vocabulary.ts";
import type { JournalEntry, JournalHealth } from "../../control/journal/entry.ts";
import type { StateApi } from "../../control/daemon/state_api.ts";
import { sampleState } from "./sample_state.ts";
import { sampleEvent, sampleReceipt } from "../journal/samples.ts";

/** What the API says of roles and maintenance where no manager is behind it; tests/services has a real one. */
class SampleServices implements ServicesBackend {
  maintained: MaintenanceJson = { on: false, since: null };

  role = (group: string): RoleJson => ({ group, role: "standby", epoch: 3, node: "a", followers: [] });
  follow = (group: string, { send }: FollowerRequest) => {
    send({ kind: "hello", group, role: "standby", epoch: 3, order: 0, deadlineUs: null, follower: "f1" });
    return () => {};
  };
  acknowledge = () => {};
  output = () => ["a line"];
  maintenance = () => this.maintained;
  setMaintenance = (on: boolean) => this.maintained = { on, since: on ? "2026-01-02T03:04:05.000Z" : null };
}

export class SampleNode implements ApiBackend {
  snapshotNow: () => Promise<SwitchSnapshot> = () => Promise.resolve(SAMPLE_SNAPSHOT);
  switchoverNow: (group: string, request: SwitchoverRequest) => Promise<SwitchReceipt> = (group, { to }) =>
    Promise.resolve(sampleReceipt(13, { group, kind: "switchover", node: to ?? "b" }));
  reloadNow: () => Promise<{ changed: string[] }> = () => Promise.resolve({ changed: ["timing.heartbeat"] });
  health: JournalHealth = { ok: true, text: "ok", path: "/x/journal.db", waiting: 0, dropped: 0 };
  readonly services = new SampleServices();
  readonly state: StateApi;
  readonly orders: [string, SwitchoverRequest][] = [];
  readonly entries: JournalEntry[] = [];
  readonly listeners = new Set<(entry: JournalEntry) => void>();

  private constructor(state: StateApi) {
    this.state = state;
  }

  static async create(): Promise<SampleNode> {
    return new SampleNode(await sampleState());
  }

  floorNow: (hours: number) => Promise<Floor> = (hours) => Promise.resolve(floorOf([], hours));

  floor = (hours: number) => this.floorNow(hours);
  snapshot = () => this.snapshotNow();
  reload = () => this.reloadNow();
  journalHealth = () => this.health;

  switchover(group: string, request: SwitchoverRequest): Promise<SwitchReceipt> {
    this.orders.push([group, request]);
    if (group !== "web") {
      return Promise.reject(new ApiProblem(404, "no-such-group", "There is no such group", group, "there is web"));
    }
    return this.switchoverNow(group, request);
  }

  rehearsal(group: string): Promise<Rehearsal> {
    if (group !== "web") {
      return Promise.reject(new ApiProblem(404, "no-such-group", "There is no such group", group, "there is web"));
    }
    return Promise.resolve(rehearse({
      snapshot: SAMPLE_SNAPSHOT,
      group: SAMPLE_SNAPSHOT.groups[0]!,
      timing: PROFILES.lan,
      rehearsedUs: 300,
      history: [],
      connections: 12,
    }));
  }

  subscribe(callback: (entry: JournalEntry) => void): () => void {
    this.listeners.add(callback);
    return () => this.listeners.delete(callback);
  }

  recentEvents(afterId: number | null, limit: number): Promise<readonly JournalEntry[]> {
    const wanted = this.entries.filter(({ id }) => id > (afterId ?? -1));
    return Promise.resolve(afterId === null ? wanted.slice(-limit) : wanted.slice(0, limit));
  }

  happen(n: number): JournalEntry {
    const id = (this.entries.at(-1)?.id ?? 100) + 1;
    const entry: JournalEntry = n % 2 === 0
      ? { id, type: "event", event: sampleEvent(n) }
      : { id, type: "switch", receipt: sampleReceipt(n) };
    this.entries.push(entry);
    for (const listener of this.listeners) listener(entry);
    return entry;
  }
}

export { SAMPLE_SNAPSHOT };

export interface Running {
  readonly node: SampleNode;
  readonly server: ApiServer;
  readonly client: ApiClient;
  readonly runDir: string;
  readonly socket: string;
}

/** A server on a socket in a fresh folder; `close` ends both. */
export async function startServer(): Promise<Running & { close(): Promise<void> }> {
  const runDir = Deno.makeTempDirSync({ prefix: "japi-run-" });
  const socket = join(runDir, SOCKET_NAME);
  const node = await SampleNode.create();
  const server = await startApi(node, socket);
  const client = new ApiClient(socket);
  const close = async () => {
    client.close();
    await server.close();
    node.state.close();
    Deno.removeSync(runDir, { recursive: true });
  };
  return { node, server, client, runDir, socket, close };
}

/** Calls `body` with a server on a socket in a fresh folder, and ends both. */
export async function withServer(body: (running: Running) => Promise<void>): Promise<void> {
  const running = await startServer();
  try {
    await body(running);
  } finally {
    await running.close();
  }
}

/** Remembers what a command prints. */
export class Recorder implements Terminal {
  stdout = "";
  stderr = "";
  out = (text: string) => void (this.stdout += text);
  err = (text: string) => void (this.stderr += text);
}

/** Waits until something is so; throws after ten seconds. */
export async function until(what: string, condition: () => boolean): Promise<void> {
  const end = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
