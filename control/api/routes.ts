/** From a request to an answer. Whatever a client sends, it gets one, and nothing else happens. */
import type { ApiBackend, SwitchoverRequest } from "./backend.ts";
import { readJsonObject } from "./body.ts";
import { eventStream } from "./event_stream.ts";
import { receiptJson, statusJson } from "./json.ts";
import { METRICS_TYPE, metricsText } from "./metrics.ts";
import { HOURS_MAX, parseHours } from "./hours.ts";
import { ApiProblem } from "./problem.ts";
import { type ApiContext, badField, json, requireNoOthers, type Route, type RouteArgs } from "./route.ts";
import { SERVICE_ROUTES } from "./service_routes.ts";
import { STATE_ROUTES } from "./state_routes.ts";
import { SSE_HEADERS } from "./sse_writer.ts";

/** For an answer of the switch thread, which gives it within a heartbeat or not at all. */
const SNAPSHOT_TIMEOUT_MS = 3000;
/** For a reload: parsing, and the switch thread's word. */
const RELOAD_TIMEOUT_MS = 10_000;
/** Beyond what the operator allowed, for a switch that is being called off. */
const SWITCHOVER_MARGIN_MS = 5000;
const SWITCHOVER_DEFAULT_US = 5e6;
const SWITCHOVER_MAX_US = 3600e6;

export const ROUTES: readonly Route[] = [
  {
    method: "GET",
    path: "/v1/status",
    answer: async ({ backend }) =>
      json(statusJson(await snapshot(backend), backend.journalHealth(), backend.services.maintenance().on)),
  },
  { method: "GET", path: "/v1/events", answer: (context, request) => events(context, request) },
  {
    method: "POST",
    path: "/v1/groups/:group/switchover",
    answer: async ({ backend }, request, { group }) => {
      const order = switchoverRequest(await readJsonObject(request));
      const limitMs = order.timeoutUs / 1e3 + SWITCHOVER_MARGIN_MS;
      return json(receiptJson(await within(limitMs, backend.switchover(group, order))));
    },
  },
  {
    method: "GET",
    path: "/v1/groups/:group/rehearsal",
    answer: async ({ backend }, _, { group }) => json(await within(SNAPSHOT_TIMEOUT_MS, backend.rehearsal(group))),
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
      new Response(metricsText(await snapshot(backend), backend.journalHealth(), backend.state.stream()), {
        headers: { "content-type": METRICS_TYPE },
      }),
  },
  ...SERVICE_ROUTES,
  ...STATE_ROUTES,
];

/** Each route with its path in segments. */
const TABLE = ROUTES.map((route) => ({ route, segments: route.path.split("/") }));

/** @throws ApiProblem */
export async function answer(context: ApiContext, request: Request): Promise<Response> {
  const path = pathOf(request.url);
  const given = path.split("/");
  // HEAD is GET without the body (RFC 9110 section 9.3.2); the server leaves it out.
  const method = request.method === "HEAD" ? "GET" : request.method;
  const allowed: string[] = [];
  for (const { route, segments } of TABLE) {
    if (!fits(segments, given)) continue;
    if (route.method === method) return await route.answer(context, request, argsOf(segments, given));
    allowed.push(route.method);
  }
  throw allowed.length === 0 ? noSuchPath(path) : wrongMethod(request.method, path, allowed);
}

/** The path of an absolute URL, still encoded; parsing the whole of it takes several times as long. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

function fits(wanted: readonly string[], given: readonly string[]): boolean {
  return wanted.length === given.length && wanted.every((segment, i) => segment[0] === ":" || segment === given[i]);
}

function argsOf(wanted: readonly string[], given: readonly string[]): RouteArgs {
  const at = (name: string) => {
    const place = wanted.indexOf(name);
    return place < 0 ? "" : decode(given[place]!);
  };
  return { group: at(":group"), key: at(":key") };
}

function decode(segment: string): string {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new ApiProblem(
      400,
      "bad-path",
      "The path cannot be read",
      `${segment.slice(0, 80)} is not percent-encoded UTF-8`,
    );
  }
}

function noSuchPath(path: string): ApiProblem {
  const list = ROUTES.map((route) => `${route.method} ${route.path.replace(":group", "GROUP").replace(":key", "KEY")}`)
    .join(", ");
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
  if (request.method === "HEAD") return new Response(null, { headers: SSE_HEADERS });
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
  return new Response(eventStream(backend, given === null ? null : Number(given), closing), { headers: SSE_HEADERS });
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
  requireNoOthers(others, "to, timeout_us and force");
  return { to, timeoutUs: Math.round(timeoutUs), force };
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
