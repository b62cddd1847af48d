/** Talks to a daemon on this machine. */
import type { Floor } from "../answers/floor.ts";
import type { Rehearsal } from "../answers/rehearsal.ts";
import type { EntryJson, MaintenanceJson, ReceiptJson, StatusJson } from "./json.ts";
import type { ProblemJson } from "./problem.ts";
import { API_ORIGIN } from "./socket.ts";
import { readServerSentEvents } from "./sse.ts";

/** What went wrong, and what to do about it. */
export class ApiError extends Error {
  readonly hint: string;
  /** Status of the answer; 0 if there was none. */
  readonly status: number;
  /** The problem's stable word, `urn:segue:problem:…`; "" if there was none. */
  readonly type: string;

  constructor(message: string, hint: string, status = 0, type = "") {
    super(message);
    this.name = "ApiError";
    this.hint = hint;
    this.status = status;
    this.type = type;
  }
}

export interface SwitchoverOrder {
  readonly to?: string;
  readonly timeoutUs?: number;
  readonly force?: boolean;
}

/** Methods throw `ApiError`. Close it after use. */
export class ApiClient {
  readonly #socketPath: string;
  readonly #http: Deno.HttpClient;

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#http = Deno.createHttpClient({ proxy: { transport: "unix", path: socketPath } });
  }

  async status(signal?: AbortSignal): Promise<StatusJson> {
    return await this.#json<StatusJson>("GET", "/v1/status", undefined, signal);
  }

  /** Any other question: a daemon of another version may not know it (`ApiError` with status 404). */
  async ask(method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    return await this.#json<unknown>(method, path, body);
  }

  /** Waits until the switch is done or called off. */
  async switchover(group: string, { to, timeoutUs, force }: SwitchoverOrder = {}): Promise<ReceiptJson> {
    return await this.#json<ReceiptJson>("POST", `/v1/groups/${encodeURIComponent(group)}/switchover`, {
      ...(to === undefined ? {} : { to }),
      ...(timeoutUs === undefined ? {} : { timeout_us: timeoutUs }),
      ...(force === undefined ? {} : { force }),
    });
  }

  /** "If I switched now." */
  async rehearsal(group: string): Promise<Rehearsal> {
    return await this.#json<Rehearsal>("GET", `/v1/groups/${encodeURIComponent(group)}/rehearsal`);
  }

  async floor(hours: number): Promise<Floor> {
    return await this.#json<Floor>("GET", `/v1/floor?hours=${hours}`);
  }

  async reload(): Promise<{ readonly changed: readonly string[] }> {
    return await this.#json<{ changed: string[] }>("POST", "/v1/reload", {});
  }

  /** @param on undefined: only ask */
  async maintenance(on?: boolean): Promise<MaintenanceJson> {
    const path = "/v1/maintenance";
    return await (on === undefined ? this.#json<MaintenanceJson>("GET", path) : this.#json("POST", path, { on }));
  }

  async metrics(): Promise<string> {
    const response = await this.send("GET", "/metrics");
    return await response.text();
  }

  /**
   * Entries behind `afterId` (undefined: the last ones), then each as it happens, until the daemon ends or `signal` says so.
   */
  async *events(afterId?: number, signal?: AbortSignal): AsyncGenerator<EntryJson> {
    const headers: Record<string, string> = { accept: "text/event-stream" };
    if (afterId !== undefined) headers["last-event-id"] = String(afterId);
    const response = await this.send("GET", "/v1/events", { headers, ...(signal ? { signal } : {}) });
    if (!response.body) return;
    try {
      for await (const { data } of readServerSentEvents(response.body)) yield parse<EntryJson>(data);
    } catch (error) {
      if (error instanceof ApiError) throw error;
      // The daemon or the caller has ended the connection in the middle of something.
    }
  }

  close(): void {
    this.#http.close();
  }

  async #json<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
    const init = body === undefined
      ? {}
      : { body: JSON.stringify(body), headers: { "content-type": "application/json" } };
    const response = await this.send(method, path, { ...init, ...(signal ? { signal } : {}) });
    return parse<T>(await this.#read(response));
  }

  /** Any request; resolves with an answer that is ok. */
  async send(method: string, path: string, init: RequestInit = {}): Promise<Response> {
    let response: Response;
    try {
      response = await fetch(API_ORIGIN + path, { ...init, method, client: this.#http });
    } catch (error) {
      if (init.signal?.aborted) throw new ApiError("called off", "");
      throw await this.#unreachable(error);
    }
    if (response.ok) return response;
    throw problemError(response.status, await this.#read(response));
  }

  async #read(response: Response): Promise<string> {
    try {
      return await response.text();
    } catch (error) {
      throw await this.#unreachable(error);
    }
  }

  /** Says why nobody answered: `fetch` itself says only that it failed. */
  async #unreachable(error: unknown): Promise<ApiError> {
    const path = this.#socketPath;
    try {
      (await Deno.connect({ transport: "unix", path })).close();
    } catch (reason) {
      if (reason instanceof Deno.errors.NotFound) {
        return new ApiError(
          `no daemon: ${path} does not exist`,
          "start it with `segue run`, or say where it runs with --run-dir DIR",
        );
      }
      if (reason instanceof Deno.errors.ConnectionRefused) {
        return new ApiError(`no daemon: nobody listens on ${path}`, "it died without tidying up; start it again");
      }
      if (reason instanceof Deno.errors.PermissionDenied) {
        return new ApiError(`no access to ${path}`, "it belongs to root: use sudo");
      }
    }
    const text = error instanceof Error ? error.message : String(error);
    return new ApiError(`the daemon at ${path} ended in the middle of its answer: ${text}`, "see its log");
  }
}

function parse<T>(text: string): T {
  try {
    // Made by the same program; a daemon of another version may say more, not less.
    return JSON.parse(text) as T;
  } catch {
    throw new ApiError("the daemon's answer is not JSON", "is it a segue of another version?");
  }
}

function problemError(status: number, text: string): ApiError {
  try {
    const problem = JSON.parse(text) as Partial<ProblemJson>;
    const { title = `status ${status}`, detail = "", hint = "", type = "" } = problem;
    return new ApiError(detail === "" ? title : `${title}: ${detail}`, hint, status, type);
  } catch {
    return new ApiError(`the daemon answered with status ${status}`, "is it a segue of another version?", status);
  }
}
