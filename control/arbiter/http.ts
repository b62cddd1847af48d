/**
 * One question to a store of several members: the next one is asked too when the one before takes its time, and the first good answer counts.
 * So whatever is asked must do no harm when it is done twice.
 */
import { StoreError } from "./store.ts";

export interface Tls {
  /** PEM. */
  readonly ca: string | null;
  readonly cert: string | null;
  readonly key: string | null;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

export interface HttpParts {
  readonly endpoints: readonly string[];
  readonly tls: Tls;
  /** Before the next member is asked as well. */
  readonly hedgeUs: number;
  /** Before all of them have failed. */
  readonly timeoutUs: number;
}

const ANSWER_MAX_BYTES = 65_536;
const REASON_MAX = 200;

export class Http {
  readonly #p: HttpParts;
  #client: Deno.HttpClient;
  /** The member that answered last is asked first. */
  #first = 0;

  constructor(parts: HttpParts) {
    this.#p = parts;
    this.#client = this.#open();
  }

  /** Throws for a certificate or key that is none. HTTP/1.1: a connection whose network is gone spoils only its own question. */
  #open(): Deno.HttpClient {
    const { ca, cert, key } = this.#p.tls;
    return Deno.createHttpClient({
      http2: false,
      poolMaxIdlePerHost: 2,
      ...(ca === null ? {} : { caCerts: [ca] }),
      ...(cert === null || key === null ? {} : { cert, key }),
    });
  }

  close(): void {
    this.#client.close();
  }

  /** Rejects with `StoreError` if nobody has answered in time. `patience`: how many times longer this question may take. */
  async post(path: string, body: unknown, token: string | null, patience = 1): Promise<Answer> {
    const { endpoints } = this.#p, hedgeUs = patience * this.#p.hedgeUs, timeoutUs = patience * this.#p.timeoutUs;
    const stop = new AbortController(), reasons = new Map<string, string>();
    // A member that is alone is asked twice: the first connection may be dead.
    const tries = Math.max(2, endpoints.length), first = this.#first;
    const text = JSON.stringify(body);
    return await new Promise<Answer>((resolve, reject) => {
      let next = 0, open = 0, over = false, hedge: ReturnType<typeof setTimeout> | undefined;
      const end = (act: () => void) => {
        if (over) return;
        over = true;
        clearTimeout(hedge);
        clearTimeout(deadline);
        stop.abort();
        act();
      };
      const fail = (reason: string | null) =>
        end(() => {
          const all = [...reasons].map(([url, why]) => `${url}: ${why}`);
          if (reason !== null) all.push(reason);
          reject(new StoreError(all.join("; ")));
        });
      const ask = () => {
        if (over || next >= tries) return;
        const index = (first + next) % endpoints.length, url = endpoints[index]!;
        if (next >= endpoints.length) this.#renew();
        next++;
        open++;
        clearTimeout(hedge);
        hedge = setTimeout(ask, hedgeUs / 1000);
        this.#one(url + path, text, token, stop.signal).then((answer) => {
          this.#first = index;
          end(() => resolve(answer));
        }, (error) => {
          open--;
          reasons.set(url, reasonOf(error, url));
          if (next < tries) ask();
          else if (open === 0) fail(null);
        });
      };
      const deadline = setTimeout(() => {
        this.#renew();
        fail(reasons.size > 0 ? null : `${endpoints.join(", ")}: no answer within ${timeoutUs / 1000} ms`);
      }, timeoutUs / 1000);
      ask();
    });
  }

  /** New connections: those that there are may lead nowhere. */
  #renew(): void {
    const old = this.#client;
    this.#client = this.#open();
    // What runs over the old ones may still be answered.
    setTimeout(() => old.close(), this.#p.timeoutUs / 1000);
  }

  async #one(url: string, body: string, token: string | null, signal: AbortSignal): Promise<Answer> {
    const response = await fetch(url, {
      method: "POST",
      body,
      signal,
      client: this.#client,
      redirect: "error",
      headers: { "content-type": "application/json", ...(token === null ? {} : { authorization: token }) },
    });
    const text = await limited(response);
    const answer = parse(text);
    // No member of a store without a leader can do anything; another one may see more.
    if (response.status >= 500 && response.status !== 501) throw new StoreError(refusalText(response.status, answer));
    return { status: response.status, body: answer };
  }
}

async function limited(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length;
    if (bytes > ANSWER_MAX_BYTES) throw new StoreError("its answer is too long to be one of etcd's");
    chunks.push(chunk);
  }
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return new TextDecoder().decode(whole);
}

/** One JSON value; of a stream of them the first. What is none is the text that it is. */
function parse(text: string): unknown {
  const line = text.split("\n", 1)[0] ?? "";
  try {
    return JSON.parse(line);
  } catch {
    return line;
  }
}

function refusalText(status: number, answer: unknown): string {
  const said = (answer as { error?: unknown; message?: unknown } | null)?.error;
  return typeof said === "string" ? said.slice(0, REASON_MAX) : `status ${status}`;
}

/** What fetch says, without the address, and with the cause that matters. */
function reasonOf(error: unknown, url: string): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === "AbortError") return "no answer";
  const causes: string[] = [];
  for (let one: unknown = error; one instanceof Error && causes.length < 5; one = one.cause) causes.push(one.message);
  const text = causes.join(": ").replaceAll(/error sending request (for url )?(from [^ ]+ for )?\([^)]*\)(: )?/g, "")
    .replaceAll(url, "").trim();
  return (text === "" ? error.message : text).slice(0, REASON_MAX);
}
