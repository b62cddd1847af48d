/** The client against a real etcd with TLS, client certificates, a user and a password; and against what is none. */
import assert from "node:assert/strict";
import { loadConfig } from "../../config/load.ts";
import type { PairConfig } from "../../config/model.ts";
import { Keeper } from "../../control/arbiter/keeper.ts";
import { openEtcd } from "../../control/arbiter/open.ts";
import type { Claim } from "../../control/arbiter/store.ts";
import type { ArbiterWord } from "../../control/core/arbiter.ts";
import { SYSTEM_CLOCK } from "../../control/state/clock.ts";
import { EtcdServer } from "./etcd_server.ts";
import { PAIR } from "./pair_text.ts";

function configOf(table: string): PairConfig {
  const loaded = loadConfig(PAIR + table);
  assert.ok("config" in loaded, JSON.stringify(loaded));
  return loaded.config;
}

const claimOf = (node: string, order = 1): Claim => ({ node, run: `${node}-run`, order });
const A = claimOf("a"), B = claimOf("b");

/** Why nobody answers, in words. */
async function failure(config: PairConfig): Promise<string> {
  try {
    using etcd = await openEtcd(config);
    await etcd.grant();
    return "";
  } catch (error) {
    assert.equal((error as Error).name, "StoreError", String(error));
    return (error as Error).message;
  }
}

Deno.test("one key for two: who commits first has it, until the lease ends or is given back", async () => {
  await using server = await new EtcdServer({ port: 23790 }).start();
  const config = configOf(server.table('ttl = "2s"'));
  using etcd = await openEtcd(config);
  const one = await etcd.grant();
  let two = await etcd.grant();
  assert.equal(one.ttlUs, 2_000_000);
  assert.deepEqual(await etcd.claim(one.id, A), { kind: "ours" });
  assert.deepEqual(await etcd.claim(one.id, A), { kind: "ours" }, "twice is once");
  assert.deepEqual(await etcd.claim(two.id, B), { kind: "taken", by: "a has the arbiter's key" });
  assert.match(server.ctl(["get", "/segue/edge"]), /"node":"a"/);
  // Of another lease of the same node, whose earlier one is ended too late.
  const three = await etcd.grant();
  assert.deepEqual(await etcd.claim(three.id, claimOf("a", 2)), { kind: "ours" });
  await etcd.revoke(one.id);
  assert.match(server.ctl(["get", "/segue/edge"]), /"order":2/);
  assert.deepEqual(await etcd.claim(one.id, A), { kind: "leaseGone" }, "a claim that comes late is nothing");
  await etcd.revoke(three.id);
  assert.equal(await etcd.renew(three.id), null);
  two = await etcd.grant();
  assert.deepEqual(await etcd.claim(two.id, B), { kind: "ours" });
  const until = performance.now() + 5000;
  while (performance.now() < until) {
    assert.equal(await etcd.renew(two.id), 2_000_000);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
  assert.match(server.ctl(["get", "/segue/edge"]), /"node":"b"/);
  await new Promise((resolve) => setTimeout(resolve, 4000));
  assert.equal(server.ctl(["get", "/segue/edge"]), "");
  // What is not ours to read is not ours to have.
  server.ctl(["put", "/segue/edge", "hello"]);
  const four = await etcd.grant();
  const claimed = await etcd.claim(four.id, A);
  assert.ok(claimed.kind === "taken" && /written by somebody else/.test(claimed.by));
});

Deno.test("a token that etcd has forgotten: asked again with the password", async () => {
  await using server = await new EtcdServer({ port: 23800 }).start();
  using etcd = await openEtcd(configOf(server.table()));
  await etcd.grant();
  await server.stop();
  await server.start();
  assert.equal((await etcd.grant()).ttlUs, 10_000_000);
});

Deno.test("what is wrong is told, with what to do", async () => {
  await using server = await new EtcdServer({ port: 23810 }).start();
  const good = server.table(), bad = (from: string | RegExp, to: string) => failure(configOf(good.replace(from, to)));
  assert.equal(await failure(configOf(good)), "");
  Deno.writeTextFileSync(`${server.folder}/wrong`, "guess\n");
  assert.match(await bad(server.passwordFile, `${server.folder}/wrong`), /invalid user ID or password: see user and/);
  const claiming = async (table: string) => {
    using etcd = await openEtcd(configOf(table));
    await etcd.claim((await etcd.grant()).id, A);
  };
  // A lease is anybody's; the key is not.
  await assert.rejects(
    claiming(good.replace(/user = .*\npassword_file = .*\n/, "")),
    /wants a user: set user and password_file/,
  );
  await assert.rejects(
    claiming(good.replace("[arbiter]", '[arbiter]\nprefix = "/others/"')),
    /permission denied: grant the user's role readwrite on prefix/,
  );
  assert.match(await bad(/ca_file = .*\n/, ""), /certificate/i);
  assert.match(await bad(/cert_file = .*\ncert_key_file = .*\n/, ""), /certificate/i);
  assert.match(await bad(server.ca, "/nowhere.pem"), /\/nowhere\.pem is not there/);
  assert.match(await bad(server.ca, server.passwordFile), /password is not a PEM file/);
  assert.match(await bad(server.client.key, server.ca), /cannot be used/);
  const named = server.certificates.issue("named", ["127.0.0.1"]);
  const withName = good.replace(server.client.cert, named.cert).replace(server.client.key, named.key);
  assert.match(await failure(configOf(withName)), /no client certificate with a common name/);
  assert.match(await bad("https://127.0.0.1:23810", "https://127.0.0.1:23899"), /refused/i);
  server.freeze(true);
  assert.match(await failure(configOf(good)), /no answer/);
  server.freeze(false);
});

Deno.test("a certificate of etcd's that has run out is refused, and said to have", async () => {
  await using server = await new EtcdServer({ port: 23820, days: 0 }).start();
  await new Promise((resolve) => setTimeout(resolve, 2000));
  assert.match(await failure(configOf(server.table())), /expired|NotValid|certificate/i);
});

Deno.test("a member that does not answer costs a moment, not the answer", async () => {
  await using server = await new EtcdServer({ port: 23830 }).start();
  // Takes connections, and says nothing.
  using mute = Deno.listen({ hostname: "127.0.0.1", port: 23833 });
  void (async () => {
    for await (const _ of mute);
  })();
  const table = server.table().replace("etcd = [", 'etcd = ["https://127.0.0.1:23833", ');
  using etcd = await openEtcd(configOf(table));
  const from = performance.now();
  await etcd.grant();
  const tookMs = performance.now() - from;
  // Of the ten seconds that a password may take.
  assert.ok(tookMs < 8000, `${tookMs} ms`);
  await etcd.grant();
});

const GARBAGE: readonly (readonly [string, (request: Request) => Response])[] = [
  ["not JSON", () => new Response("<html>")],
  ["nothing", () => new Response("")],
  ["another object", () => Response.json({ hello: "world" })],
  ["a list", () => Response.json([1, 2])],
  ["a lease without a number", () => Response.json({ ID: "x", TTL: "10", result: {}, succeeded: 1 })],
  ["a time that is none", () => Response.json({ ID: "1", TTL: "-5", result: { ID: "1", TTL: "x" } })],
  ["no end", () => new Response("x".repeat(200_000))],
  ["a redirection", () => Response.redirect("http://127.0.0.1:23843/elsewhere")],
  ["a refusal", () => Response.json({ error: "no", code: 3 }, { status: 400 })],
  ["a fault", () => Response.json({ error: "etcdserver: no leader" }, { status: 503 })],
  [
    "a transaction that read nothing and everything",
    () => Response.json({ succeeded: false, responses: [{ response_range: { kvs: [7] } }] }),
  ],
];

Deno.test("garbage is no answer: each is an error of the store, nobody is told that the key is ours", async () => {
  let answer: (request: Request) => Response = () => new Response("");
  await using _server = Deno.serve({ port: 23843, hostname: "127.0.0.1", onListen: () => {} }, (it) => answer(it));
  const config = configOf('[arbiter]\netcd = ["http://127.0.0.1:23843"]\n');
  for (const [what, make] of GARBAGE) {
    answer = make;
    using etcd = await openEtcd(config);
    for (const ask of [() => etcd.grant(), () => etcd.renew("1"), () => etcd.claim("1", A)]) {
      await assert.rejects(ask, { name: "StoreError" }, what);
    }
  }
});

// ---- the keeper

function keeperFor(etcd: Awaited<ReturnType<typeof openEtcd>>, node: string) {
  const words: ArbiterWord[] = [], healths: (string | null)[] = [];
  const keeper = new Keeper({
    store: etcd,
    clock: SYSTEM_CLOCK,
    node,
    run: `${node}-run`,
    renewUs: () => 500_000,
    tell: (_order, word) => words.push(word),
    health: (reason) => healths.push(reason),
  });
  keeper.start();
  return { keeper, words, healths };
}

async function until(what: string, happens: () => boolean, ms = 10_000): Promise<void> {
  const end = performance.now() + ms;
  while (!happens()) {
    assert.ok(performance.now() < end, `not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

Deno.test("the keeper: claims in one request, keeps what it has, gives it back, and tells of an etcd that stands still", async () => {
  await using server = await new EtcdServer({ port: 23850 }).start();
  const config = configOf(server.table('ttl = "3s"'));
  using etcdA = await openEtcd(config), etcdB = await openEtcd(config);
  const a = keeperFor(etcdA, "a"), b = keeperFor(etcdB, "b");
  await until("both have been answered", () => a.healths.includes(null) && b.healths.includes(null));
  const from = SYSTEM_CLOCK.nowUs();
  a.keeper.claim(1);
  await until("it is ours", () => a.words.length > 0);
  const [first] = a.words;
  assert.ok(
    first!.word === "held" && first!.untilUs > from + 1_000_000 && first!.untilUs <= SYSTEM_CLOCK.nowUs() + 3_000_000,
  );
  b.keeper.claim(1);
  await until("it is taken", () => b.words.some(({ word }) => word === "taken"));
  assert.deepEqual(b.words.at(-1), { word: "taken", reason: "a has the arbiter's key" });
  assert.equal(b.keeper.status().refused, "a has the arbiter's key");
  await new Promise((resolve) => setTimeout(resolve, 6000));
  assert.ok(a.words.every(({ word }) => word === "held") && b.words.every(({ word }) => word === "taken"));
  a.keeper.release(1);
  await until("the other one gets it", () => b.words.some(({ word }) => word === "held"), 2000);
  server.freeze(true);
  await until("no answer is told", () => b.words.at(-1)!.word === "failed");
  assert.match(b.healths.at(-1)!, /no answer/);
  const held = b.words.findLast((one) => one.word === "held");
  assert.ok(held!.word === "held" && held!.untilUs < SYSTEM_CLOCK.nowUs() + 3_000_000);
  server.freeze(false);
  await until("and again", () => b.words.at(-1)!.word === "held" && b.healths.at(-1) === null);
  await Promise.all([a.keeper.close(), b.keeper.close()]);
  assert.equal(server.ctl(["get", "/segue/edge"]), "");
});
