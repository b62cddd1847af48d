/**
 * Two copies of a group, their two channels in each direction, and their disks, played at random: nothing that was acknowledged is lost by what it
 * was acknowledged against, and when all is mended both have the same.
 */
import assert from "node:assert/strict";
import fc from "fast-check";
import { type CopyMessage, decodeCopyMessage, encodeCopyMessage } from "./messages.ts";
import { decodeRows } from "./packed.ts";
import { Replica } from "./replica.ts";
import type { ReplicaChange, ReplicaPort } from "./replica_port.ts";
import type { Reign } from "./reigns.ts";
import type { StateRow } from "./row.ts";
import { GroupTable } from "./table.ts";

const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
const bytesOf = (value: string) => new TextEncoder().encode(value);

/** What a disk holds, made anew from the changes that reached it. */
class Disk {
  readonly changes: ReplicaChange[] = [];
  /** So many of them are safe. */
  safe = 0;

  /** @param upTo so many changes count */
  restore(upTo: number = this.changes.length) {
    const rows = new Map<string, StateRow>();
    const orphans: StateRow[] = [];
    let position = { lsn: 0, floor: 0, copying: false, reigns: [] as readonly Reign[] };
    for (const change of this.changes.slice(0, upTo)) {
      if (change.kind === "rows") {
        for (const row of decodeRows(change.piece)!) {
          if ((rows.get(row.key)?.lsn ?? 0) < row.lsn) rows.set(row.key, row);
        }
      } else if (change.kind === "position") position = change;
      else if (change.kind === "clear") rows.clear();
      else if (change.kind === "forget") { for (const key of change.keys) rows.delete(key); }
      else orphans.push(...change.rows);
    }
    const table = new GroupTable();
    for (const row of rows.values()) table.apply(row);
    table.restore(position.floor, position.lsn);
    return { table, lsn: position.lsn, reigns: position.reigns, copying: position.copying, orphans };
  }

  /** Rows reach the disk before the position that covers them: a crash may fall between the two. */
  store(change: ReplicaChange): void {
    this.changes.push(structuredClone(change));
    if (change.kind === "position") this.#position = change;
    if (change.kind !== "rows" || change.lsn === 0) return;
    this.#position = { ...this.#position, lsn: change.lsn };
    this.changes.push(this.#position);
  }

  #position: Extract<ReplicaChange, { kind: "position" }> = {
    kind: "position",
    lsn: 0,
    floor: 0,
    copying: false,
    reigns: [],
  };
}

class Node {
  readonly disk = new Disk();
  replica: Replica | null = null;
  /** By channel, towards the other node. */
  readonly wires: [Uint8Array[], Uint8Array[]] = [[], []];
  /** What is to be done later. */
  tasks: (() => void)[] = [];
  events: string[] = [];
  refused = 0;
}

/** A write that was acknowledged, and the nodes that still have it: a crash may take it from one, never from both at once. */
interface Acked {
  readonly holders: Set<number>;
  readonly lsn: number;
  readonly key: string;
  readonly value: string | null;
}

class Pair {
  readonly nodes = [new Node(), new Node()] as const;
  connected = false;
  epoch = 0;
  #written = 0;
  readonly replicated: Acked[] = [];
  readonly durable: Acked[] = [];
  #pending: (Acked & { by: number })[] = [];

  constructor() {
    for (const index of [0, 1]) this.start(index);
  }

  start(index: number): void {
    const node = this.nodes[index]!;
    if (node.replica !== null) return;
    const { table, ...known } = node.disk.restore();
    const port: ReplicaPort = {
      send: (channel, message) => void (this.connected && node.wires[channel].push(encodeCopyMessage(message))),
      bulkRoom: () => node.wires[1].length < 3,
      store: (change) => node.disk.store(change),
      later: (act) => void node.tasks.push(act),
      changed: () => {},
      event: (_level, kind) => void node.events.push(kind),
    };
    // Pieces so small that each row is one: a crash falls between them.
    node.replica = new Replica(0, table, known, port, 40);
  }

  connect(): void {
    if (this.connected || this.nodes.some((node) => node.replica === null)) return;
    this.connected = true;
    for (const node of this.nodes) node.replica!.connected();
    // The role machine's word: of two that meet, the lower epoch gives way.
    const [a, b] = this.nodes.map((node) => node.replica!) as [Replica, Replica];
    if (a.serving && b.serving) (a.epoch < b.epoch ? a : b).leave();
  }

  disconnect(): void {
    if (!this.connected) return;
    this.connected = false;
    for (const node of this.nodes) {
      node.wires[0].length = node.wires[1].length = 0;
      node.replica?.disconnected();
    }
  }

  /** The process is gone; the disk keeps what was safe, and perhaps some of the rest. */
  crash(index: number, keep: number): void {
    const node = this.nodes[index]!;
    if (node.replica === null) return;
    node.replica = null;
    node.tasks = [];
    this.#pending = this.#pending.filter(({ by }) => by !== index);
    node.disk.changes.length = Math.min(node.disk.changes.length, node.disk.safe + keep);
    this.disconnect();
    const { table, copying } = node.disk.restore();
    for (const one of this.replicated) {
      if (copying || (table.get(one.key)?.lsn ?? 0) < one.lsn) one.holders.delete(index);
    }
  }

  sync(index: number): void {
    const node = this.nodes[index]!;
    node.disk.safe = node.disk.changes.length;
    node.replica?.durable(node.replica.lsn);
    node.replica?.flushAck();
    this.#settle();
  }

  deliver(from: number, channel: 0 | 1): void {
    const bytes = this.nodes[from]!.wires[channel].shift();
    const to = this.nodes[1 - from]!;
    if (bytes === undefined || to.replica === null) return;
    const message = decodeCopyMessage(bytes) as CopyMessage;
    assert.ok(message !== null);
    if (!to.replica.receive(message)) to.refused++;
    to.replica.flushAck();
    this.nodes[from]!.replica!.pump();
    this.#settle();
  }

  work(index: number): void {
    const node = this.nodes[index]!;
    for (const task of node.tasks.splice(0)) task();
    node.replica?.flushAck();
  }

  /** The switch thread lets a node serve whose copy is fit, and makes the other one leave first. */
  serve(index: number): void {
    const { replica } = this.nodes[index]!;
    const other = this.nodes[1 - index]!.replica;
    if (replica === null || replica.fit !== true) return;
    // A living old primary hands over: everything it wrote is there before the new one serves.
    if (other?.serving && this.connected) {
      other.seal(1);
      this.settle();
      if (replica.lastWords?.lsn !== replica.lsn || !replica.following) return other.unseal();
    }
    this.#pending = [];
    replica.serve(++this.epoch);
    if (this.connected) other?.leave();
    for (const one of this.replicated) {
      if (one.holders.has(index)) this.#requireHas(replica, one, "replicated");
      // It has served without: whoever still has it alone will set it aside.
      else one.holders.clear();
    }
  }

  write(index: number, key: string, remove: boolean): void {
    const { replica } = this.nodes[index]!;
    if (!replica?.serving || replica.sealed) return;
    const value = remove ? null : `v${++this.#written}`;
    const followed = replica.followed;
    const lsn = replica.write([{ key, value: value === null ? null : bytesOf(value) }]);
    if (followed) this.#pending.push({ lsn, key, value, by: index, holders: new Set([0, 1]) });
    this.#settle();
  }

  #settle(): void {
    this.#pending = this.#pending.filter((one) => {
      const { replica, disk } = this.nodes[one.by]!;
      if (!replica?.serving || !replica.followed || replica.peerReceived < one.lsn) return true;
      this.replicated.push(one);
      if (replica.peerDurable >= one.lsn && disk.safe === disk.changes.length) {
        this.durable.push(one);
        for (const { disk } of this.nodes) {
          const row = disk.restore(disk.safe).table.get(one.key);
          assert.ok((row?.lsn ?? 0) >= one.lsn, `durable write ${one.lsn} of ${one.key} is not on both disks`);
        }
      }
      return false;
    });
  }

  #requireHas(replica: Replica, { key, value, lsn }: Acked, what: string): void {
    const row = replica.table.get(key);
    assert.ok(row !== null && row.lsn >= lsn, `${what} write ${lsn} of ${key} is lost: ${JSON.stringify(row)}`);
    if (row.lsn === lsn) assert.equal(text(row.value), value);
  }

  settle(): void {
    for (let i = 0; i < 2000; i++) {
      const busy = [0, 1].flatMap((from) => [0, 1].map((channel) => [from, channel] as const))
        .filter(([from, channel]) => this.nodes[from]!.wires[channel as 0 | 1].length > 0);
      const working = this.nodes.some(({ tasks }) => tasks.length > 0);
      if (busy.length === 0 && !working) return;
      for (const [from, channel] of busy) this.deliver(from, channel as 0 | 1);
      for (const index of [0, 1]) this.work(index);
    }
    assert.fail("they never stop talking");
  }

  /** Both up and connected, one serves: both have the same, on the disk too. */
  assertConverged(): void {
    for (const index of [0, 1]) this.start(index);
    this.connect();
    this.settle();
    if (!this.nodes.some((node) => node.replica!.serving)) {
      const fit = [0, 1].find((index) => this.nodes[index]!.replica!.fit);
      if (fit === undefined) {
        assert.ok(this.nodes.every((node) => node.replica!.copying), "no copy is fit though one is whole");
        return;
      }
      this.serve(fit);
      this.settle();
    }
    const [a, b] = this.nodes.map((node) => node.replica!) as [Replica, Replica];
    assert.ok(a.followed || b.followed, "one follows the other");
    assert.deepEqual(contentOf(a.table), contentOf(b.table));
    assert.equal(a.lsn, b.lsn);
    assert.deepEqual(a.history, b.history);
    for (const node of this.nodes) {
      const { table, reigns, copying } = node.disk.restore();
      assert.deepEqual([contentOf(table), table.lsn, reigns, copying], [
        contentOf(node.replica!.table),
        node.replica!.lsn,
        node.replica!.history.reigns,
        false,
      ]);
    }
    for (const one of this.durable) this.#requireHas(a, one, "durable");
  }
}

function contentOf(table: GroupTable): [string, string, number, number][] {
  return table.list("", "", 1000).map(({ key, lsn, epoch }) => [key, text(table.get(key)!.value)!, lsn, epoch]);
}

type Op =
  | { op: "write"; node: number; key: string; remove: boolean }
  | { op: "deliver"; node: number; channel: 0 | 1; count: number }
  | { op: "sync" | "start" | "serve" | "work"; node: number }
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
    for (let i = 0; i < 60; i++) for (const channel of [0, 1] as const) pair.deliver(i % 2, channel);
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
    { kind: "done", group: 0, sync: 77 },
    { kind: "ack", group: 0, sync: 77, received: 1, durable: 1 },
    { kind: "rows", group: 0, sync: 77, live: true, urgent: false, first: 4, last: 4, rows },
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
