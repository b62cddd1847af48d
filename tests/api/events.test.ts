import assert from "node:assert/strict";
import { type EntryJson, entryJson } from "../../control/api/json.ts";
import { exchange } from "./raw.ts";
import { type Running, until, withServer } from "./sample_node.ts";

/** Reads events until there are `count`, then ends the stream. */
async function read({ client }: Running, count: number, afterId?: number): Promise<EntryJson[]> {
  const stop = new AbortController();
  const got: EntryJson[] = [];
  for await (const entry of client.events(afterId, stop.signal)) {
    got.push(entry);
    if (got.length === count) stop.abort();
  }
  return got;
}

Deno.test("history, then what happens, nothing twice and nothing left out", () =>
  withServer(async (running) => {
    const { node } = running;
    for (let n = 0; n < 1300; n++) node.happen(n);
    const reading = read(running, 110);
    await until("somebody listens", () => node.listeners.size === 1);
    for (let n = 0; n < 10; n++) node.happen(n);
    const got = await reading;
    assert.deepEqual(got, node.entries.slice(1200, 1310).map(entryJson), "the last hundred and the new ones");
    await until("the server has noticed that the client has gone", () => node.listeners.size === 0);

    assert.deepEqual(await read(running, 1309, node.entries[0]!.id), node.entries.slice(1).map(entryJson), "in pages");
    const live = read(running, 1, -1);
    await until("somebody listens", () => node.listeners.size === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.deepEqual(await Promise.all([live, Promise.resolve(node.happen(7))]).then(([a]) => a), [
      entryJson(node.entries.at(-1)!),
    ]);
  }));

Deno.test("what happens while the history is read comes after it, once", () =>
  withServer(async (running) => {
    const { node } = running;
    for (let n = 0; n < 5; n++) node.happen(n);
    const read5 = node.recentEvents.bind(node);
    node.recentEvents = async (afterId, limit) => {
      node.happen(5);
      const page = await read5(afterId, limit);
      node.happen(6);
      return page;
    };
    assert.deepEqual(await read(running, 7), node.entries.slice(0, 7).map(entryJson));
  }));

Deno.test("the stream is plain server-sent events", () =>
  withServer(async ({ node, socket }) => {
    const { id } = node.happen(2);
    const answer = await exchange(socket, "GET /v1/events HTTP/1.1\r\nhost: segue\r\n\r\n", 300);
    assert.match(answer, /content-type: text\/event-stream/);
    assert.match(answer, new RegExp(`id: ${id}\nevent: event\ndata: \\{"id":${id},"type":"event",.*\\}\n\n`));
  }));

Deno.test("a closing server ends the streams at once", () =>
  withServer(async (running) => {
    const reading = read(running, 1000);
    await until("somebody listens", () => running.node.listeners.size === 1);
    const begin = performance.now();
    await running.server.close();
    assert.deepEqual(await reading, []);
    assert.ok(performance.now() - begin < 900, "it need not be cut off");
    assert.equal(running.node.listeners.size, 0);
  }));

Deno.test("a client that does not read costs a bounded amount, and hinders nobody", () =>
  withServer(async (running) => {
    const { node, socket } = running;
    const idle = await Deno.connect({ transport: "unix", path: socket });
    await idle.write(new TextEncoder().encode("GET /v1/events HTTP/1.1\r\nhost: segue\r\n\r\n"));
    await until("it listens", () => node.listeners.size === 1);
    for (let n = 0; n < 20_000 && node.listeners.size > 0; n++) {
      node.happen(n);
      if (n % 100 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    }
    assert.equal(node.listeners.size, 0, "it was cut off");
    assert.equal((await running.client.status()).node, "a");
    idle.close();
  }));
