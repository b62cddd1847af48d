/** What a route is, and what all of them answer with. */
import type { ApiBackend } from "./backend.ts";
import { ApiProblem } from "./problem.ts";

/** What answers are made from. */
export interface ApiContext {
  readonly backend: ApiBackend;
  /** The server is closing: event streams end. */
  readonly closing: AbortSignal;
}

export interface Route {
  readonly method: "GET" | "POST";
  /** `:group` stands for one segment. */
  readonly path: string;
  answer(context: ApiContext, request: Request, group: string): Promise<Response> | Response;
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
