/** From a request to an answer. Whatever a client sends, it gets one, and nothing else happens. */
import type { ApiBackend, SwitchoverRequest } from "./backend.ts";
import { readJsonObject } from "./body.ts";
import { eventStream } from "./event_stream.ts";
import { receiptJson, statusJson } from "./json.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { HOURS_MAX, parseHours } from "./hours.ts";
import { ApiProblem } from "./problem.ts";

/** For an answer of the switch thread, which gives it within a heartbeat or not at all. */
const SNAPSHOT_TIMEOUT_MS = 3000;
/** For a reload: parsing, and the switch thread's word. */
const RELOAD_TIMEOUT_MS = 10_000;
/** Beyond what the operator allowed, for a switch that is being called off. */
const SWITCHOVER_MARGIN_MS = 5000;
const SWITCHOVER_DEFAULT_US = 5e6;
const SWITCHOVER_MAX_US = 3600e6;

/** What answers are made from. */
export interface ApiContext {
  readonly backend: ApiBackend;
  /** The server is closing: event streams end. */
  readonly closing: AbortSignal;
}

interface Route {
  readonly method: "GET" | "POST";
  /** `:group` stands for one segment. */
  readonly path: string;
  answer(context: ApiContext, request: Request, group: string): Promise<Response> | Response;
}

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    answer: async ({ backend }) => json(statusJson(await snapshot(backend), backend.journalHealth())),
  },
  { method: "GET", path: "/v1/events", answer: (context, request) => events(context, request) },
  {
    method: "POST",
    path: "/v1/groups/:group/switchover",
    answer: async ({ backend }, request, group) => {
      const order = switchoverRequest(await readJsonObject(request));
      const limitMs = order.timeoutUs / 1e3 + SWITCHOVER_MARGIN_MS;
      return json(receiptJson(await within(limitMs, backend.switchover(group, order))));
    },
  },
  {
    method: "GET",
    path: "/v1/groups/:group/rehearsal",
    answer: async ({ backend }, _, group) => json(await within(SNAPSHOT_TIMEOUT_MS, backend.rehearsal(group))),
  },
  {
    method: "GET",
    path: "/v1/floor",
    answer: async ({ backend }, request) =>
      json(await within(SNAPSHOT_TIMEOUT_MS, backend.floor(hoursOf(new URL(request.url).searchParams.get("hours"))))),
  },
  {
    method: "POST",
    path: "/v1/reload",
    answer: async ({ backend }) => json(await within(RELOAD_TIMEOUT_MS, backend.reload())),
  },
  {
    method: "GET",
    path: "/metrics",
    answer: async ({ backend }) =>
      new Response(metricsText(await snapshot(backend), backend.journalHealth()), {
        headers: { "content-type": METRICS_TYPE },
      }),
  },
];

/** @throws ApiProblem */
export async function answer(context: ApiContext, request: Request): Promise<Response> {
  const path = new URL(request.url).pathname;
  const found = ROUTES.map((route) => ({ route, group: matchPath(route.path, path) })).filter(({ group }) =>
    group !== null
  );
  if (found.length === 0) throw noSuchPath(path);
  // HEAD is GET without the body (RFC 9110 section 9.3.2); the server leaves it out.
  const method = request.method === "HEAD" ? "GET" : request.method;
  const match = found.find(({ route }) => route.method === method);
  if (!match) throw wrongMethod(request.method, path, found.map(({ route }) => route.method));
  return await match.route.answer(context, request, match.group ?? "");
}

/** The group in the path, an empty text where the route has none, null if the path is another one. */
function matchPath(pattern: string, path: string): string | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  let group = "";
  for (const [i, segment] of wanted.entries()) {
    if (segment === ":group") group = given[i]!;
    else if (segment !== given[i]) return null;
  }
  try {
    return decodeURIComponent(group);
  } catch {
    throw new ApiProblem(400, "bad-path", "The path cannot be read", `${group} is not percent-encoded UTF-8`);
  }
}

function noSuchPath(path: string): ApiProblem {
  const list = ROUTES.map((route) => `${route.method} ${route.path.replace(":group", "GROUP")}`).join(", ");
  return new ApiProblem(404, "no-such-path", "There is nothing here", path, `there are ${list}`);
}

/** Methods that a path allows, for the header `Allow` (RFC 9110 section 15.5.6). */
export class WrongMethod extends ApiProblem {
  readonly allow: string;

  constructor(method: string, path: string, allow: string) {
    super(405, "wrong-method", "The method does not fit", `${method} ${path}`, `use ${allow}`);
    this.allow = allow;
  }
}

function wrongMethod(method: string, path: string, allowed: readonly string[]): WrongMethod {
  return new WrongMethod(method, path, allowed.flatMap((name) => name === "GET" ? ["GET", "HEAD"] : [name]).join(", "));
}

function events({ backend, closing }: ApiContext, request: Request): Response {
  const headers = { "content-type": "text/event-stream", "cache-control": "no-store" };
  if (request.method === "HEAD") return new Response(null, { headers });
  const given = request.headers.get("last-event-id") ?? new URL(request.url).searchParams.get("after");
  if (given !== null && !/^(-1|[0-9]{1,15})$/.test(given)) {
    throw new ApiProblem(
      400,
      "bad-event-id",
      "The event id cannot be read",
      given.slice(0, 80),
      "send the id of an event",
    );
  }
  return new Response(eventStream(backend, given === null ? null : Number(given), closing), { headers });
}

/** One day where nothing is said; the journal keeps a month. */
function hoursOf(given: string | null): number {
  const hours = parseHours(given ?? "24");
  if (hours === null) throw badField("hours", `a whole number of hours, 1 to ${HOURS_MAX}`);
  return hours;
}

function switchoverRequest(body: Readonly<Record<string, unknown>>): SwitchoverRequest {
  const { to = null, timeout_us: timeoutUs = SWITCHOVER_DEFAULT_US, force = false, ...others } = body;
  if (to !== null && typeof to !== "string") throw badField("to", "the name of a node");
  if (typeof timeoutUs !== "number" || !(timeoutUs >= 1 && timeoutUs <= SWITCHOVER_MAX_US)) {
    throw badField("timeout_us", `microseconds, 1 to ${SWITCHOVER_MAX_US}`);
  }
  if (typeof force !== "boolean") throw badField("force", "true or false");
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw badField(unknown.slice(0, 80), "nothing: there are to, timeout_us and force");
  return { to, timeoutUs: Math.round(timeoutUs), force };
}

function badField(name: string, wanted: string): ApiProblem {
  return new ApiProblem(400, "bad-field", "A field cannot be used", `${name} must be ${wanted}`);
}

async function snapshot(backend: ApiBackend) {
  return await within(SNAPSHOT_TIMEOUT_MS, backend.snapshot());
}

/** Waits so long and no longer. */
async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() =>
      reject(
        new ApiProblem(
          504,
          "no-answer",
          "The switch thread does not answer",
          `no answer within ${Math.round(ms)} ms`,
          "see the daemon's log",
        ),
      ), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function json(value: unknown): Response {
  return new Response(JSON.stringify(value) + "\n", { headers: { "content-type": "application/json" } });
}
