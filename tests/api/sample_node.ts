/** A daemon as the API sees it, with what a test wants it to say. */
import { join } from "node:path";
import type { ApiBackend, SwitchoverRequest } from "../../control/api/backend.ts";
import { ApiClient } from "../../control/api/client.ts";
import { ApiProblem, type ApiServer, SOCKET_NAME, startApi } from "../../control/api/server.ts";
import type { Terminal } from "../../control/api/commands/terminal.ts";
import type { GroupSnapshot, SwitchSnapshot } from "../../control/core/messages.ts";
import type { SwitchReceipt } from "../../control/core/vocabulary.ts";
import type { JournalEntry, JournalHealth } from "../../control/journal/entry.ts";
import { sampleEvent, sampleReceipt } from "../journal/samples.ts";

export const SAMPLE_GROUP: GroupSnapshot = {
  name: "web",
  role: "primary",
  epoch: 12,
  lease: { held: true, left_ms: 18.4 },
  addresses: [
    { address: "10.77.0.100", interface: "veth0", active: true },
    { address: "fd00:77::100", interface: "veth0", active: true },
  ],
  services: [{ name: "echo", state: "running", healthy: true }],
  state: { lsn: 0, peer_lsn: 0 },
  last_switch: sampleReceipt(12),
  held: { now: 0, total: 55, released: 54, dropped: 1 },
  packets: { served: 1000, passed: 19, dropped: 2, muted: 3 },
  peer_role: "standby",
  eligible: true,
  eligible_reason: "",
};

export const SAMPLE_SNAPSHOT: SwitchSnapshot = {
  node: "a",
  pair: "edge",
  version: "0.1.0",
  uptime_ms: 3_600_000 * 3 + 60_000 * 12,
  paths: [
    {
      local: "10.78.0.1:4790",
      remote: "10.78.0.2:4790",
      kind: "udp",
      state: "up",
      rtt_us: 120.4,
      loss: 0,
      last_heard_ms: 2,
    },
    { local: "veth0", remote: "veth0", kind: "frame", state: "down", rtt_us: null, loss: 1, last_heard_ms: null },
  ],
  peer: { name: "b", state: "alive", last_heard_ms: 2, version: "0.1.0" },
  groups: [SAMPLE_GROUP],
  alarms: [{ kind: "oneWay", since: "2026-01-02T03:04:05.000Z", text: "heartbeats reach the peer by one path only" }],
  rejected: { badTag: 3, replayed: 0 },
  counters: {
    heartbeats_sent: 1,
    heartbeats_received: 2,
    probes_sent: 3,
    probes_answered: 4,
    suspicions: 5,
    lease_lapses: 6,
    late_wakes: 7,
    late_wake_max_us: 8000,
    send_errors: 9,
    rules_repaired: 10,
  },
};

export class SampleNode implements ApiBackend {
  snapshotNow: () => Promise<SwitchSnapshot> = () => Promise.resolve(SAMPLE_SNAPSHOT);
  switchoverNow: (group: string, request: SwitchoverRequest) => Promise<SwitchReceipt> = (group, { to }) =>
    Promise.resolve(sampleReceipt(13, { group, kind: "switchover", node: to ?? "b" }));
  reloadNow: () => Promise<{ changed: string[] }> = () => Promise.resolve({ changed: ["timing.heartbeat"] });
  health: JournalHealth = { ok: true, text: "ok", path: "/x/journal.db", waiting: 0, dropped: 0 };
  readonly orders: [string, SwitchoverRequest][] = [];
  readonly entries: JournalEntry[] = [];
  readonly listeners = new Set<(entry: JournalEntry) => void>();

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

export interface Running {
  readonly node: SampleNode;
  readonly server: ApiServer;
  readonly client: ApiClient;
  readonly runDir: string;
  readonly socket: string;
}

/** Calls `body` with a server on a socket in a fresh folder, and ends both. */
export async function withServer(body: (running: Running) => Promise<void>): Promise<void> {
  const runDir = Deno.makeTempDirSync({ prefix: "japi-run-" });
  const socket = join(runDir, SOCKET_NAME);
  const node = new SampleNode();
  const server = await startApi(node, socket);
  const client = new ApiClient(socket);
  try {
    await body({ node, server, client, runDir, socket });
  } finally {
    client.close();
    await server.close();
    Deno.removeSync(runDir, { recursive: true });
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
