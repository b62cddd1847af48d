/** Two copies, played at random and by hand. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type CopyMessage, decodeCopyMessage } from "./messages.ts";
import type { Replica } from "./replica.ts";
import { bytesOf, contentOf, Pair, text } from "../../../tests/simulation/two_copies.ts";

type Op =
  | { op: "write"; node: number; key: string; remove: boolean }
  | { op: "deliver"; node: number; channel: 0 | 1; count: number }
  | { op: "sync" | "start" | "serve" | "work" | "lose"; node: number }
  | { op: "crash"; node: number; keep: number }
  | { op: "connect" | "disconnect" | "settle" };

const node = fc.constantFrom(0, 1);
const op: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("write" as const),
      node,
      key: fc.constantFrom("a", "b", "c", "d"),
      remove: fc.oneof({ weight: 4, arbitrary: fc.constant(false) }, fc.constant(true)),
    }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      op: fc.constant("deliver" as const),
      node,
      channel: fc.constantFrom<0 | 1>(0, 1),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ op: fc.constantFrom("sync" as const, "start" as const, "work" as const), node }),
  },
  { weight: 3, arbitrary: fc.record({ op: fc.constant("serve" as const), node }) },
  fc.record({ op: fc.constant("crash" as const), node, keep: fc.nat(3) }),
  fc.record({ op: fc.constant("lose" as const), node }),
  { weight: 3, arbitrary: fc.record({ op: fc.constantFrom("connect" as const, "settle" as const) }) },
  fc.record({ op: fc.constant("disconnect" as const) }),
);

function play(ops: readonly Op[]): Pair {
  const pair = new Pair();
  for (const one of ops) {
    switch (one.op) {
      case "write":
        pair.write(one.node, one.key, one.remove);
        break;
      case "deliver":
        for (let i = 0; i < one.count; i++) pair.deliver(one.node, one.channel);
        break;
      case "crash":
        pair.crash(one.node, one.keep);
        break;
      case "sync":
      case "start":
      case "serve":
      case "work":
      case "lose":
        pair[one.op](one.node);
        break;
      default:
        pair[one.op]();
    }
  }
  return pair;
}

Deno.test("any history: what was acknowledged is there, and both copies are the same in the end", () => {
  fc.assert(
    fc.property(fc.array(op, { minLength: 10, maxLength: 120 }), (ops) => {
      play(ops).assertConverged();
    }),
    { numRuns: 3000 },
  );
});

/** A pair in which 0 serves, 1 follows, and `count` writes are everywhere. */
function following(count = 3): Pair {
  const pair = new Pair();
  pair.connect();
  pair.settle();
  pair.serve(0);
  pair.settle();
  for (let i = 0; i < count; i++) pair.write(0, `k${i}`, false);
  pair.settle();
  return pair;
}

Deno.test("a follower acknowledges what it has, and what is on its disk apart", () => {
  const pair = following();
  const source = pair.nodes[0].replica!;
  assert.deepEqual([source.followed, source.peerReceived, source.peerDurable], [true, 3, 0]);
  pair.sync(1);
  pair.settle();
  assert.equal(source.peerDurable, 3);
});

Deno.test("a tail that nobody heard is set aside, and its keys are as the other one has them", () => {
  const pair = following();
  pair.disconnect();
  pair.write(0, "k1", false);
  pair.write(0, "alone", false);
  pair.write(0, "k2", true);
  pair.crash(0, 99);
  pair.serve(1);
  pair.write(1, "k0", false);
  pair.start(0);
  pair.connect();
  pair.settle();
  const returned = pair.nodes[0].replica!;
  assert.equal(returned.following, true);
  assert.deepEqual(contentOf(returned.table), contentOf(pair.nodes[1].replica!.table));
  assert.deepEqual(pair.nodes[0].events, ["orphans"]);
  assert.deepEqual(
    pair.nodes[0].disk.restore().orphans.map(({ key, value }) => [key, text(value)]),
    [["k1", "v4"], ["alone", "v5"], ["k2", null]],
  );
});

Deno.test("later rows on the disk than it claims are no orphans where the other copy has them, or has later ones", () => {
  const pair = following(3);
  for (const index of [0, 1]) pair.sync(index);
  pair.write(0, "k0", false);
  pair.write(0, "k1", false);
  pair.settle();
  pair.crash(1, 3);
  assert.deepEqual([pair.nodes[1].disk.restore().lsn, pair.nodes[1].disk.restore().table.lsn], [4, 5]);
  pair.write(0, "k1", false);
  pair.start(1);
  pair.connect();
  pair.settle();
  assert.deepEqual([pair.nodes[1].events, pair.nodes[1].disk.restore().orphans], [[], []]);
  pair.assertConverged();
});

Deno.test("a catch-up that is broken off leaves the copy as it was", () => {
  const pair = following(3);
  pair.disconnect();
  pair.write(0, "k1", false);
  pair.serve(1);
  pair.connect();
  // As far as the offer.
  pair.deliver(0, 0);
  pair.deliver(0, 0);
  pair.deliver(1, 0);
  pair.deliver(1, 0);
  const old = pair.nodes[0].replica!;
  assert.equal(text(old.table.get("k1")?.value ?? null), null, "set aside for the time being");
  pair.disconnect();
  assert.equal(text(old.table.get("k1")!.value), "v4");
  assert.equal(old.lsn, 4);
});

Deno.test("writes that come during a catch-up are in it; the follower's table changes in one step", () => {
  const pair = following(0);
  pair.crash(1, 0);
  for (let i = 0; i < 50; i++) pair.write(0, `k${i}`, false);
  pair.start(1);
  pair.connect();
  for (let i = 0; i < 3; i++) for (const from of [0, 1]) pair.deliver(from, 0);
  pair.write(0, "k0", false);
  pair.write(0, "late", false);
  pair.deliver(0, 0);
  pair.deliver(0, 1);
  const follower = pair.nodes[1].replica!;
  assert.deepEqual([follower.lsn, follower.following], [0, false]);
  pair.settle();
  assert.deepEqual([follower.lsn, follower.following], [52, true]);
  assert.deepEqual(contentOf(follower.table), contentOf(pair.nodes[0].replica!.table));
});

Deno.test("a large catch-up is applied bit by bit, claims nothing until it is whole, and is finished when the other one goes", () => {
  for (const ending of ["work", "disconnect", "serve"] as const) {
    const pair = following(3);
    pair.sync(1);
    pair.disconnect();
    for (let i = 0; i < 20; i++) pair.write(0, `k${i}`, false);
    pair.connect();
    for (let i = 0; i < 60; i++) {
      for (const channel of [0, 1] as const) pair.deliver(i % 2, channel);
      pair.work(0);
    }
    pair.write(0, "late", false);
    pair.deliver(0, 0);
    const follower = pair.nodes[1].replica!;
    assert.deepEqual([follower.lsn, follower.following, follower.fit], [3, false, true]);
    assert.ok(follower.table.lsn > 3 && follower.table.lsn < 23, `applied up to ${follower.table.lsn}`);
    if (ending === "work") pair.settle();
    else if (ending === "disconnect") pair.disconnect();
    else {
      follower.serve(++pair.epoch);
      pair.nodes[0].replica!.leave();
    }
    assert.equal(follower.lsn, 24, ending);
    assert.deepEqual(contentOf(follower.table), contentOf(pair.nodes[0].replica!.table));
    pair.assertConverged();
  }
});

Deno.test("an empty copy is not served before it is whole", () => {
  const pair = following(0);
  pair.crash(1, 0);
  for (let i = 0; i < 5; i++) pair.write(0, `k${i}`, false);
  pair.start(1);
  pair.connect();
  for (let i = 0; i < 3; i++) for (const from of [0, 1]) pair.deliver(from, 0);
  const empty = pair.nodes[1].replica!;
  assert.deepEqual([empty.copying, empty.fit], [true, false]);
  pair.disconnect();
  assert.equal(empty.fit, false);
  pair.assertConverged();
});

Deno.test("behind the floor everything is copied, and a copy that is broken off is worth nothing", () => {
  const pair = following(3);
  pair.crash(1, 99);
  pair.write(0, "k0", true);
  pair.write(0, "k1", true);
  pair.write(0, "x", false);
  pair.nodes[0].replica!.table.compact(0);
  pair.start(1);
  pair.connect();
  for (let i = 0; i < 4; i++) for (const from of [0, 1]) pair.deliver(from, 0);
  const follower = pair.nodes[1].replica!;
  assert.deepEqual([follower.copying, follower.fit, follower.lsn], [true, false, 0]);
  pair.disconnect();
  assert.equal(follower.fit, false);
  pair.crash(1, 99);
  pair.start(1);
  assert.equal(pair.nodes[1].replica!.fit, false, "nor after a restart");
  pair.assertConverged();
});

Deno.test("where nobody serves, the older copy waits for the newer one", () => {
  const pair = following(3);
  pair.disconnect();
  pair.write(0, "late", false);
  for (const index of [0, 1]) pair.sync(index);
  for (const index of [0, 1]) pair.crash(index, 0);
  for (const index of [0, 1]) pair.start(index);
  pair.connect();
  assert.deepEqual(pair.nodes.map((one) => one.replica!.fit), [null, null], "not before both have told");
  for (const from of [0, 1]) pair.deliver(from, 0);
  assert.deepEqual(pair.nodes.map((one) => one.replica!.fit), [true, false]);
  pair.settle();
  assert.deepEqual(pair.nodes.map((one) => one.replica!.fit), [true, true]);
  assert.equal(pair.nodes[1].replica!.lsn, 4);
});

Deno.test("a gap in what is written live is noticed, and mended from the beginning", () => {
  const pair = following(3);
  pair.write(0, "k0", false);
  pair.nodes[0].wires[0].length = 0;
  pair.write(0, "k1", false);
  pair.settle();
  assert.equal(pair.nodes[1].refused, 1);
  pair.assertConverged();
});

Deno.test("messages that fit nothing are refused and do nothing", () => {
  const pair = following(3);
  const [a, b] = pair.nodes.map((one) => one.replica!) as [Replica, Replica];
  const rows = new Uint8Array(9);
  const nonsense: CopyMessage[] = [
    { kind: "ready", group: 0, sync: 77, keys: [] },
    { kind: "done", group: 0, sync: 77, lsn: 0 },
    { kind: "ack", group: 0, sync: 77, received: 1, durable: 1 },
    { kind: "rows", group: 0, sync: 77, live: true, urgent: false, more: false, first: 4, last: 4, rows },
    { kind: "reign", group: 0, sync: 77, reign: { epoch: 9, firstLsn: 9 } },
  ];
  for (const message of nonsense) {
    for (const replica of [a, b]) assert.equal(replica.receive(message), false, message.kind);
  }
  assert.equal(
    a.receive({ kind: "sync", group: 0, sync: 1, common: 0, whole: true, upTo: 9, floor: 0, reigns: [] }),
    false,
  );
  pair.settle();
  assert.equal(contentOf(b.table).length, 3);
  pair.assertConverged();
});

Deno.test("what the disk says of rows that were cut off since says nothing of those that came in their place", () => {
  const pair = following();
  pair.disconnect();
  pair.write(0, "alone", false);
  const returning = pair.nodes[0].replica!, { lsn, lineage } = returning;
  pair.serve(1);
  pair.connect();
  pair.settle();
  pair.write(1, "later", false);
  pair.settle();
  assert.ok(returning.lsn >= lsn);
  returning.durable(lsn, lineage);
  returning.flushAck();
  pair.settle();
  assert.ok(pair.nodes[1].replica!.peerDurable < lsn);
  returning.durable(lsn, returning.lineage);
  returning.flushAck();
  pair.settle();
  assert.equal(pair.nodes[1].replica!.peerDurable, lsn);
});

Deno.test("a key that is written again during a catch-up is not acknowledged before its last version has come", () => {
  const pair = following();
  pair.disconnect();
  pair.write(0, "k0", false);
  pair.connect();
  // What each has, then the offer.
  for (const from of [0, 1, 0]) pair.deliver(from, 0);
  const [source, follower] = pair.nodes.map((one) => one.replica!) as [Replica, Replica];
  // Before the follower is heard to be ready, the key that it lacks gets another version: that comes live alone.
  pair.write(0, "k0", false);
  while (pair.nodes[1].wires[0].length > 0) pair.deliver(1, 0);
  const live = pair.nodes[0].wires[0].splice(0);
  while (pair.nodes[0].wires[1].length > 0) pair.deliver(0, 1);
  while (pair.nodes[1].wires[0].length > 0) pair.deliver(1, 0);
  assert.deepEqual([follower.following, source.followed], [false, false]);
  pair.nodes[0].wires[0].push(...live);
  pair.settle();
  assert.deepEqual([follower.following, source.followed, source.peerReceived], [true, true, source.lsn]);
  pair.assertConverged();
});

Deno.test("a copy that has started since is not fit beside a later one, until it has caught up once", () => {
  const pair = following();
  pair.crash(1, 0);
  pair.start(1);
  pair.connect();
  const restarted = pair.nodes[1].replica!;
  while (pair.nodes[0].wires[0].length > 0) pair.deliver(0, 0);
  assert.equal(restarted.fit, false);
  pair.settle();
  assert.equal(restarted.fit, true);
  pair.disconnect();
  pair.write(0, "k0", false);
  pair.connect();
  while (pair.nodes[0].wires[0].length > 0) pair.deliver(0, 0);
  assert.deepEqual([restarted.following, restarted.fit], [false, true], "what it lacks now was promised to nobody");
});

Deno.test("a source that leaves in the middle of its offer: the follower waits for it no longer, and the newer copy offers", () => {
  const pair = following();
  pair.disconnect();
  pair.write(0, "alone", false);
  pair.serve(1);
  pair.write(1, "later", false);
  const [older, newer] = pair.nodes.map((one) => one.replica!) as [Replica, Replica];
  // The role machine has ended both reigns; the older one's main thread does not know it yet.
  newer.leave();
  pair.connected = true;
  for (const replica of [older, newer]) replica.connected();
  pair.deliver(1, 0);
  older.leave();
  pair.settle();
  assert.deepEqual([older.following, newer.fit], [true, true]);
  pair.assertConverged();
});

Deno.test("a batch of several messages that is cut in the midst is not at the follower at all, whoever serves then", () => {
  for (let came = 0; came <= 5; came++) {
    const pair = new Pair();
    pair.serve(0);
    for (let i = 0; i < 3; i++) pair.write(0, `k${i}`, false);
    pair.connect();
    pair.settle();
    const [source, follower] = pair.nodes.map(({ replica }) => replica!) as [Replica, Replica];
    const before = contentOf(follower.table);
    source.write(["k0", "new1", "k1", "new2", "k0"].map((key, i) => ({ key, value: bytesOf(`batch${i}`) })));
    assert.equal(pair.nodes[0].wires[0].length, 5, "one message for each row");
    for (let i = 0; i < came; i++) pair.deliver(0, 0);
    pair.crash(0, 999);
    pair.serve(1);
    assert.equal(follower.serving, true);
    assert.deepEqual(contentOf(follower.table), came === 5 ? contentOf(source.table) : before, `${came} messages came`);
    assert.equal(follower.lsn, came === 5 ? 8 : 3);
    pair.assertConverged();
  }
});

Deno.test("a batch that is cut while its follower is brought up to date is not there in part either", () => {
  for (let came = 0; came <= 12; came++) {
    const pair = new Pair();
    pair.serve(0);
    pair.write(0, "k0", false);
    pair.connect();
    pair.settle();
    pair.disconnect();
    pair.write(0, "k1", false);
    pair.connect();
    const [source, follower] = pair.nodes.map(({ replica }) => replica!) as [Replica, Replica];
    for (const from of [0, 1, 0, 1]) pair.deliver(from, 0);
    for (let i = 0; i < 3; i++) pair.work(0);
    assert.equal(decodeCopyMessage(pair.nodes[0].wires[1].at(-1)!)?.kind, "done");
    // All of the catch-up is under way, and what is written now comes live, before it is applied.
    source.write(["a", "b", "c", "d"].map((key) => ({ key, value: bytesOf("batch") })));
    for (let i = 0; i < came; i++) {
      for (const channel of [1, 0] as const) pair.deliver(0, channel);
      if (i % 2 === 0) pair.work(1);
    }
    pair.crash(0, 999);
    pair.serve(1);
    const there = ["a", "b", "c", "d"].filter((key) => follower.table.get(key) !== null).length;
    assert.ok(there === 0 || there === 4, `${there} of 4 after ${came} turns`);
  }
});
