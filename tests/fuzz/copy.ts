/** What two copies of the state say to each other, with something changed: to the reader, and what can be read to a copy in the middle of its work. */
import assert from "node:assert/strict";
import { decodeCopyMessage, encodeCopyMessage } from "../../control/core/state/messages.ts";
import { decodeRows } from "../../control/core/state/packed.ts";
import { Replica } from "../../control/core/state/replica.ts";
import type { ReplicaPort } from "../../control/core/state/replica_port.ts";
import { GroupTable } from "../../control/core/state/table.ts";
import type { Random } from "../simulation/random.ts";
import { below, mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const MESSAGE_BYTES_MAX = 4096;
const MESSAGES_MAX = 10;
const NOTHING = { lsn: 0, reigns: [], copying: false };

export const copy: FuzzTarget = {
  name: "copy",
  about: "messages between two copies of the state, with something changed, to the reader and to a copy",
  shortInputs: 3_000,
  inputMsMax: 2000,
  open() {
    const samples = recordedMessages();
    let history: Uint8Array[] = [];
    return {
      play(random) {
        history = [];
        const replica = aReplica(random);
        for (let left = 1 + below(random, MESSAGES_MAX); left > 0; left--) {
          const bytes = random.chance(0.4)
            ? Uint8Array.from(random.pick(samples))
            : mutate(random, samples, MESSAGE_BYTES_MAX);
          history.push(bytes);
          const message = decodeCopyMessage(bytes);
          if (message === null) continue;
          replica.receive(message);
          replica.flushAck();
          replica.pump();
          if (random.chance(0.1)) replica.durable(replica.lsn, replica.lineage);
          assert.ok(Number.isSafeInteger(replica.lsn) && replica.lsn >= 0, `LSN ${replica.lsn}`);
        }
        // Whatever it was told, it can serve, and then counts on.
        replica.serve(1_000_000);
        const lsn = replica.lsn;
        if (lsn < Number.MAX_SAFE_INTEGER) {
          assert.equal(replica.write([{ key: "after", value: Uint8Array.of(1) }]), lsn + 1);
          assert.deepEqual(replica.table.get("after")?.value, Uint8Array.of(1));
        }
      },
      describe: () => history.map(showBytes).join("\n"),
    };
  },
};

function port(send: ReplicaPort["send"]): ReplicaPort {
  return {
    send,
    room: () => true,
    store: (change) =>
      assert.ok(change.kind !== "rows" || decodeRows(change.piece) !== null, "stored rows are no rows"),
    changed: () => {},
    event: () => {},
    later: (act) => act(),
  };
}

/** Fresh or with rows of its own, serving or not. */
function aReplica(random: Random): Replica {
  const replica = new Replica(0, new GroupTable(), NOTHING, port(() => {}));
  const writes = random.pick([0, 0, 3, 20]);
  if (writes > 0) {
    replica.serve(1 + below(random, 4));
    for (let i = 0; i < writes; i++) {
      replica.write([{ key: `k${i % 7}`, value: random.chance(0.2) ? null : Uint8Array.of(i) }]);
    }
  }
  replica.connected();
  if (random.chance(0.5)) replica.leave();
  return replica;
}

/** Everything that two copies say: from the first meeting through a catch-up, live writes, a new reign and a handover to a copy of all rows. */
function recordedMessages(): Uint8Array[] {
  const recorded: Uint8Array[] = [];
  const wires: Uint8Array[][] = [[], []];
  const make = (self: number) =>
    new Replica(
      0,
      new GroupTable(),
      NOTHING,
      port((_channel, message) => {
        const bytes = encodeCopyMessage(message);
        recorded.push(bytes);
        wires[1 - self]!.push(bytes);
      }),
    );
  const [a, b] = [make(0), make(1)];
  const settle = () => {
    while (wires[0]!.length + wires[1]!.length > 0) {
      for (const [index, replica] of [[0, a], [1, b]] as const) {
        for (const bytes of wires[index]!.splice(0)) replica.receive(decodeCopyMessage(bytes)!);
        replica.durable(replica.lsn, replica.lineage);
        replica.flushAck();
        replica.pump();
      }
    }
  };
  const write = (to: Replica, keys: number) => {
    for (let i = 0; i < keys; i++) to.write([{ key: `k${i}`, value: i % 5 === 0 ? null : new Uint8Array(i) }]);
  };
  a.serve(1);
  write(a, 12);
  for (const one of [a, b]) one.connected();
  settle();
  write(a, 3);
  a.serve(2);
  settle();
  a.seal(7);
  settle();
  a.leave();
  b.serve(3);
  write(b, 4);
  settle();
  for (const one of [a, b]) one.disconnected();
  write(b, 6);
  for (const one of [a, b]) one.connected();
  settle();
  return recorded;
}
