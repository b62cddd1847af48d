/** A copy that is brought up to date while writes go on, and a table that goes to the disk bit by bit: what leaves, in which turns, and what is claimed. */
import assert from "node:assert/strict";
import { bytesOf, contentOf, Pair } from "../../../tests/simulation/two_copies.ts";
import { type CopyMessage, decodeCopyMessage } from "./messages.ts";
import { encodeRows } from "./packed.ts";
import type { Replica } from "./replica.ts";

/** 0 serves, 1 is empty and has just been offered everything: `count` keys. */
function offered(count: number): Pair {
  const pair = new Pair();
  pair.serve(0);
  for (let i = 0; i < count; i++) pair.write(0, `k${i}`, false);
  pair.connect();
  for (const from of [0, 1, 0]) pair.deliver(from, 0);
  return pair;
}

const replicas = (pair: Pair) => pair.nodes.map(({ replica }) => replica!) as [Replica, Replica];

/** What is on the way from a node, decoded. */
function underWay(pair: Pair, from: number): CopyMessage[] {
  return pair.nodes[from]!.wires.flat().map((bytes) => decodeCopyMessage(bytes)!);
}

const rowsOf = (messages: readonly CopyMessage[]) => messages.flatMap((one) => one.kind === "rows" ? [one] : []);

Deno.test("a key that is written a hundred times during the copy goes once, and nothing of it waits at the follower", () => {
  const pair = offered(20);
  const [source, follower] = replicas(pair);
  let late = 0;
  for (let turn = 0; turn < 200 && !source.followed; turn++) {
    if (turn < 10) { for (let i = 0; i < 10; i++) pair.write(0, "k3", false); }
    late += rowsOf(underWay(pair, 0)).filter(({ live }) => live).length;
    for (const from of [0, 1]) for (const channel of [0, 1] as const) pair.deliver(from, channel);
    for (const index of [0, 1]) pair.work(index);
  }
  assert.deepEqual([source.followed, follower.following], [true, true]);
  assert.ok(late < 5, `${late} messages of 100 writes`);
  pair.assertConverged();
});

Deno.test("one piece leaves in a turn, one is applied in a turn, and others come between", () => {
  const pair = offered(20);
  const [, follower] = replicas(pair);
  pair.deliver(1, 0);
  const sent = () => rowsOf(underWay(pair, 0)).length;
  assert.equal(sent(), 1);
  pair.work(0);
  assert.equal(sent(), 2);
  pair.work(0);
  // Here the channel has no more room.
  pair.work(0);
  assert.equal(sent(), 3);
  for (let i = 0; i < 3; i++) pair.deliver(0, 1);
  assert.equal(follower.table.keys, 1);
  pair.work(1);
  assert.equal(follower.table.keys, 2);
  pair.assertConverged();
});

Deno.test("nothing of a catch-up is sent any more when it has been replaced", () => {
  const pair = offered(20);
  pair.deliver(1, 0);
  pair.disconnect();
  pair.work(0);
  assert.deepEqual(underWay(pair, 0), []);
  pair.connect();
  pair.work(0);
  assert.deepEqual(rowsOf(underWay(pair, 0)), []);
  pair.assertConverged();
});

Deno.test("who writes more than can be sent is told so; when that ends, the follower is brought up to date", () => {
  const pair = offered(5);
  const [source] = replicas(pair);
  let outrun = 0;
  for (let turn = 0; turn < 2000 && !source.followed; turn++) {
    // Ten writes for each piece that leaves, unless they are held up.
    if (source.outrun) outrun++;
    else for (let i = 0; i < 10; i++) pair.write(0, `w${turn}.${i}`, false);
    for (const from of [0, 1]) for (const channel of [0, 1] as const) pair.deliver(from, channel);
    for (const index of [0, 1]) pair.work(index);
  }
  assert.ok(outrun > 0);
  assert.equal(source.followed, true);
  pair.assertConverged();
});

Deno.test("a catch-up is long if it is of many rows, or does not fit into the channel; not if LSNs alone are many", () => {
  const few = offered(20);
  assert.equal(replicas(few)[0].catchUpIsLong, false);
  few.deliver(1, 0);
  for (let i = 0; i < 3; i++) few.work(0);
  assert.equal(replicas(few)[0].catchUpIsLong, true, "there was no more room");
  few.settle();
  assert.equal(replicas(few)[0].catchUpIsLong, false, "it is over");

  const hot = new Pair(), many = new Pair();
  for (const [pair, keys] of [[hot, 5], [many, 20_000]] as const) {
    pair.serve(0);
    const writes = Array.from({ length: 20_000 }, (_, i) => ({ key: `k${i % keys}`, value: bytesOf("v") }));
    pair.nodes[0].replica!.write(writes);
    pair.connect();
    for (const from of [0, 1]) pair.deliver(from, 0);
    assert.equal(pair.nodes[0].replica!.catchUpIsLong, keys > 5);
  }
});

Deno.test("a file that was lost is written anew in turns; until that is done the disk says that it is not whole", () => {
  const pair = offered(20);
  pair.settle();
  const [source] = replicas(pair), { disk } = pair.nodes[0];
  pair.sync(0);
  assert.equal(source.durableLsn, 20);
  pair.lose(0);
  assert.equal(source.durableLsn, 0);
  let turns = 0;
  for (; disk.restore().copying; turns++) {
    assert.ok(turns < 100);
    // As does what is written meanwhile, wherever it stands.
    pair.write(0, turns % 2 === 0 ? "k0" : `late${turns}`, false);
    assert.equal(disk.restore().copying, true);
    pair.sync(0);
    assert.equal(source.durableLsn, 0, "what is on the disk in part is not on the disk");
    pair.work(0);
  }
  assert.ok(turns > 15, `${turns} turns`);
  pair.sync(0);
  assert.deepEqual([contentOf(disk.restore().table), source.durableLsn], [contentOf(source.table), source.lsn]);
  pair.assertConverged();
});

Deno.test("rows that are out of the table while its file is written anew, and come back, are on the disk as well", () => {
  const pair = offered(10);
  pair.settle();
  pair.disconnect();
  for (let i = 0; i < 5; i++) pair.write(0, `alone${i}`, false);
  pair.serve(1);
  const [old] = replicas(pair), { disk } = pair.nodes[0];
  pair.lose(0);
  pair.connect();
  while (old.table.get("alone0") !== null) for (const from of [1, 0]) pair.deliver(from, 0);
  for (let i = 0; i < 40; i++) pair.work(0);
  assert.equal(disk.restore().copying, true, "it waits for what becomes of them");
  pair.disconnect();
  assert.notEqual(old.table.get("alone0"), null);
  for (let i = 0; i < 40; i++) pair.work(0);
  assert.deepEqual([contentOf(disk.restore().table), disk.restore().copying], [contentOf(old.table), false]);
  pair.assertConverged();
});

Deno.test("a catch-up that is in the table goes to the disk in turns, and a crash between two of them leaves no copy that counts", () => {
  for (let turns = 0; turns < 25; turns++) {
    const pair = offered(3);
    pair.settle();
    for (const index of [0, 1]) pair.sync(index);
    pair.disconnect();
    for (let i = 0; i < 20; i++) pair.write(0, `k${i}`, false);
    pair.connect();
    const [source, follower] = replicas(pair);
    for (let i = 0; !follower.following; i++) {
      assert.ok(i < 200);
      for (const from of [0, 1]) for (const channel of [0, 1] as const) pair.deliver(from, channel);
      pair.work(0);
      if (!follower.following) pair.work(1);
    }
    for (let i = 0; i < turns; i++) pair.work(1);
    pair.crash(1, 999);
    const { table, copying } = pair.nodes[1].disk.restore();
    if (!copying) assert.deepEqual(contentOf(table), contentOf(source.table));
    assert.equal(copying, turns < 20, `after ${turns} turns`);
    pair.assertConverged();
  }
});

Deno.test("a tail of more keys than can be asked for is set aside in turns, then everything is copied; cut in the midst, it begins anew", () => {
  for (const cutAfter of [3, Infinity]) {
    const pair = offered(3);
    pair.settle();
    pair.disconnect();
    const [old] = replicas(pair), { disk } = pair.nodes[0];
    const count = 20_500;
    old.write(Array.from({ length: count }, (_, i) => ({ key: `alone${i}`, value: bytesOf("v") })));
    const whole = old.table.keys;
    pair.serve(1);
    pair.connect();
    const meet = () => {
      for (const from of [0, 1, 1, 0]) pair.deliver(from, 0);
    };
    meet();
    let turns = 1;
    for (; !old.copying && turns < cutAfter; turns++) {
      assert.equal(old.table.keys, whole, "until the last turn it is what it was");
      pair.work(0);
      pair.deliver(1, 0);
    }
    if (cutAfter === 3) {
      pair.disconnect();
      for (let i = 0; i < 30; i++) pair.work(0);
      assert.deepEqual([old.table.keys, old.copying, pair.nodes[0].events], [whole, false, []]);
      pair.connect();
    } else assert.ok(turns > 20, `${turns} turns`);
    pair.assertConverged();
    assert.equal(new Set(disk.restore().orphans.map(({ key }) => key)).size, count);
    assert.deepEqual(pair.nodes[0].events, ["orphans"]);
  }
});

Deno.test("of many rows above what the disk claims those that the source's reigns wrote are not set aside, the others are", () => {
  for (const own of [0, 2]) {
    const pair = new Pair(), count = 20_500;
    pair.serve(0);
    pair.nodes[0].replica!.write(
      Array.from({ length: count }, (_, i) => ({ key: `k${i}`, value: bytesOf("v") })),
    );
    // The other node had the same, but was killed before its disk could say so.
    pair.crash(1, 0);
    const { changes } = pair.nodes[0].disk, other = pair.nodes[1];
    other.disk.changes.push(...changes.filter((change, i) => i < 3 || change.kind === "rows"));
    other.disk.changes.push(...Array.from({ length: own }, (_, i) => {
      const row = { key: `own${i}`, lsn: count + 1 + i, epoch: 1, value: bytesOf("alone") };
      return { kind: "rows" as const, piece: encodeRows([row]).bytes, lsn: 0, urgent: false };
    }));
    pair.start(1);
    const follower = other.replica!;
    assert.equal(follower.table.keys, count + own);
    assert.ok(follower.lsn < 10, `${follower.lsn}`);
    pair.connect();
    for (let i = 0; i < 100 && !follower.copying; i++) {
      for (const from of [0, 1]) pair.deliver(from, 0);
      pair.work(1);
    }
    assert.equal(follower.copying, true);
    assert.equal(other.disk.restore().orphans.length, own);
    assert.deepEqual(other.events, own === 0 ? [] : ["orphans"]);
  }
});
