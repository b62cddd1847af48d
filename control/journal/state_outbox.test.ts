import assert from "node:assert/strict";
import { encodeRows } from "../core/state/packed.ts";
import { GroupTable } from "../core/state/table.ts";
import { StateBatch } from "./state_batch.ts";
import type { StateChange } from "./state_change.ts";
import { StateOutbox } from "./state_outbox.ts";

const value = new Uint8Array(1000);

/** Rows of a hundred keys, and the position that covers them. */
function append(first: number, among: number): StateChange[] {
  const rows = Array.from(
    { length: 100 },
    (_, i) => ({ key: `k${(first + i) % among}`, lsn: first + i, epoch: 1, value }),
  );
  const packed = encodeRows(rows).bytes;
  return [{ kind: "rows", group: "web", packed }, {
    kind: "position",
    group: "web",
    floor: 0,
    lsn: first + 99,
    copying: false,
  }];
}

function takeAll(outbox: StateOutbox): { changes: StateChange[]; sequences: number[] } {
  const changes: StateChange[] = [], sequences: number[] = [];
  while (!outbox.empty) {
    const taken = outbox.take();
    const bytes = taken.changes.reduce((sum, change) => sum + (change.kind === "rows" ? change.packed.length : 0), 0);
    assert.ok(bytes < 5 * 1024 * 1024, `${bytes} bytes in one message`);
    changes.push(...taken.changes);
    sequences.push(taken.sequence);
  }
  return { changes, sequences };
}

Deno.test("what is little leaves as it came, in one message", () => {
  const outbox = new StateOutbox();
  outbox.add(append(1, 50), 1);
  outbox.add(append(101, 50), 2);
  const { changes, sequences } = takeAll(outbox);
  assert.deepEqual([changes.length, sequences], [4, [2]]);
});

Deno.test("one write that is more than may wait leaves as one all the same", () => {
  const outbox = new StateOutbox();
  const changes = Array.from({ length: 180 }, (_, i) => append(i * 100 + 1, 20_000)).flat();
  outbox.add(changes, 1);
  assert.deepEqual(outbox.take(), { changes, sequence: 1 });
  assert.equal(outbox.empty, true);
});

Deno.test("what is much is made one and leaves bit by bit: a number is said when all up to it has left", () => {
  const outbox = new StateOutbox();
  const batch = new StateBatch("web");
  let sequence = 0;
  const add = (count: number) => {
    for (let i = 0; i < count; i++, sequence++) outbox.add(append(sequence * 100 + 1, 20_000), sequence + 1);
  };
  const told: number[] = [];
  const take = () => {
    const taken = outbox.take();
    for (const change of taken.changes) batch.add(change);
    // Nothing that the number covers is missing.
    assert.ok((batch.position?.lsn ?? 0) >= taken.sequence * 100, `${batch.position?.lsn} for ${taken.sequence}`);
    told.push(taken.sequence);
  };
  add(600);
  take();
  assert.equal(told[0], 0, "of what was made one, a part");
  add(600);
  while (!outbox.empty) take();
  assert.deepEqual(told, told.toSorted((x, y) => x - y));
  assert.equal(told.at(-1), 1200);
  const expected = new GroupTable();
  for (let n = 0; n < 1200; n++) {
    expected.applyPacked((append(n * 100 + 1, 20_000)[0] as { packed: Uint8Array }).packed);
  }
  const content = (table: GroupTable) => table.list("", "", 100_000).map(({ key, lsn }) => `${key} ${lsn}`);
  assert.equal(expected.keys, 20_000);
  const whole = new GroupTable();
  for (const row of batch.rows.rowsAbove(0, 100_000)) whole.apply(row);
  for (
    let rows = batch.rows.rowsAbove(whole.lsn, 9999);
    rows.length > 0;
    rows = batch.rows.rowsAbove(whole.lsn, 9999)
  ) {
    for (const row of rows) whole.apply(row);
  }
  assert.deepEqual(content(whole), content(expected));
});

Deno.test("what takes something away says that the table is not whole until its position comes", () => {
  const batch = new StateBatch("web");
  batch.add({ kind: "forget", group: "web", keys: ["a"] });
  for (const change of append(1, 100)) batch.add(change);
  const positions = [...batch.changes()].flatMap((change) => change.kind === "position" ? [change.copying] : []);
  assert.deepEqual(positions, [true, false]);
});
