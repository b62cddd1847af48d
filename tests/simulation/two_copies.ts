/**
 * Two copies of a group, their two channels in each direction, and their disks, for tests: nothing that was acknowledged may be lost by what it
 * was acknowledged against, and when all is mended both have the same.
 */
import assert from "node:assert/strict";
import { type CopyMessage, decodeCopyMessage, encodeCopyMessage } from "../../control/core/state/messages.ts";
import { decodeRows } from "../../control/core/state/packed.ts";
import { Replica } from "../../control/core/state/replica.ts";
import type { ReplicaChange, ReplicaPort } from "../../control/core/state/replica_port.ts";
import type { Reign } from "../../control/core/state/reigns.ts";
import type { StateRow } from "../../control/core/state/row.ts";
import { GroupTable } from "../../control/core/state/table.ts";

export const text = (bytes: Uint8Array | null) => bytes === null ? null : new TextDecoder().decode(bytes);
export const bytesOf = (value: string) => new TextEncoder().encode(value);

/** What a disk holds, made anew from the changes that reached it. */
export class Disk {
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

  lose(): void {
    this.changes.length = 0;
    this.safe = 0;
    this.#position = { kind: "position", lsn: 0, floor: 0, copying: false, reigns: [] };
  }

  #position: Extract<ReplicaChange, { kind: "position" }> = {
    kind: "position",
    lsn: 0,
    floor: 0,
    copying: false,
    reigns: [],
  };
}

export class Node {
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

export class Pair {
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
      room: (channel) => node.wires[channel].length < (channel === 1 ? 3 : 8),
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
    if (node.replica?.storedPosition.copying === false) node.replica.durable(node.replica.lsn, node.replica.lineage);
    node.replica?.flushAck();
    this.#settle();
  }

  /** The file of a running node is found damaged: what it had is gone, and the table in memory is stored anew. */
  lose(index: number): void {
    const node = this.nodes[index]!;
    if (node.replica === null) return;
    node.disk.lose();
    node.replica.storeAnew();
    node.disk.safe = node.disk.changes.length;
    // Of what is on both disks one has been taken.
    this.durable.length = 0;
    this.#pending = [];
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

export function contentOf(table: GroupTable): [string, string, number, number][] {
  return table.list("", "", 1000).map(({ key, lsn, epoch }) => [key, text(table.get(key)!.value)!, lsn, epoch]);
}
