/** Errors of the API: problem+json (RFC 9457). Pure. */

/** What a client gets. `type` is a stable word for programs behind `urn:segue:problem:`. */
export interface ProblemJson {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  /** What to do about it; may be empty. */
  readonly hint: string;
}

const TYPE_PREFIX = "urn:segue:problem:";

/** A request that cannot be answered as asked. Thrown by backends, written by the server. */
export class ApiProblem extends Error {
  readonly status: number;
  /** Short stable word, `no-such-group`. */
  readonly slug: string;
  readonly title: string;
  readonly hint: string;

  constructor(status: number, slug: string, title: string, detail: string, hint = "") {
    super(detail);
    this.name = "ApiProblem";
    this.status = status;
    this.slug = slug;
    this.title = title;
    this.hint = hint;
  }

  toJson(): ProblemJson {
    return {
      type: TYPE_PREFIX + this.slug,
      title: this.title,
      status: this.status,
      detail: this.message,
      hint: this.hint,
    };
  }
}

export function problemResponse(problem: ApiProblem, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(problem.toJson()) + "\n", {
    status: problem.status,
    headers: { "content-type": "application/problem+json", ...headers },
  });
}
