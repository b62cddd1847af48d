/** etcd as the arbiter's store, by the JSON gateway of its v3 API (3.4 and later): leases, transactions, user and password, TLS. */
import {
  isObject,
  type Json,
  readClaim,
  readGrant,
  readKeepAlive,
  readRefusal,
  readToken,
  toBase64,
} from "./etcd_answers.ts";
import { Http, type HttpParts } from "./http.ts";
import { type Claim, type Claimed, type Store, StoreError, type StoreLease } from "./store.ts";

export interface EtcdParts extends HttpParts {
  /** The key; its value says who has it. */
  readonly key: string;
  /** Whole seconds. */
  readonly ttlS: number;
  readonly user: string | null;
  readonly password: string | null;
}

/** A claim whose key vanishes while it is looked at, again and again, is no answer. */
const CLAIM_TRIES = 3;
/** A password is checked with bcrypt, which is meant to take its time, and more on a busy machine. */
const PASSWORD_PATIENCE = 10;
/** Each member forgets a token that it was not asked with for five minutes, and the next question may go to another one. */
const TOKEN_AGE_MAX_MS = 120_000;

export class Etcd implements Store {
  readonly #p: EtcdParts;
  readonly #http: Http;
  readonly #key: string;
  #token: { readonly text: string; readonly atMs: number } | null = null;

  /** Throws for a certificate or key that cannot be used. */
  constructor(parts: EtcdParts) {
    this.#p = parts;
    this.#http = new Http(parts);
    this.#key = toBase64(parts.key);
  }

  close(): void {
    this.#http.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  async grant(): Promise<StoreLease> {
    return readGrant(need(await this.#ask("/v3/lease/grant", { TTL: String(this.#p.ttlS) })));
  }

  async renew(id: string): Promise<number | null> {
    // Between claims there is time for it.
    if (this.#token !== null && performance.now() - this.#token.atMs > TOKEN_AGE_MAX_MS) this.#token = null;
    const answer = await this.#ask("/v3/lease/keepalive", { ID: id });
    return answer === null ? null : readKeepAlive(answer, id);
  }

  async revoke(id: string): Promise<void> {
    await this.#ask("/v3/lease/revoke", { ID: id });
  }

  async claim(id: string, claim: Claim): Promise<Claimed> {
    let compare: Json = { key: this.#key, target: "CREATE", result: "EQUAL", create_revision: "0" };
    for (let i = 0; i < CLAIM_TRIES; i++) {
      const answer = await this.#ask("/v3/kv/txn", this.#transaction(compare, id, claim));
      if (answer === null) return { kind: "leaseGone" };
      const state = readClaim(answer);
      if (state === null) return { kind: "ours" };
      if (state === "gone") {
        compare = { key: this.#key, target: "CREATE", result: "EQUAL", create_revision: "0" };
        continue;
      }
      if (state.lease === id) return { kind: "ours" };
      const owner = state.claim;
      if (owner === null) return { kind: "taken", by: `${this.#p.key} was written by somebody else than segue` };
      if (owner.node !== claim.node) return { kind: "taken", by: `${owner.node} has the arbiter's key` };
      // Of an earlier lease or run of this node: nobody else could count on it.
      compare = { key: this.#key, target: "MOD", result: "EQUAL", mod_revision: state.modRevision };
    }
    throw new StoreError(`${this.#p.key} changes all the time`);
  }

  #transaction(compare: Json, lease: string, claim: Claim): Json {
    return {
      compare: [compare],
      success: [{ request_put: { key: this.#key, value: toBase64(JSON.stringify(claim)), lease } }],
      failure: [{ request_range: { key: this.#key } }],
    };
  }

  /** Null: for want of a lease. */
  async #ask(path: string, body: Json): Promise<Json | null> {
    const { user } = this.#p;
    for (let again = false;; again = true) {
      if (user !== null) this.#token ??= await this.#authenticate(user);
      const { status, body: answer } = await this.#http.post(path, body, this.#token?.text ?? null);
      if (status === 200 && isObject(answer)) return answer;
      if (status === 200) throw new StoreError("its answer is not one of etcd's");
      const refusal = readRefusal(status, answer);
      if (refusal.kind === "noLease") return null;
      if (refusal.kind === "token" && user !== null && !again) {
        this.#token = null;
        continue;
      }
      throw new StoreError(refusal.kind === "token" ? "it does not accept its own token" : refusal.text);
    }
  }

  async #authenticate(user: string): Promise<{ readonly text: string; readonly atMs: number }> {
    const atMs = performance.now();
    const { status, body } = await this.#http.post(
      "/v3/auth/authenticate",
      { name: user, password: this.#p.password ?? "" },
      null,
      PASSWORD_PATIENCE,
    );
    if (status === 200 && isObject(body)) return { text: readToken(body), atMs };
    const refusal = readRefusal(status, body);
    throw new StoreError(refusal.kind === "other" ? refusal.text : "it does not take the password");
  }
}

function need(answer: Json | null): Json {
  if (answer === null) throw new StoreError("it says that a lease is not there which was only asked for");
  return answer;
}
