/** Writes state through the API all the time, remembers what was acknowledged, and looks for it afterwards. */
import { ApiClient } from "../../control/api/client.ts";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { watchState, type WriteJson } from "../../control/api/state_calls.ts";
import { sleep } from "../../control/lab/command.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import { type NodeName, NODES } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { other } from "../pair/pair.ts";

const EVERY_MS = 15;
/** For an answer: longer than any wait for the standby, so that what is not answered is in doubt for good. */
const PATIENCE_MS = 3000;

/** So many keys in turn: what the nodes keep does not grow with the run, so their memory must not either. */
const KEYS = 4000;
/** After both nodes have died at once, what was not acknowledged as durable may be gone, this long after the answer. */
const DISK_DELAY_MS = 5000;

interface Kept {
  readonly n: number;
  readonly lsn: number;
  readonly durable: boolean;
  readonly atMs: number;
}

function keyOf(n: number): string {
  return `w${n % KEYS}`;
}

export class Ledger {
  readonly #world: World;
  readonly #clients = new Map<NodeName, ApiClient>();
  /** What was acknowledged by both nodes, oldest first; a number is written once, to the next key in turn. */
  readonly #kept: Kept[] = [];
  /** So many of them were looked for. */
  #checked = 0;
  #next = 0;
  #at: NodeName = "a";
  degraded = 0;
  refused = 0;
  #stopped = false;
  readonly #writing: Promise<void>;

  constructor(world: World) {
    this.#world = world;
    this.#writing = this.#write();
  }

  get acknowledged(): number {
    return this.#kept.length;
  }

  /** Key of the last one that both nodes acknowledged. */
  get lastKey(): string {
    return keyOf(this.#kept.at(-1)!.n);
  }

  #client(node: NodeName): ApiClient {
    const known = this.#clients.get(node);
    if (known !== undefined) return known;
    const client = new ApiClient(`${this.#world.runDir(node)}/${SOCKET_NAME}`);
    this.#clients.set(node, client);
    return client;
  }

  async #write(): Promise<void> {
    while (!this.#stopped) {
      const n = this.#next++, ack = n % 4 === 0 ? "durable" : "replicated";
      try {
        const response = await this.#client(this.#at).send("PUT", `/v1/groups/${GROUP}/state/${keyOf(n)}?ack=${ack}`, {
          body: `${n}`,
          signal: AbortSignal.timeout(PATIENCE_MS),
        });
        const answer: WriteJson = await response.json();
        if (answer.degraded) this.degraded++;
        else this.#kept.push({ n, lsn: answer.lsn, durable: ack === "durable", atMs: performance.now() });
      } catch {
        // Not primary, not there, called off: the other one may take it. Whether this one was written is not known.
        this.refused++;
        this.#at = other(this.#at);
      }
      await sleep(EVERY_MS);
    }
  }

  /** Both daemons were killed at the same moment: what was in two memories alone is gone. */
  bothKilled(): void {
    const since = performance.now() - DISK_DELAY_MS;
    const kept = this.#kept.splice(0).filter(({ durable, atMs }) => durable || atMs < since);
    this.#kept.push(...kept);
    this.#checked = 0;
  }

  /**
   * What of the writes that both nodes acknowledged is not there on a node. To be called while all is well.
   * @param all of the run; else those since the last call
   */
  async missing(all: boolean): Promise<string[]> {
    const upTo = this.#kept.length, from = all ? Math.max(0, upTo - KEYS) : this.#checked, lost: string[] = [];
    const kept = this.#kept.slice(from, upTo);
    if (kept.length === 0) return [];
    const sinceLsn = kept.reduce((least, { lsn }) => Math.min(least, lsn), Infinity) - 1;
    for (const node of NODES) {
      const found = await this.#read(node, all ? 0 : sinceLsn);
      // A later round of the keys may have written to it; nothing earlier may stand there.
      const gone = kept.filter(({ n }) => !(Number(found.get(keyOf(n)) ?? -1) >= n));
      if (gone.length > 0) {
        lost.push(
          `${gone.length} acknowledged writes are not on ${node}: ${
            gone.slice(0, 5).map(({ n, lsn }) => `${keyOf(n)} (${n}) at ${lsn}`).join(", ")
          } …`,
        );
      }
    }
    this.#checked = upTo;
    return lost;
  }

  /** Rows above an LSN. */
  async #read(node: NodeName, since: number): Promise<Map<string, string | undefined>> {
    const found = new Map<string, string | undefined>(), stop = new AbortController();
    const client = new ApiClient(`${this.#world.runDir(node)}/${SOCKET_NAME}`);
    try {
      for await (const { kind, key, value } of watchState(client, GROUP, since, stop.signal)) {
        if (kind === "put") found.set(key!, value);
        else if (kind === "delete") found.delete(key!);
        else if (kind === "synced") break;
      }
    } finally {
      stop.abort();
      client.close();
    }
    return found;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#writing;
    for (const client of this.#clients.values()) client.close();
  }
}
