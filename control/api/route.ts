/** What a route is, and what all of them answer with. */
import type { ApiBackend } from "./backend.ts";
import { ApiProblem } from "./problem.ts";

/** What answers are made from. */
export interface ApiContext {
  readonly backend: ApiBackend;
  /** The server is closing: event streams end. */
  readonly closing: AbortSignal;
}

/** What stands in the path for `:group` and `:key`; empty where the route has none. */
export interface RouteArgs {
  readonly group: string;
  readonly key: string;
}

export interface Route {
  readonly method: "GET" | "POST" | "PUT" | "DELETE";
  /** `:group` and `:key` stand for one segment each, percent-encoded. */
  readonly path: string;
  answer(context: ApiContext, request: Request, args: RouteArgs): Promise<Response> | Response;
}

export function json(value: unknown): Response {
  return new Response(JSON.stringify(value) + "\n", { headers: { "content-type": "application/json" } });
}

export function badField(name: string, wanted: string): ApiProblem {
  return new ApiProblem(400, "bad-field", "A field cannot be used", `${name} must be ${wanted}`);
}

/** Names a field that is not known, if there is one. */
export function requireNoOthers(others: Readonly<Record<string, unknown>>, known: string): void {
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) throw badField(unknown.slice(0, 80), `nothing: there are ${known}`);
}
