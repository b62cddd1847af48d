/** The state's routes over a real socket, and what they refuse. */
import assert from "node:assert/strict";
import { watchState } from "../../control/api/state_calls.ts";
import { type Answer, ask } from "./ask.ts";
import { exchange } from "./raw.ts";
import { withServer } from "./sample_node.ts";

const STATE = "/v1/groups/web/state";
const json = (answer: Answer) => JSON.parse(new TextDecoder().decode(answer.body));

/** Short for a request over the socket of a fresh server in whose one group the node is primary. */
async function withState(
  body: (
    ask: (
      method: string,
      path: string,
      body?: string | Uint8Array,
      headers?: Record<string, string>,
    ) => Promise<Answer>,
    role: (role: "standby" | "fenced") => void,
  ) => Promise<void>,
): Promise<void> {
  await withServer(async ({ socket, node }) => {
    await body(
      (method, path, content, headers) => ask(socket, method, path, content, headers),
      (role) => node.state.group("web").setRole(role, 2),
    );
  });
}

Deno.test("put, get, list and delete; every answer says where the state stands", async () => {
  await withState(async (ask) => {
    const written = await ask("PUT", `${STATE}/a%2Fb`, "hello");
    assert.deepEqual(json(written), {
      key: "a/b",
      lsn: 1,
      version: 1,
      epoch: 2,
      ack: "replicated",
      degraded: true,
    });
    assert.deepEqual([written.headers["segue-lsn"], written.headers["segue-epoch"], written.headers["segue-role"]], [
      "1",
      "2",
      "primary",
    ]);
    const read = await ask("GET", `${STATE}/a%2Fb`);
    assert.deepEqual([read.status, new TextDecoder().decode(read.body), read.headers.etag], [200, "hello", '"1"']);
    assert.equal((await ask("GET", `${STATE}/a%2Fb`, undefined, { "if-none-match": '"1"' })).status, 304);
    await ask("PUT", `${STATE}/c?ack=local`, new Uint8Array([0, 255]));
    assert.deepEqual(json(await ask("GET", `${STATE}?limit=1`)), {
      keys: [{ key: "a/b", version: 1, size: 5 }],
      next: "a/b",
      lsn: 2,
    });
    assert.deepEqual(json(await ask("GET", `${STATE}?after=a%2Fb`)).keys, [{ key: "c", version: 2, size: 2 }]);
    assert.deepEqual(json(await ask("GET", `${STATE}?prefix=x`)).keys, []);
    assert.equal(json(await ask("DELETE", `${STATE}/c?ack=durable`)).lsn, 3);
    const gone = await ask("GET", `${STATE}/c`);
    assert.deepEqual([gone.status, json(gone).type], [404, "urn:segue:problem:no-such-key"]);
    assert.equal((await ask("HEAD", `${STATE}/a%2Fb`)).status, 200);
  });
});

Deno.test("compare and set by version, by ETag", async () => {
  await withState(async (ask) => {
    const put = (value: string, headers: Record<string, string>) => ask("PUT", `${STATE}/k`, value, headers);
    assert.equal((await put("1", { "if-match": "*" })).status, 412);
    assert.equal((await put("1", { "if-none-match": "*" })).status, 200);
    const again = await put("2", { "if-none-match": "*" });
    assert.deepEqual([again.status, json(again).version], [412, 1]);
    assert.equal((await put("2", { "if-match": '"1"' })).status, 200);
    assert.equal((await put("3", { "if-match": '"1"' })).status, 412);
    assert.equal((await put("3", { "if-match": "*" })).status, 200);
    for (
      const headers of [{ "if-match": "12" }, { "if-none-match": '"1"' }, { "if-match": '"1"', "if-none-match": "*" }]
    ) {
      assert.equal((await put("x", headers)).status, 400);
    }
    assert.equal((await ask("DELETE", `${STATE}/k`, undefined, { "if-match": '"3"' })).status, 200);
    assert.equal((await put("new", { "if-none-match": "*" })).status, 200, "a deleted key does not exist");
  });
});

Deno.test("a batch is done whole or not at all", async () => {
  await withState(async (ask) => {
    const batch = (...lines: unknown[]) =>
      ask("POST", STATE, lines.map((line) => typeof line === "string" ? line : JSON.stringify(line)).join("\n"), {
        "content-type": "application/x-ndjson",
      });
    const done = json(
      await batch({ op: "put", key: "a", value: "1" }, "", { op: "put", key: "b", value_base64: "AP8=" }),
    );
    assert.deepEqual([done.written, done.lsn, done.degraded], [2, 2, true]);
    const refused = await batch({ op: "put", key: "c", value: "1" }, { op: "delete", key: "a", if_version: 7 });
    assert.deepEqual([refused.status, json(refused).line, json(refused).version], [412, 2, 1]);
    assert.equal((await ask("GET", `${STATE}/c`)).status, 404);
    const wrong: [unknown, RegExp][] = [
      ["{", /line 1/],
      ["[]", /not an object/],
      [{ op: "put", key: 1, value: "" }, /key/],
      [{ op: "put", key: "k" }, /value/],
      [{ op: "put", key: "k", value: "", value_base64: "" }, /either/],
      [{ op: "put", key: "k", value_base64: "*" }, /base64/],
      [{ op: "get", key: "k" }, /op/],
      [{ op: "delete", key: "k", value: "v" }, /value is not known/],
      [{ op: "delete", key: "k", if_version: -1 }, /if_version/],
    ];
    for (const [line, reason] of wrong) {
      const answer = await batch(line);
      assert.equal(answer.status, 400);
      assert.match(json(answer).detail, reason);
    }
    const type = await ask("POST", STATE, "{}", { "content-type": "application/json" });
    assert.deepEqual([type.status, json(type).type], [415, "urn:segue:problem:content-type"]);
    assert.equal(json(await batch()).written, 0);
  });
});

Deno.test("bad keys, long values, unknown groups, wrong acks: each with the reason and the limit", async () => {
  await withState(async (ask) => {
    const long = "k".repeat(1025);
    const cases: [string, string, number, RegExp][] = [
      ["PUT", `${STATE}/`, 400, /empty key/],
      ["PUT", `${STATE}/${long}`, 400, /1024/],
      ["PUT", `${STATE}/%ff`, 400, /percent-encoded/],
      ["PUT", `${STATE}/k?ack=safe`, 400, /local, replicated, durable/],
      ["PUT", "/v1/groups/mail/state/k", 404, /no group mail/],
      ["GET", `${STATE}?limit=1001`, 400, /1000/],
      ["GET", `${STATE}?since=x`, 400, /since/],
      ["POST", `${STATE}/k`, 405, /POST/],
    ];
    for (const [method, path, status, reason] of cases) {
      const answer = await ask(method, path, method === "PUT" ? "v" : undefined);
      assert.equal(answer.status, status, path.slice(0, 60));
      assert.equal(answer.headers["content-type"], "application/problem+json");
      assert.match(JSON.stringify(json(answer)), reason);
    }
    const large = await ask("PUT", `${STATE}/k`, new Uint8Array(16 * 1024 * 1024 + 1));
    assert.deepEqual([large.status, json(large).type], [413, "urn:segue:problem:too-large"]);
    const full = await ask("PUT", `${STATE}/k`, new Uint8Array(2 * 1024 * 1024));
    assert.deepEqual([full.status, json(full).type], [507, "urn:segue:problem:full"]);
  });
});

Deno.test("a standby takes no writes and says who does; it can be read", async () => {
  await withState(async (ask, role) => {
    await ask("PUT", `${STATE}/k`, "v");
    role("fenced");
    const fenced = await ask("PUT", `${STATE}/k`, "w");
    assert.deepEqual([fenced.status, fenced.headers["retry-after"], json(fenced).type], [
      503,
      "1",
      "urn:segue:problem:switching",
    ]);
    role("standby");
    const refused = await ask("PUT", `${STATE}/k`, "w");
    assert.deepEqual([refused.status, json(refused).type, json(refused).primary], [
      409,
      "urn:segue:problem:not-primary",
      null,
    ]);
    const read = await ask("GET", `${STATE}/k`);
    assert.deepEqual([read.status, read.headers["segue-role"]], [200, "standby"]);
  });
});

Deno.test("watching: what is there, then what happens, and from where one left off", async () => {
  await withServer(async ({ client, node }) => {
    const state = node.state.group("web");
    const write = (key: string, text: string | null) =>
      state.write({ ops: [{ key, value: text === null ? null : new TextEncoder().encode(text) }], ack: "local" });
    for (const key of ["a", "b", "a"]) await write(key, key);
    const stop = new AbortController();
    const seen: string[] = [];
    const watching = (async () => {
      for await (const { kind, lsn, key } of watchState(client, "web", 0, stop.signal)) {
        seen.push(`${kind} ${lsn} ${key ?? ""}`.trim());
        if (seen.length === 3) await write("c", null);
        if (seen.length === 5) stop.abort();
      }
    })();
    await watching;
    assert.deepEqual(seen, ["put 2 b", "put 3 a", "synced 3", "delete 4 c", "synced 4"]);
  });
});

Deno.test("what was set aside is listed and deleted", async () => {
  await withState(async (ask) => {
    const { total, orphans } = json(await ask("GET", "/v1/groups/web/orphans"));
    assert.deepEqual([total, orphans[0].key, orphans[0].value_base64], [1, "lost", "/wA="]);
    assert.deepEqual(json(await ask("DELETE", "/v1/groups/web/orphans")), { deleted: 1 });
    assert.equal(json(await ask("GET", "/v1/groups/web/orphans")).total, 0);
  });
});

Deno.test("a body that does not come is refused in the end, and what has come of it is not taken for all of it", async () => {
  await withServer(async ({ socket }) => {
    const head = `PUT ${STATE}/slow HTTP/1.1\r\nhost: localhost\r\n`;
    const sized = exchange(socket, `${head}content-length: 5\r\n\r\nab`, 20_000, /too-slow/);
    const chunked = exchange(socket, `${head}transfer-encoding: chunked\r\n\r\n2\r\nab\r\n`, 20_000, /too-slow/);
    for (const answer of await Promise.all([sized, chunked])) {
      assert.match(answer, /^HTTP\/1\.1 408 /);
      assert.match(answer, /urn:segue:problem:too-slow/);
    }
    assert.equal((await ask(socket, "GET", `${STATE}/slow`)).status, 404);
  });
});
