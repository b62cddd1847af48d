/** Fields of requests that cannot be used: each is told in words that say what is wanted, and nothing is done. */
import assert from "node:assert/strict";
import type { ProblemJson } from "../../control/api/problem.ts";
import { ask } from "./ask.ts";
import { withServer } from "./sample_node.ts";

const MOVE = "/v1/groups/web/switchover", ROLE = "/v1/groups/web/role", ACK = "/v1/groups/web/role/ack";
const STREAM = { accept: "text/event-stream" };

interface Wrong {
  readonly method?: string;
  readonly path: string;
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly told: string;
}

const WRONG: readonly Wrong[] = [
  { path: MOVE, body: '{"to":1}', told: "to must be the name of a node" },
  { path: MOVE, body: '{"timeout_us":0}', told: "timeout_us must be microseconds, 1 to 3600000000" },
  { path: MOVE, body: '{"force":1}', told: "force must be true or false" },
  { path: MOVE, body: '{"fo":1}', told: "fo must be nothing: there are to, timeout_us and force" },
  { path: "/v1/maintenance", body: '{"on":"yes"}', told: "on must be true or false" },
  { path: "/v1/maintenance", body: '{"on":true,"x":1}', told: "x must be nothing: there are on alone" },
  {
    method: "GET",
    path: "/v1/groups/web/output",
    told: "service must be the name of a service of the group, as ?service=NAME",
  },
  {
    method: "GET",
    path: `${ROLE}?name=a%20b`,
    headers: STREAM,
    told: "name must be 1 to 64 letters, digits, dots, hyphens and _",
  },
  { method: "GET", path: `${ROLE}?timeout=soon`, headers: STREAM, told: "timeout must be a time such as 500ms: " },
  { method: "GET", path: `${ROLE}?timeout=1000m`, headers: STREAM, told: "timeout must be at most " },
  { path: ACK, body: '{"follower":1}', told: "follower must be the id that came with the event hello" },
  { path: ACK, body: '{"follower":"f","order":"1"}', told: "order must be the number of the event" },
  { path: ACK, body: '{"follower":"f","order":1,"ok":1}', told: "ok must be true or false" },
  {
    path: ACK,
    body: '{"follower":"f","order":1,"ok":true,"reason":7}',
    told: "reason must be text of at most 256 characters",
  },
  {
    method: "PUT",
    path: "/v1/groups/web/state/k",
    body: "v",
    headers: { "if-none-match": "*", "if-match": "*" },
    told: "if-none-match must be *, and not beside if-match",
  },
  {
    method: "PUT",
    path: "/v1/groups/web/state/k",
    body: "v",
    headers: { "if-match": "seven" },
    told: 'if-match must be a version in quotes, as in the etag: "12"; or *',
  },
  { method: "GET", path: "/v1/floor?hours=0", told: "hours must be a whole number of hours, 1 to 720" },
];

for (const { method = "POST", path, body, headers = {}, told } of WRONG) {
  Deno.test(`${method} ${path} ${body ?? JSON.stringify(headers)}: ${told}`, () =>
    withServer(async ({ socket, node }) => {
      const answer = await ask(socket, method, path, body, headers);
      const problem: ProblemJson = JSON.parse(new TextDecoder().decode(answer.body));
      assert.deepEqual([answer.status, problem.type, problem.title], [
        400,
        "urn:segue:problem:bad-field",
        "A field cannot be used",
      ]);
      assert.ok(problem.detail.startsWith(told), problem.detail);
      assert.deepEqual([node.orders, node.services.maintained.on], [[], false]);
    }));
}
