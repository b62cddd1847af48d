/** Routes of the groups' state: keys, batches, listing, watching, and what was set aside. */
import { StateProblem, type StateProblemKind } from "../state/problem.ts";
import { OPS_MAX, versionOf, type WriteOp, type WriteRequest } from "../state/write.ts";
import type { AckLevel } from "../state/waits.ts";
import { VALUE_BYTES_MAX } from "../core/state/row.ts";
import type { GroupState } from "../state/group_state.ts";
import { readBytes } from "./body.ts";
import { ApiProblem } from "./problem.ts";
import { type ApiContext, badField, json, type Route, type RouteArgs } from "./route.ts";
import { readBatch } from "./state_batch.ts";
import { stateStream } from "./state_stream.ts";
import { SSE_HEADERS } from "./sse_writer.ts";
import { valueFields } from "./value_fields.ts";

const ACKS: readonly AckLevel[] = ["local", "replicated", "durable"];
/** A batch of the longest values is longer than its values: as base64 in JSON. */
const BATCH_BYTES_MAX = 2 * VALUE_BYTES_MAX;
const LIST_MAX = 1000;
const ORPHANS_MAX = 1000;

export const STATE_ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/groups/:group/state",
    answer: (context, request, args) => listOrWatch(context, request, args),
  },
  { method: "POST", path: "/v1/groups/:group/state", answer: answering(batch) },
  { method: "GET", path: "/v1/groups/:group/state/:key", answer: answering(get) },
  { method: "PUT", path: "/v1/groups/:group/state/:key", answer: answering(put) },
  { method: "DELETE", path: "/v1/groups/:group/state/:key", answer: answering(remove) },
  {
    method: "GET",
    path: "/v1/groups/:group/orphans",
    answer: async ({ backend }, request, { group }) => {
      const limit = whole(new URL(request.url).searchParams.get("limit"), ORPHANS_MAX, ORPHANS_MAX, "limit");
      const { total, rows } = await backend.state.orphans(group, limit);
      return json({ total, orphans: rows.map(({ value, ...row }) => ({ ...row, ...valueFields(value) })) });
    },
  },
  {
    method: "DELETE",
    path: "/v1/groups/:group/orphans",
    answer: async ({ backend }, _request, { group }) => json({ deleted: await backend.state.dropOrphans(group) }),
  },
];

/** An answer but for the headers that say where the state stands. */
interface Answer {
  readonly status?: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array<ArrayBuffer> | null;
}

type StateAnswer = (
  state: GroupState,
  request: Request,
  args: RouteArgs,
  context: ApiContext,
) => Promise<Answer> | Answer;

/** Every answer, also that something cannot be done, says where the state stood then. */
function answering(act: StateAnswer): Route["answer"] {
  return async (context, request, args) => {
    const state = context.backend.state.group(args.group);
    try {
      const { body, status = 200, headers } = await act(state, request, args, context);
      return new Response(body, { status, headers: { ...headers, ...position(state) } });
    } catch (error) {
      if (!(error instanceof StateProblem)) throw error;
      throw problemOf(error, state);
    }
  };
}

function jsonAnswer(value: unknown): Answer {
  return { body: JSON.stringify(value) + "\n", headers: { "content-type": "application/json" } };
}

function position({ replica, role }: GroupState): Record<string, string> {
  const epoch = replica.epoch === 0 ? replica.history.reigns.at(-1)?.epoch ?? 0 : replica.epoch;
  return { "segue-lsn": `${replica.lsn}`, "segue-epoch": `${epoch}`, "segue-role": role };
}

const STATUS: Readonly<Record<StateProblemKind, readonly [number, string]>> = {
  "not-primary": [409, "This node is not primary"],
  switching: [503, "A switch is under way"],
  version: [412, "The version does not fit"],
  "bad-key": [400, "The key cannot be used"],
  "too-large": [413, "Too large"],
  full: [507, "The group has no room"],
  "not-replicated": [503, "Not in the standby's memory"],
  "not-durable": [507, "Not on the disk"],
  "unknown-outcome": [503, "Nobody knows what became of it"],
};

function problemOf(problem: StateProblem, state: GroupState): ApiProblem {
  const [status, title] = STATUS[problem.kind];
  const headers = { ...position(state), ...(status === 503 ? { "retry-after": "1" } : {}) };
  return new ApiProblem(status, problem.kind, title, problem.message, problem.hint, { more: problem.detail, headers });
}

// ---- one key

function get({ replica }: GroupState, request: Request, { key }: RouteArgs): Answer {
  const row = replica.table.get(key);
  if (row === null || row.value === null) {
    throw new ApiProblem(404, "no-such-key", "No such key", `there is no key ${JSON.stringify(key.slice(0, 80))}`);
  }
  const headers = { "content-type": "application/octet-stream", etag: `"${row.lsn}"` };
  if (request.headers.get("if-none-match") === headers.etag) return { status: 304, headers, body: null };
  return { headers, body: new Uint8Array(row.value) };
}

async function put(state: GroupState, request: Request, { key }: RouteArgs, context: ApiContext): Promise<Answer> {
  const ack = ackOf(request);
  const value = await readBytes(request, VALUE_BYTES_MAX);
  return await write(state, context, { ops: [{ key, value, ...condition(state, key, request) }], ack }, { key });
}

async function remove(state: GroupState, request: Request, { key }: RouteArgs, context: ApiContext): Promise<Answer> {
  const ops = [{ key, value: null, ...condition(state, key, request) }];
  return await write(state, context, { ops, ack: ackOf(request) }, { key });
}

/** RFC 9110 13.1: the version that a key must have, or that it must not exist. */
function condition({ replica }: GroupState, key: string, request: Request): Pick<WriteOp, "ifVersion"> {
  const match = request.headers.get("if-match"), none = request.headers.get("if-none-match");
  if (none !== null) {
    if (none !== "*" || match !== null) throw badField("if-none-match", "*, and not beside if-match");
    return { ifVersion: 0 };
  }
  if (match === null) return {};
  if (match === "*") {
    const version = versionOf(replica.table, key);
    // A version that no key has: the write says why it cannot be.
    return { ifVersion: version === 0 ? -1 : version };
  }
  const version = /^"([0-9]{1,15})"$/.exec(match)?.[1];
  if (version === undefined) throw badField("if-match", 'a version in quotes, as in the etag: "12"; or *');
  return { ifVersion: Number(version) };
}

function ackOf(request: Request): AckLevel {
  const at = request.url.indexOf("?");
  const given = at < 0 ? null : new URLSearchParams(request.url.slice(at)).get("ack");
  if (given === null) return "replicated";
  if (!ACKS.includes(given as AckLevel)) throw badField("ack", ACKS.join(", "));
  return given as AckLevel;
}

async function write(
  state: GroupState,
  { backend }: ApiContext,
  request: WriteRequest,
  more: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  // Nothing comes between the last answer and the write: of many that wait, only as many go on as there is room for.
  for (let wait = backend.state.room(false); wait !== null; wait = backend.state.room(true)) await wait;
  const { lsn, epoch, ack, degraded } = await state.write(request);
  return jsonAnswer({ ...more, lsn, version: lsn, epoch, ack, degraded });
}

// ---- many keys

async function batch(state: GroupState, request: Request, _args: RouteArgs, context: ApiContext): Promise<Answer> {
  const type = (request.headers.get("content-type") ?? "").split(";")[0]!.trim().toLowerCase();
  if (type !== "application/x-ndjson") {
    const hint = 'send application/x-ndjson: a line {"op":"put","key":"k","value":"v"} for each key';
    throw new ApiProblem(
      415,
      "content-type",
      "The content type does not fit",
      type === "" ? "there is none" : type,
      hint,
    );
  }
  const ack = ackOf(request);
  const ops = readBatch(await readBytes(request, BATCH_BYTES_MAX), OPS_MAX);
  return await write(state, context, { ops, ack }, { written: ops.length });
}

function listOrWatch(context: ApiContext, request: Request, args: RouteArgs): Promise<Response> | Response {
  const params = new URL(request.url).searchParams;
  const since = request.headers.get("last-event-id") ?? params.get("since");
  if (since === null) return answering(list)(context, request, args);
  const state = context.backend.state.group(args.group);
  const lsn = whole(since, 0, Number.MAX_SAFE_INTEGER, "since");
  if (request.method === "HEAD") return new Response(null, { headers: SSE_HEADERS });
  const prefix = params.get("prefix") ?? "";
  return new Response(stateStream(state, lsn, prefix, context.closing), { headers: SSE_HEADERS });
}

function list({ replica }: GroupState, request: Request): Answer {
  const params = new URL(request.url).searchParams;
  const limit = whole(params.get("limit"), LIST_MAX, LIST_MAX, "limit");
  const found = replica.table.list(params.get("prefix") ?? "", params.get("after") ?? "", limit + 1);
  const keys = found.slice(0, limit).map(({ key, lsn, size }) => ({ key, version: lsn, size }));
  return jsonAnswer({ keys, next: found.length > limit ? keys.at(-1)!.key : null, lsn: replica.lsn });
}

function whole(text: string | null, fallback: number, max: number, name: string): number {
  if (text === null) return fallback;
  const number = Number(text);
  if (!/^[0-9]{1,16}$/.test(text) || number > max) throw badField(name, `a whole number up to ${max}`);
  return number;
}
