import assert from "node:assert/strict";
import { ApiError } from "../../control/api/client.ts";
import { BODY_MAX } from "../../control/api/body.ts";
import { ApiProblem, startApi } from "../../control/api/server.ts";
import { API_ORIGIN } from "../../control/api/socket.ts";
import type { ProblemJson } from "../../control/api/problem.ts";
import { exchange } from "./raw.ts";
import { type Running, SAMPLE_SNAPSHOT, SampleNode, until, withServer } from "./sample_node.ts";

/** One request, as a program in any language would make it. */
async function ask({ socket }: Running, method: string, path: string, body?: BodyInit): Promise<Response> {
  const client = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
  try {
    const response = await fetch(API_ORIGIN + path, { method, client, ...(body === undefined ? {} : { body }) });
    const text = await response.text();
    return new Response(text === "" ? null : text, { status: response.status, headers: response.headers });
  } finally {
    client.close();
  }
}

async function problem(response: Response, status: number, slug: string): Promise<ProblemJson> {
  assert.equal(response.status, status);
  assert.equal(response.headers.get("content-type"), "application/problem+json");
  const json: ProblemJson = await response.json();
  assert.equal(json.status, status);
  assert.equal(json.type, `urn:segue:problem:${slug}`);
  assert.ok(json.title !== "" && typeof json.detail === "string" && typeof json.hint === "string");
  return json;
}

Deno.test("status has what scripts depend on", () =>
  withServer(async (running) => {
    const response = await ask(running, "GET", "/v1/status");
    assert.equal(response.headers.get("content-type"), "application/json");
    const status = await response.json();
    for (const key of ["node", "pair", "version", "uptime_ms", "paths", "peer", "groups", "alarms", "journal"]) {
      assert.ok(key in status, key);
    }
    assert.deepEqual(status.paths, SAMPLE_SNAPSHOT.paths);
    const [group] = status.groups;
    assert.deepEqual(Object.keys(group.held).sort(), ["dropped", "now", "released", "total"]);
    assert.deepEqual(group.last_switch, {
      group: "web",
      node: "a",
      kind: "failover",
      outcome: "done",
      reason: "silence of 10.2 ms, 2 probes unanswered",
      from_epoch: 11,
      epoch: 12,
      at: "2001-09-09T01:46:40.012Z",
      duration_us: 6400.5,
      steps: [{ step: "suspect", at_us: 0 }, { step: "take", at_us: 5123.25 }],
      packets: { passed: 1, held: 2, held_by_peer: 3, released: 4, returned: 5, dropped: 6 },
    });
    assert.deepEqual(status.journal, {
      ok: true,
      text: "ok",
      path: "/x/journal.db",
      set_aside: null,
      waiting: 0,
      dropped: 0,
    });
  }));

Deno.test("a switchover is ordered with what the client said, and answered with its receipt", () =>
  withServer(async (running) => {
    const { node, client } = running;
    assert.equal((await client.switchover("web")).kind, "switchover");
    await client.switchover("web", { to: "b", timeoutUs: 1_500_000, force: true });
    assert.equal((await ask(running, "POST", "/v1/groups/web/switchover")).status, 200, "no body at all");
    const plain = { to: null, timeoutUs: 5_000_000, force: false };
    assert.deepEqual(node.orders, [["web", plain], ["web", { to: "b", timeoutUs: 1_500_000, force: true }], [
      "web",
      plain,
    ]]);
    await assert.rejects(
      client.switchover("sölö/1"),
      (error) =>
        error instanceof ApiError && error.status === 404 && error.hint === "there is web" &&
        /sölö\/1/.test(error.message),
    );
    node.switchoverNow = () => Promise.reject(new ApiProblem(409, "busy", "A switch is under way", "of web"));
    await problem(await ask(running, "POST", "/v1/groups/web/switchover", "{}"), 409, "busy");
  }));

Deno.test("bad requests are told what is wrong, and order nothing", () =>
  withServer(async (running) => {
    const path = "/v1/groups/web/switchover";
    const cases: [string, number, string][] = [
      ["{", 400, "bad-json"],
      ["[]", 400, "bad-json"],
      ["null", 400, "bad-json"],
      ['{"to":1}', 400, "bad-field"],
      ['{"timeout_us":0}', 400, "bad-field"],
      ['{"timeout_us":1e99}', 400, "bad-field"],
      ['{"timeout_us":"5s"}', 400, "bad-field"],
      ['{"force":1}', 400, "bad-field"],
      ['{"tto":"b"}', 400, "bad-field"],
      [" ".repeat(BODY_MAX + 1), 413, "too-large"],
    ];
    for (const [body, status, slug] of cases) await problem(await ask(running, "POST", path, body), status, slug);
    await problem(await ask(running, "POST", "/v1/groups/%ff/switchover"), 400, "bad-path");
    await problem(await ask(running, "GET", "/v1/events?after=x"), 400, "bad-event-id");
    assert.deepEqual(running.node.orders, []);
    const { hint } = await problem(await ask(running, "GET", "/v2/status"), 404, "no-such-path");
    assert.match(hint, /GET \/v1\/status, .*POST \/v1\/groups\/GROUP\/switchover/);
    const wrong = await ask(running, "DELETE", "/v1/status");
    assert.equal(wrong.headers.get("allow"), "GET, HEAD");
    await problem(wrong, 405, "wrong-method");
    assert.equal((await ask(running, "GET", path)).headers.get("allow"), "POST");
    assert.equal((await ask(running, "HEAD", "/v1/status")).status, 200);
  }));

Deno.test("a daemon that fails or is silent is an answer too", () =>
  withServer(async (running) => {
    running.node.snapshotNow = () => {
      throw new Error("no snapshot today");
    };
    assert.match(
      (await problem(await ask(running, "GET", "/v1/status"), 500, "unexpected")).detail,
      /no snapshot today/,
    );
    running.node.snapshotNow = () => new Promise(() => {});
    await problem(await ask(running, "GET", "/metrics"), 504, "no-answer");
    running.node.reloadNow = () => Promise.reject(new ApiProblem(422, "bad-config", "The file is bad", "line 3"));
    await problem(await ask(running, "POST", "/v1/reload"), 422, "bad-config");
  }));

Deno.test("metrics are what Prometheus reads", () =>
  withServer(async ({ node, client }) => {
    node.snapshotNow = () =>
      Promise.resolve({
        ...SAMPLE_SNAPSHOT,
        pair: 'a "quoted"\\ \n pair',
        peer: { ...SAMPLE_SNAPSHOT.peer, last_heard_ms: null },
      });
    const text = await client.metrics();
    const seen = new Set<string>();
    for (const line of text.trimEnd().split("\n")) {
      const comment = /^# (HELP|TYPE) (segue_[a-z_]+) (.+)$/.exec(line);
      if (comment) {
        seen.add(`${comment[1]} ${comment[2]}`);
        if (comment[1] === "TYPE") assert.match(comment[3]!, /^(gauge|counter)$/);
        continue;
      }
      const sample = /^(segue_[a-z_]+)(\{([a-z]+="([^"\\\n]|\\["\\n])*",?)+\})? (-?[0-9.e+-]+)$/.exec(line);
      assert.ok(sample, line);
      assert.ok(seen.has(`HELP ${sample[1]}`) && seen.has(`TYPE ${sample[1]}`), line);
    }
    assert.match(text, /^segue_group_role\{group="web",role="primary"\} 1$/m);
    assert.match(text, /^segue_group_role\{group="web",role="standby"\} 0$/m);
    assert.match(text, /^segue_rejected_total\{reason="badTag"\} 3$/m);
    assert.match(text, /^segue_late_wake_max_seconds 0.008$/m);
    assert.match(text, /^segue_state_sync\{group="web",state="[a-z-]+"\} 1$/m);
    assert.match(text, /^segue_stream_path_lost_total\{path="0"\} 2$/m);
    assert.match(text, /pair="a \\"quoted\\"\\\\ \\n pair"/);
    assert.doesNotMatch(text, /peer_last_heard/, "what is not known is left out");
  }));

Deno.test("the socket is the owner's, a dead one is replaced, a living one is not, and it goes when the server goes", async () => {
  await withServer(async ({ socket, node }) => {
    assert.equal(Deno.statSync(socket).mode! & 0o777, 0o600);
    await assert.rejects(startApi(node, socket), /another segue answers there/);
    assert.equal(
      (await exchange(socket, "GET /v1/status HTTP/1.0\r\n\r\n")).slice(9, 12),
      "200",
      "the first one goes on",
    );
  });
  const folder = Deno.makeTempDirSync({ prefix: "japi-run-" });
  const socket = `${folder}/segue.sock`;
  // As a daemon that was killed leaves it; a listener that is closed would take its own name away.
  const stale = Deno.listen({ transport: "unix", path: `${folder}/first` });
  Deno.renameSync(`${folder}/first`, socket);
  stale.close();
  assert.ok(Deno.statSync(socket).isSocket);
  const server = await startApi(await SampleNode.create(), socket);
  assert.equal((await exchange(socket, "GET /v1/status HTTP/1.0\r\n\r\n")).slice(9, 12), "200");
  await server.close();
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await assert.rejects(startApi(await SampleNode.create(), `${folder}/none/segue.sock`));
  Deno.removeSync(folder, { recursive: true });
});

Deno.test("an answer that takes too long does not keep a server from closing, and does no harm when it comes", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const uncaught: string[] = [];
  const listener = (event: ErrorEvent) => {
    event.preventDefault();
    uncaught.push(String(event.error));
  };
  globalThis.addEventListener("error", listener);
  try {
    await withServer(async ({ node, socket, server }) => {
      let asked = false;
      node.snapshotNow = async () => {
        asked = true;
        await promise;
        return SAMPLE_SNAPSHOT;
      };
      const answer = exchange(socket, "GET /v1/status HTTP/1.0\r\n\r\n", 10_000);
      await until("the question", () => asked);
      const start = performance.now();
      await server.close();
      assert.ok(performance.now() - start < 4000);
      resolve();
      assert.equal((await answer).slice(9, 12), "200");
    });
  } finally {
    globalThis.removeEventListener("error", listener);
  }
  assert.deepEqual(uncaught, []);
});
