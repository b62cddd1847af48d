/** Looks at the counter's state again and again, on whichever node serves, by segue's own API. */
import { ApiClient } from "../../../control/api/client.ts";
import { SOCKET_NAME } from "../../../control/api/socket.ts";
import { GROUP } from "../../../control/lab/pair_file.ts";
import { type NodeName, NODES } from "../../../control/lab/topology.ts";
import type { World } from "../../../control/lab/world.ts";
import { sleep } from "../pair.ts";
import type { CounterHistory, Look } from "./history.ts";

/** Far less than the counter needs to forget an answer. */
const EVERY_MS = 200;

export class Observer {
  readonly #world: World;
  readonly #history: CounterHistory;
  readonly #done: Promise<void>;
  #stopping = false;

  constructor(world: World, history: CounterHistory) {
    this.#world = world;
    this.#history = history;
    this.#done = this.#run();
  }

  /** After one more look. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#done;
  }

  async #run(): Promise<void> {
    for (let last = false; !last;) {
      last = this.#stopping;
      await Promise.all(NODES.map((node) => this.#look(node)));
      if (!last) await sleep(EVERY_MS);
    }
  }

  async #look(node: NodeName): Promise<void> {
    const client = new ApiClient(`${this.#world.runDir(node)}/${SOCKET_NAME}`);
    try {
      const group = (await client.status()).groups[0]!;
      if (group.role !== "primary") return;
      const response = await client.send("GET", `/v1/groups/${GROUP}/state/counter`);
      this.#history.add(readLook(response.headers, await response.json()));
    } catch {
      // It is not there, or ended in the middle of it, or nothing has been counted yet.
    } finally {
      client.close();
    }
  }
}

/** Both examples: the one in Python keeps an object, the one in Deno pairs. */
function readLook(headers: Headers, kept: { count: number; answers: object }): Look {
  const epoch = Number(headers.get("segue-epoch"));
  const answers = Array.isArray(kept.answers) ? kept.answers : Object.entries(kept.answers);
  return { epoch, count: kept.count, answers };
}
