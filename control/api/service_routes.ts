/** Routes of programs that follow their group's role, of what services print, and of maintenance. */
import { parseDuration } from "../../config/duration.ts";
import {
  type Acknowledgement,
  FOLLOWER_NAME,
  PATIENCE_DEFAULT_US,
  PATIENCE_MAX_US,
  type RoleEvent,
} from "../services/followers.ts";
import { readJsonObject } from "./body.ts";
import { type ApiContext, badField, json, requireNoOthers, type Route, type RouteArgs } from "./route.ts";
import { SSE_HEADERS, sseStream } from "./sse_writer.ts";

/** Events of a role that may wait for a follower that does not read. */
const QUEUE_MAX = 100;
const REASON_MAX = 256;

export const SERVICE_ROUTES: readonly Route[] = [
  { method: "GET", path: "/v1/groups/:group/role", answer: role },
  {
    method: "POST",
    path: "/v1/groups/:group/role/ack",
    answer: async ({ backend }, request, { group }) => {
      backend.services.acknowledge(group, acknowledgement(await readJsonObject(request)));
      return json({ taken: true });
    },
  },
  {
    method: "GET",
    path: "/v1/groups/:group/output",
    answer: ({ backend }, request, { group }) => {
      const service = new URL(request.url).searchParams.get("service");
      if (service === null) throw badField("service", "the name of a service of the group, as ?service=NAME");
      return json({ group, service, lines: backend.services.output(group, service) });
    },
  },
  { method: "GET", path: "/v1/maintenance", answer: ({ backend }) => json(backend.services.maintenance()) },
  {
    method: "POST",
    path: "/v1/maintenance",
    answer: async ({ backend }, request) => {
      const { on, ...others } = await readJsonObject(request);
      if (typeof on !== "boolean") throw badField("on", "true or false");
      requireNoOthers(others, "on alone");
      return json(backend.services.setMaintenance(on));
    },
  },
];

/** The role as JSON; or, for who accepts an event stream, as long as it is read. */
function role(context: ApiContext, request: Request, { group }: RouteArgs): Response {
  const now = context.backend.services.role(group);
  if (!(request.headers.get("accept") ?? "").includes("text/event-stream")) return json(now);
  const params = new URL(request.url).searchParams;
  const name = params.get("name") ?? "follower";
  if (!FOLLOWER_NAME.test(name)) throw badField("name", "1 to 64 letters, digits, dots, hyphens and _");
  const patienceUs = patience(params.get("timeout"));
  if (request.method === "HEAD") return new Response(null, { headers: SSE_HEADERS });
  let early: RoleEvent[] | null = [];
  let send: (event: RoleEvent) => void = (event) => early?.push(event);
  // Before the stream begins, so that a refusal is an answer of its own.
  const leave = context.backend.services.follow(group, { name, patienceUs, send: (event) => send(event) });
  const stream = sseStream(context.closing, QUEUE_MAX, (writer) => {
    writer.onEnd(leave);
    send = (event) => writer.write(roleMessage(event, now.node));
    for (const event of early ?? []) send(event);
    early = null;
  });
  return new Response(stream, { headers: SSE_HEADERS });
}

function roleMessage({ kind, deadlineUs, ...others }: RoleEvent, node: string): string {
  const data = { ...others, node, deadline_ms: deadlineUs === null ? null : deadlineUs / 1000 };
  return `event: ${kind}\ndata: ${JSON.stringify(data)}\n\n`;
}

function patience(text: string | null): number {
  if (text === null) return PATIENCE_DEFAULT_US;
  const us = parseDuration(text);
  if (typeof us === "string") throw badField("timeout", `a time such as 500ms: ${us.slice(0, 120)}`);
  if (us > PATIENCE_MAX_US) throw badField("timeout", `at most ${PATIENCE_MAX_US / 1e6}s`);
  return us;
}

function acknowledgement(body: Readonly<Record<string, unknown>>): Acknowledgement {
  const { follower, order, ok, reason = "", ...others } = body;
  if (typeof follower !== "string" || follower.length > 64) {
    throw badField("follower", "the id that came with the event hello");
  }
  if (typeof order !== "number" || !Number.isSafeInteger(order)) throw badField("order", "the number of the event");
  if (typeof ok !== "boolean") throw badField("ok", "true or false");
  if (typeof reason !== "string" || reason.length > REASON_MAX) {
    throw badField("reason", `text of at most ${REASON_MAX} characters`);
  }
  requireNoOthers(others, "follower, order, ok and reason");
  return { follower, order, ok, reason };
}
