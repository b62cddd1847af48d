/** What etcd 3.4 answers, as its gateway writes it, and what it never would. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { isObject, readClaim, readGrant, readKeepAlive, readRefusal, readToken, toBase64 } from "./etcd_answers.ts";

const HEADER = { cluster_id: "2908206383519104979", revision: "1", raft_term: "2" };
const VALUE = toBase64(JSON.stringify({ node: "a", run: "r", order: 3 }));
const kvs = (kv: unknown) => ({
  header: HEADER,
  responses: [{ response_range: { header: HEADER, kvs: [kv], count: "1" } }],
});

Deno.test("leases: granted, renewed, ended", () => {
  const id = "7369756046074625809";
  assert.deepEqual(readGrant({ header: HEADER, ID: id, TTL: "5" }), { id, ttlUs: 5_000_000 });
  assert.equal(readKeepAlive({ result: { header: HEADER, ID: id, TTL: "5" } }, id), 5_000_000);
  // A TTL of nothing is not sent: the lease has ended.
  assert.equal(readKeepAlive({ result: { header: HEADER, ID: id } }, id), null);
  assert.throws(() => readKeepAlive({ result: { header: HEADER, ID: "8", TTL: "5" } }, id), { name: "StoreError" });
});

Deno.test("a transaction: it is ours; somebody's; nobody's; not one of segue's", () => {
  assert.equal(readClaim({ header: HEADER, succeeded: true, responses: [{ response_put: {} }] }), null);
  const kv = {
    key: "L3NlZ3VlL2VkZ2U=",
    create_revision: "3",
    mod_revision: "4",
    version: "2",
    value: VALUE,
    lease: "9",
  };
  assert.deepEqual(readClaim(kvs(kv)), { lease: "9", modRevision: "4", claim: { node: "a", run: "r", order: 3 } });
  assert.equal(readClaim({ header: HEADER, responses: [{ response_range: { header: HEADER } }] }), "gone");
  for (const value of [undefined, "", "%%", toBase64("hello"), toBase64("[1]"), toBase64('{"node":1}')]) {
    assert.deepEqual(readClaim(kvs({ ...kv, value })), { lease: "9", modRevision: "4", claim: null });
  }
  // Written without a lease.
  const { lease: _, ...unleased } = kv;
  assert.equal((readClaim(kvs(unleased)) as { lease: string }).lease, "0");
});

Deno.test("refusals in people's words, with what to do", () => {
  const said = (status: number, answer: unknown) => readRefusal(status, answer);
  assert.deepEqual(said(404, { error: "etcdserver: requested lease not found", code: 5 }), { kind: "noLease" });
  assert.deepEqual(said(401, { error: "etcdserver: invalid auth token", code: 16 }), { kind: "token" });
  assert.deepEqual(said(400, { error: "etcdserver: revision in header is old", code: 3 }), { kind: "token" });
  assert.deepEqual(said(418, { teapot: true }), { kind: "other", text: "status 418" });
  assert.deepEqual(said(500, ""), { kind: "other", text: "status 500" });
  const long = said(400, { error: "x".repeat(10_000) });
  assert.ok(long.kind === "other" && long.text.length <= 200);
});

Deno.test("whatever is answered: only a transaction that says that it succeeded makes the key ours, and all else is read or refused", () => {
  const word = fc.constantFrom("ID", "TTL", "result", "responses", "response_range", "kvs", "lease", "value", "token");
  const json = fc.dictionary(word, fc.jsonValue({ maxDepth: 4 }));
  fc.assert(fc.property(json, fc.jsonValue(), (answer, any) => {
    const readers = [readGrant, (it: typeof answer) => readKeepAlive(it, "1"), readClaim, readToken];
    for (const read of readers) {
      try {
        if (read === readClaim) assert.notEqual(read(answer), null);
        else read(answer);
      } catch (error) {
        assert.equal((error as Error).name, "StoreError", String(error));
      }
    }
    assert.ok(isObject(readRefusal(400, any)));
  }));
});
