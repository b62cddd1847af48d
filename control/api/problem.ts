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

/** What some problems tell besides: members for programs (RFC 9457 3.2), and headers. */
export interface ProblemExtra {
  readonly more?: Readonly<Record<string, string | number | null>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** A request that cannot be answered as asked. Thrown by backends, written by the server. */
export class ApiProblem extends Error {
  readonly status: number;
  /** Short stable word, `no-such-group`. */
  readonly slug: string;
  readonly title: string;
  readonly hint: string;
  readonly extra: ProblemExtra;

  constructor(status: number, slug: string, title: string, detail: string, hint = "", extra: ProblemExtra = {}) {
    super(detail);
    this.extra = extra;
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
      ...this.extra.more,
    };
  }
}

export function problemResponse(problem: ApiProblem, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(problem.toJson()) + "\n", {
    status: problem.status,
    headers: { "content-type": "application/problem+json", ...problem.extra.headers, ...headers },
  });
}
