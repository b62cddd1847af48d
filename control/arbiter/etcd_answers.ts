/** What etcd answers, read with suspicion. Pure. */
import { type Claim, StoreError } from "./store.ts";

export type Json = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** etcd's JSON has bytes as base64, and numbers of 64 bits as text. */
export function toBase64(text: string): string {
  return new TextEncoder().encode(text).toBase64();
}

function fromBase64(text: unknown): string | null {
  if (typeof text !== "string") return null;
  try {
    return new TextDecoder().decode(Uint8Array.fromBase64(text));
  } catch {
    return null;
  }
}

/** A number of 64 bits as etcd writes it, for which nothing stands for 0. */
function numberText(value: unknown): string | null {
  if (value === undefined) return "0";
  return typeof value === "string" && /^-?[0-9]{1,20}$/.test(value) ? value : null;
}

function nonsense(what: string): StoreError {
  return new StoreError(`its answer to ${what} is not one of etcd's`);
}

/** Of `lease/grant`. */
export function readGrant(answer: Json): { readonly id: string; readonly ttlUs: number } {
  const id = numberText(answer["ID"]), ttl = Number(numberText(answer["TTL"]) ?? NaN);
  if (id === null || id === "0" || !(ttl > 0)) throw nonsense("the grant of a lease");
  return { id, ttlUs: ttl * 1e6 };
}

/** Of `lease/keepalive`: microseconds, or null for a lease that has ended. */
export function readKeepAlive(answer: Json, id: string): number | null {
  const result = answer["result"];
  if (!isObject(result) || numberText(result["ID"]) !== id) throw nonsense("the renewal of a lease");
  const ttl = Number(numberText(result["TTL"]) ?? NaN);
  if (!(ttl >= 0)) throw nonsense("the renewal of a lease");
  return ttl === 0 ? null : ttl * 1e6;
}

export interface KeyState {
  readonly lease: string;
  readonly modRevision: string;
  /** Null where something else than a node of segue has written it. */
  readonly claim: Claim | null;
}

/** Of a transaction that puts the key, or else reads it: null if it has put it; "gone" if there was nothing to read. */
export function readClaim(answer: Json): null | "gone" | KeyState {
  if (answer["succeeded"] === true) return null;
  const [first] = Array.isArray(answer["responses"]) ? answer["responses"] as unknown[] : [];
  const range = isObject(first) ? first["response_range"] : undefined;
  if (!isObject(range)) throw nonsense("a transaction");
  const kvs = range["kvs"];
  if (kvs === undefined) return "gone";
  const [kv] = Array.isArray(kvs) ? kvs as unknown[] : [];
  if (!isObject(kv)) throw nonsense("a transaction");
  const lease = numberText(kv["lease"]), modRevision = numberText(kv["mod_revision"]);
  if (lease === null || modRevision === null) throw nonsense("a transaction");
  return { lease, modRevision, claim: readValue(fromBase64(kv["value"])) };
}

function readValue(text: string | null): Claim | null {
  try {
    const value: unknown = JSON.parse(text ?? "");
    if (!isObject(value)) return null;
    const { node, run, order } = value;
    return typeof node === "string" && typeof run === "string" && typeof order === "number"
      ? { node, run, order }
      : null;
  } catch {
    return null;
  }
}

/** Of `auth/authenticate`. */
export function readToken(answer: Json): string {
  const token = answer["token"];
  if (typeof token !== "string" || token === "") throw nonsense("the password");
  return token;
}

export type Refusal =
  /** Of a lease that does not exist. */
  | { readonly kind: "noLease" }
  /** The token has run out, or the rights have changed: ask with the password again. */
  | { readonly kind: "token" }
  | { readonly kind: "other"; readonly text: string };

/** What an answer with an error status means. */
export function readRefusal(status: number, answer: unknown): Refusal {
  const said = isObject(answer) ? answer["error"] ?? answer["message"] : answer;
  const inner = isObject(said) ? said["message"] : said;
  const text = typeof inner === "string" && inner !== ""
    ? inner.replace(/^etcdserver: /, "").slice(0, 200)
    : `status ${status}`;
  if (text.includes("requested lease not found")) return { kind: "noLease" };
  if (text.includes("invalid auth token") || text.includes("revision in header is old")) return { kind: "token" };
  if (text.includes("invalid user ID or password")) {
    return { kind: "other", text: `${text}: see user and password_file under [arbiter]` };
  }
  if (text.includes("CommonName of client")) {
    return {
      kind: "other",
      text: "it takes no client certificate with a common name here: make one with /O=segue alone",
    };
  }
  if (text.includes("user name is empty")) {
    return { kind: "other", text: "it wants a user: set user and password_file under [arbiter]" };
  }
  if (text.includes("permission denied")) {
    return { kind: "other", text: `${text}: grant the user's role readwrite on prefix under [arbiter]` };
  }
  return { kind: "other", text };
}
