/** Programs that follow their role over a real socket: told, asked, waited for, and no longer than they said. */
import assert from "node:assert/strict";
import { ApiClient } from "../../control/api/client.ts";
import { API_ORIGIN } from "../../control/api/socket.ts";
import { startApi } from "../../control/api/server.ts";
import { readServerSentEvents, type ServerSentEvent } from "../../control/api/sse.ts";
import { Maintenance } from "../../control/daemon/maintenance.ts";
import { ServicesApi } from "../../control/daemon/services_api.ts";
import { FOLLOWERS_MAX } from "../../control/services/followers.ts";
import { SampleNode } from "../api/sample_node.ts";
import { type Running, steps, until, withManager } from "./harness.ts";

interface Follower {
  readonly id: string;
  /** The next event of this kind; others before it are passed over. */
  next(kind: string): Promise<Record<string, unknown>>;
  ack(order: unknown, ok: boolean, reason?: string): Promise<Response>;
  leave(): Promise<void>;
}

interface World extends Running {
  ask(method: string, path: string, body?: unknown, accept?: string): Promise<Response>;
  follow(query?: string): Promise<Follower>;
  readonly client: ApiClient;
}

/** A manager behind a real API server. */
function withApi(body: (world: World) => Promise<void>, services = ""): Promise<void> {
  return withManager({ services }, async (running) => {
    const { manager, folder } = running;
    const keeper = new Maintenance(folder);
    const api = new ServicesApi({
      node: "a",
      groups: ["web"],
      manager,
      keeper,
      onMaintenance: (on) => manager.maintenance(on),
    });
    const node = Object.assign(await SampleNode.create(), { services: api });
    const socket = `${folder}/segue.sock`;
    const server = await startApi(node, socket);
    const http = Deno.createHttpClient({ proxy: { transport: "unix", path: socket } });
    const client = new ApiClient(socket);
    const followers: Follower[] = [];
    const ask: World["ask"] = (method, path, body, accept = "application/json") =>
      fetch(API_ORIGIN + path, {
        method,
        client: http,
        headers: { accept },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    const follow = async (query = "") => {
      const follower = await makeFollower(ask, query);
      followers.push(follower);
      return follower;
    };
    try {
      await body({ ...running, ask, follow, client });
    } finally {
      for (const follower of followers) await follower.leave();
      client.close();
      http.close();
      await server.close();
    }
  });
}

async function makeFollower(ask: World["ask"], query: string): Promise<Follower> {
  const response = await ask("GET", `/v1/groups/web/role${query}`, undefined, "text/event-stream");
  assert.equal(response.status, 200);
  assert.equal(response.headers.get("content-type"), "text/event-stream");
  const events = readServerSentEvents(response.body!);
  const next = async (kind: string) => {
    for (;;) {
      const { value, done }: IteratorResult<ServerSentEvent> = await events.next();
      if (done === true) throw new Error(`the stream has ended before ${kind}`);
      if (value.event === kind) return JSON.parse(value.data) as Record<string, unknown>;
    }
  };
  const hello = await next("hello");
  const id = String(hello["follower"]);
  return {
    id,
    next,
    ack: (order, ok, reason) => ask("POST", "/v1/groups/web/role/ack", { follower: id, order, ok, reason }),
    leave: async () => void await events.return(undefined),
  };
}

async function refused(response: Response, status: number, slug: string): Promise<string> {
  const problem = await response.json();
  assert.deepEqual([response.status, problem.type], [status, `urn:segue:problem:${slug}`]);
  return `${problem.detail} ${problem.hint}`;
}

Deno.test("a move as a follower sees it: each step is told, and waited for where it must be", () =>
  withApi(async ({ ask, follow, become, manager }) => {
    assert.deepEqual(await (await ask("GET", "/v1/groups/web/role")).json(), {
      group: "web",
      role: "standby",
      epoch: 0,
      node: "a",
      followers: [],
    });
    assert.equal(manager.managed("web"), false);
    const follower = await follow("?name=counter&timeout=5s");
    assert.equal(manager.managed("web"), true);

    let done = false;
    const primary = become("primary", { epoch: 12 }).finally(() => done = true);
    const coming = await follower.next("becoming-primary");
    assert.deepEqual([coming["group"], coming["role"], coming["epoch"], coming["node"]], ["web", "primary", 12, "a"]);
    assert.equal(coming["deadline_ms"], 5000);
    assert.equal(done, false);
    const taken = await follower.ack(coming["order"], true);
    assert.deepEqual(await taken.json(), { taken: true });
    assert.deepEqual(steps(await primary), ["counter said yes"]);
    // Ordered, but not confirmed yet.
    assert.equal((await (await ask("GET", "/v1/groups/web/role")).json()).role, "standby");
    manager.settled("web", "primary", 12);
    const now = await follower.next("primary");
    assert.deepEqual([now["epoch"], now["order"], now["deadline_ms"]], [12, 0, null]);
    const said = await (await ask("GET", "/v1/groups/web/role")).json();
    assert.deepEqual([said.role, said.epoch, said.followers], ["primary", 12, ["counter"]]);

    const standby = become("standby", { epoch: 12 });
    const leaving = await follower.next("becoming-standby");
    assert.ok(Number(leaving["order"]) > Number(coming["order"]));
    await (await follower.ack(leaving["order"], true)).body?.cancel();
    assert.equal((await standby).ok, true);
    manager.settled("web", "standby", 13);
    assert.equal((await follower.next("standby"))["epoch"], 13);
  }));

Deno.test("a follower can refuse to become primary, but not to leave", () =>
  withApi(async ({ follow, become, events }) => {
    const follower = await follow("?name=counter");
    const primary = become("primary");
    const coming = await follower.next("becoming-primary");
    await (await follower.ack(coming["order"], false, "no data")).body?.cancel();
    assert.deepEqual(await primary.then(({ ok, reason }) => [ok, reason]), [false, "follower counter: no data"]);
    const standby = become("standby");
    const leaving = await follower.next("becoming-standby");
    await (await follower.ack(leaving["order"], false, "busy")).body?.cancel();
    assert.equal((await standby).ok, true);
    assert.deepEqual(events, [
      "notice followerRefused web: follower counter is not ready to leave: busy",
    ]);
  }));

Deno.test("who says nothing is waited for as long as it said; who goes, no longer; both stop nobody", () =>
  withApi(async ({ follow, become, events, manager }) => {
    await follow("?name=mute&timeout=50ms");
    const fickle = await follow("?name=fickle&timeout=10s");
    const primary = become("primary");
    await fickle.next("becoming-primary");
    await fickle.leave();
    const result = await primary;
    assert.equal(result.ok, true);
    assert.deepEqual(steps(result), ["mute did not answer", "fickle did not answer"]);
    assert.deepEqual(events, ["notice followerLate web: follower mute let becoming primary pass"]);
    assert.equal(manager.managed("web"), true);
  }));

Deno.test("followers hand over their last words before any service leaves", () =>
  withApi(async ({ follow, become, trace }) => {
    await become("primary");
    const follower = await follow("?timeout=5s");
    const standby = become("standby");
    const leaving = await follower.next("becoming-standby");
    assert.deepEqual(trace(), []);
    await (await follower.ack(leaving["order"], true)).body?.cancel();
    assert.deepEqual(steps(await standby), ["follower said yes", "one told"]);
    assert.deepEqual(trace(), ["one leaves"]);
  }, `[[group.service]]\nname = "one"\nexec = ["/bin/sleep", "1000"]\non_standby = [["SAY", "one", "leaves"]]\n`));

Deno.test("acknowledgements that nobody waits for, and bad ones, are refused with a reason", () =>
  withApi(async ({ ask, follow, become }) => {
    const follower = await follow("?timeout=5s");
    const path = "/v1/groups/web/role/ack";
    const good = { follower: follower.id, order: 1, ok: true };
    await refused(await ask("POST", path, good), 409, "not-asked");
    await refused(await ask("POST", path, { ...good, follower: "nobody" }), 404, "no-such-follower");
    await refused(await ask("POST", "/v1/groups/none/role/ack", good), 404, "no-such-group");
    await refused(await ask("GET", "/v1/groups/none/role"), 404, "no-such-group");
    for (const [bad, word] of Object.entries({ follower: "follower", order: "order", ok: "ok", reason: "reason" })) {
      assert.match(await refused(await ask("POST", path, { ...good, [bad]: [] }), 400, "bad-field"), new RegExp(word));
    }
    assert.match(await refused(await ask("POST", path, { ...good, more: 1 }), 400, "bad-field"), /more/);
    assert.match(await refused(await ask("POST", path, { ...good, reason: "x".repeat(300) }), 400, "bad-field"), /256/);
    await refused(await ask("POST", path, "text"), 400, "bad-json");
    const sse = (query: string) => ask("GET", `/v1/groups/web/role?${query}`, undefined, "text/event-stream");
    assert.match(await refused(await sse("timeout=11s"), 400, "bad-field"), /at most 10s/);
    assert.match(await refused(await sse("timeout=soon"), 400, "bad-field"), /timeout/);
    assert.match(await refused(await sse("name=a%20b"), 400, "bad-field"), /name/);
    // None of this was an answer.
    const primary = become("primary");
    const { order } = await follower.next("becoming-primary");
    await (await follower.ack(order, true)).body?.cancel();
    assert.equal((await primary).ok, true);
    await refused(await follower.ack(order, true), 409, "not-asked");
  }));

Deno.test("no more followers than there may be; who leaves makes room", () =>
  withApi(async ({ ask, follow, manager }) => {
    const all: Follower[] = [];
    for (let i = 0; i < FOLLOWERS_MAX; i++) all.push(await follow());
    const more = () => ask("GET", "/v1/groups/web/role", undefined, "text/event-stream");
    assert.match(await refused(await more(), 503, "too-many-followers"), /64/);
    for (const follower of all) await follower.leave();
    await until("all have left", () => !manager.managed("web"));
    await follow();
  }));

Deno.test("maintenance by the API and its client: kept in the state directory", () =>
  withApi(async ({ client, ask, manager, folder }) => {
    assert.deepEqual(await client.maintenance(), { on: false, since: null });
    const on = await client.maintenance(true);
    assert.equal(on.on, true);
    assert.equal(manager.inMaintenance, true);
    assert.deepEqual(await client.maintenance(true), on);
    assert.deepEqual(new Maintenance(folder).state, on);
    assert.match(await refused(await ask("POST", "/v1/maintenance", { on: "yes" }), 400, "bad-field"), /true or false/);
    assert.match(await refused(await ask("POST", "/v1/maintenance", { on: true, x: 1 }), 400, "bad-field"), /x/);
    Deno.writeTextFileSync(`${folder}/maintenance`, "nonsense");
    assert.equal(new Maintenance(folder).state.on, true);
    assert.deepEqual(await client.maintenance(false), { on: false, since: null });
    assert.deepEqual(new Maintenance(folder).state, { on: false, since: null });
    assert.equal(manager.inMaintenance, false);
  }));

Deno.test("what a service has printed", () =>
  withApi(
    async ({ ask, manager }) => {
      await until("it has printed", () => manager.output("web", "one").length === 2);
      const answer = await (await ask("GET", "/v1/groups/web/output?service=one")).json();
      assert.deepEqual(answer, { group: "web", service: "one", lines: ["to out", "to err"] });
      assert.match(await refused(await ask("GET", "/v1/groups/web/output?service=x"), 404, "no-such-service"), /one/);
      await refused(await ask("GET", "/v1/groups/web/output"), 400, "bad-field");
    },
    `[[group.service]]\nname = "one"\nexec = ["/bin/sh", "-c", "echo to out; sleep 0.05; echo to err >&2; exec sleep 1000"]\n`,
  ));
