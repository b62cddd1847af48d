/** The state's file: what is written comes back. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import fc from "fast-check";
import type { StateRow } from "../../control/core/state/row.ts";
import { JournalError } from "../../control/journal/failure.ts";
import { closeQuietly, createWhole } from "../../control/journal/sqlite.ts";
import type { StateChange } from "../../control/journal/state_change.ts";
import { OPS_MAX } from "../../control/state/write.ts";
import { createState, migrateState, requireStateSchema, STATE_STEPS } from "../../control/journal/state_schema.ts";
import { StateStore } from "../../control/journal/state_store.ts";
import { MIB, positionChange, rowsChange, sampleRow, store, storedRows, withState } from "./state_samples.ts";

Deno.test("rows, reigns and position come back after a restart, per group, in the order of LSNs", () =>
  withState((path) => {
    const first = StateStore.open(path);
    assert.equal(first.group("web"), null);
    store(
      first,
      rowsChange([sampleRow("b", 1), sampleRow("a", 2), sampleRow("ä\0", 3, null)]),
      { kind: "reigns", group: "web", reigns: [{ epoch: 2, firstLsn: 1 }, { epoch: 5, firstLsn: 3 }] },
      positionChange(3, { floor: 0, copying: true }),
      rowsChange([sampleRow("a", 9, "")], "db"),
    );
    assert.equal(first.durable, 1);
    store(first, rowsChange([sampleRow("b", 4, "new", 7), sampleRow("a", 1, "too old")]), positionChange(4));
    first.close();
    const second = StateStore.open(path);
    assert.deepEqual(second.group("web"), {
      floor: 0,
      lsn: 4,
      copying: false,
      reigns: [{ epoch: 2, firstLsn: 1 }, { epoch: 5, firstLsn: 3 }],
    });
    const wanted = [sampleRow("a", 2), sampleRow("ä\0", 3, null), sampleRow("b", 4, "new", 7)];
    assert.deepEqual(storedRows(second), wanted);
    assert.deepEqual(storedRows(second, "db"), [sampleRow("a", 9, "")]);
    assert.deepEqual(second.health(), { ok: true, text: "ok", path, waiting: 0 });
    second.close();
  }));

/** What a group's stored rows must be, change by change. */
class Model {
  rows = new Map<string, StateRow>();

  add(change: StateChange, rows: readonly StateRow[]): void {
    if (change.kind === "clear") this.rows.clear();
    if (change.kind === "forget") { for (const key of change.keys) this.rows.delete(key); }
    if (change.kind === "forgetAbove") {
      for (const row of this.rows.values()) if (row.lsn > change.lsn) this.rows.delete(row.key);
    }
    for (const row of rows) if ((this.rows.get(row.key)?.lsn ?? 0) < row.lsn) this.rows.set(row.key, row);
  }

  sorted(): StateRow[] {
    return [...this.rows.values()].sort((a, b) => a.lsn - b.lsn);
  }
}

const key = fc.integer({ min: 0, max: 12 }).map((n) => `k${n}`);
const step = fc.oneof(
  { weight: 8, arbitrary: fc.record({ kind: fc.constant("rows" as const), keys: fc.array(key, { maxLength: 4 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forget" as const), keys: fc.array(key, { maxLength: 3 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("forgetAbove" as const), back: fc.nat(8) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
  { weight: 4, arbitrary: fc.constant({ kind: "flush" as const }) },
);

Deno.test("changes that were made one leave the disk as each of them would, wherever the commits fall", () =>
  withState((path) => {
    const target = StateStore.open(path);
    let round = 0;
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const group = `g${round++}`, model = new Model();
        let lsn = 0;
        for (const at of steps) {
          if (at.kind === "flush") {
            while (target.flush());
            continue;
          }
          const rows = at.kind === "rows" ? at.keys.map((k) => sampleRow(k, ++lsn, lsn % 3 ? "x" : null)) : [];
          if (at.kind === "forgetAbove") lsn = Math.max(0, lsn - at.back);
          const change: StateChange = at.kind === "rows"
            ? rowsChange(rows, group)
            : at.kind === "forget"
            ? { kind: "forget", group, keys: at.keys }
            : at.kind === "clear"
            ? { kind: "clear", group }
            : { kind: "forgetAbove", group, lsn };
          model.add(change, rows);
          target.add([change], target.sequence + 1);
        }
        while (target.flush());
        assert.deepEqual(storedRows(target, group), model.sorted());
      }),
      { numRuns: 150 },
    );
    target.verify();
    assert.equal(target.health().ok, true);
    target.close();
  }));

Deno.test("a table that is much: several transactions, the position last, and not whole until then", () =>
  withState((path) => {
    const target = StateStore.open(path);
    store(target, rowsChange([sampleRow("old", 5)]), positionChange(5));
    const value = "x".repeat(100), count = 30_000;
    const rows = Array.from({ length: count }, (_, n) => sampleRow(`k${n}`, n + 10, value));
    target.add([{ kind: "clear", group: "web" }, rowsChange(rows), positionChange(count + 9)], target.sequence + 1);
    assert.equal(target.flush(), true, "there is more");
    assert.equal(target.durable, 1);
    assert.deepEqual(target.group("web"), { floor: 0, lsn: 0, copying: true, reigns: [] });
    const early = storedRows(target).length;
    assert.ok(early > 0 && early < count, `${early}`);
    while (target.flush());
    assert.equal(target.durable, 2);
    assert.deepEqual(target.group("web"), { floor: 0, lsn: count + 9, copying: false, reigns: [] });
    assert.deepEqual(storedRows(target), rows);
    target.close();
  }));

for (const [what, count, bytes] of [["many keys", OPS_MAX, 100], ["large values", 16, MIB]] as const) {
  Deno.test(`one write of a client is one transaction: ${what}`, () =>
    withState((path) => {
      const target = StateStore.open(path);
      store(target, rowsChange([sampleRow("old", 1)]), positionChange(1));
      const value = "x".repeat(bytes);
      for (let lsn = 2; lsn < count + 2; lsn++) {
        target.add([rowsChange([sampleRow(`k${lsn}`, lsn, value)])], target.sequence + 1);
      }
      target.add([positionChange(count + 1)], target.sequence + 1);
      assert.equal(target.flush(), false, "there is no second one");
      assert.deepEqual([target.group("web")!.lsn, target.durable], [count + 1, count + 2]);
      target.close();
    }));
}

Deno.test("large values: pages with one row each", () =>
  withState((path) => {
    const target = StateStore.open(path);
    const large = (key: string, lsn: number) => ({ key, lsn, epoch: 1, value: new Uint8Array(16 * MIB).fill(lsn) });
    store(target, rowsChange([large("a", 1)]), rowsChange([large("b", 2)]));
    const first = target.page("web", { lsn: 0, key: new Uint8Array(0) });
    assert.equal(first.rows, 1);
    assert.deepEqual(storedRows(target).map((row) => [row.key, row.value!.length, row.value![0]]), [
      ["a", 16 * MIB, 1],
      ["b", 16 * MIB, 2],
    ]);
    target.close();
  }));

Deno.test("orphans are listed, kept by a clear, and dropped", () =>
  withState((path) => {
    const target = StateStore.open(path);
    const { packed } = rowsChange([sampleRow("a", 7, "mine", 3), sampleRow("b", 8, null, 3)]) as { packed: Uint8Array };
    const at = "2026-01-02T03:04:05.000Z";
    store(target, { kind: "orphans", group: "web", at, foundByEpoch: 4, packed }, { kind: "clear", group: "web" });
    const { total, rows } = target.orphans("web", 1);
    assert.equal(total, 2);
    assert.deepEqual(rows, [{ ...sampleRow("a", 7, "mine", 3), at, foundByEpoch: 4 }]);
    assert.equal(target.dropOrphans("db"), 0);
    assert.equal(target.dropOrphans("web"), 2);
    assert.deepEqual(target.orphans("web", 10), { total: 0, rows: [] });
    target.close();
  }));

Deno.test("a piece that is malformed is refused, and said to be; the rest is written", () =>
  withState((path) => {
    const target = StateStore.open(path);
    store(target, { kind: "rows", group: "web", packed: Uint8Array.of(1, 2, 3) }, rowsChange([sampleRow("a", 1)]));
    assert.deepEqual(storedRows(target), [sampleRow("a", 1)]);
    assert.match(target.health().text, /1 pieces were refused/);
    target.close();
  }));

Deno.test("tidying: tombstones below the floor and cleared tables go, and their space is given back", () =>
  withState((path) => {
    const target = StateStore.open(path);
    const rows = Array.from({ length: 6000 }, (_, n) => sampleRow(`k${n}`, n + 1, n % 2 ? null : "x".repeat(2000)));
    store(target, rowsChange(rows), positionChange(6000, { floor: 3000 }));
    assert.equal(storedRows(target).length, 4500, "what is below the floor is not told, deleted or not");
    while (target.prune());
    const db = new DatabaseSync(path);
    const count = () => Number(db.prepare("SELECT COUNT(*) AS n FROM rows").get()!.n);
    assert.equal(count(), 4500);
    const full = Number(db.prepare("PRAGMA page_count").get()!.page_count);
    store(target, { kind: "clear", group: "web" }, rowsChange([sampleRow("new", 9000)]), positionChange(9000));
    assert.deepEqual(storedRows(target), [sampleRow("new", 9000)]);
    while (target.prune());
    assert.equal(count(), 1);
    const left = Number(db.prepare("PRAGMA page_count").get()!.page_count);
    assert.ok(left < full / 2 + 1, `${full} → ${left} pages`);
    db.close();
    target.close();
  }));

Deno.test("the log stays small under load, and comes down again after a reader that kept it", () =>
  withState((path) => {
    const target = StateStore.open(path);
    const log = () => Deno.statSync(`${path}-wal`).size;
    let lsn = 0;
    const write = (times: number) => {
      for (let n = 0; n < times; n++) {
        store(
          target,
          rowsChange(Array.from({ length: 50 }, () => sampleRow(`k${++lsn % 997}`, lsn, "x".repeat(4000)))),
        );
      }
    };
    write(300);
    assert.ok(log() < 32 * MIB, `${log()}`);
    const reader = new DatabaseSync(path, { readOnly: true });
    reader.exec("BEGIN; SELECT COUNT(*) FROM rows");
    write(500);
    const grown = log();
    assert.ok(grown > 64 * MIB, `${grown}`);
    target.prune();
    assert.ok(log() >= grown, "the reader needs it");
    reader.close();
    target.prune();
    assert.ok(log() < 32 * MIB, `${log()}`);
    assert.equal(target.health().ok, true);
    target.close();
  }));

Deno.test("a file of an older segue gets the newer tables, whole or not at all; one of a newer segue is not touched", () =>
  withState((path) => {
    const next = [...STATE_STEPS, "ALTER TABLE groups ADD COLUMN note TEXT NOT NULL DEFAULT 'from before'"];
    const target = StateStore.open(path);
    store(target, rowsChange([sampleRow("a", 1)]), positionChange(1));
    target.close();
    const open = (steps: readonly string[]) => {
      const db = new DatabaseSync(path);
      try {
        migrateState(db, path, steps);
        return requireStateSchema(db, path, steps);
      } finally {
        closeQuietly(db);
      }
    };
    assert.throws(() => open([...next, "CREATE TABLE extra (a); CREATE TABLE groups (a)"]), /already exists/);
    const db = new DatabaseSync(path);
    assert.equal(requireStateSchema(db, path, next), STATE_STEPS.length + 1, "the step before was done");
    assert.equal(db.prepare("SELECT COUNT(*) AS n FROM sqlite_schema WHERE name = 'extra'").get()!.n, 0);
    assert.equal(db.prepare("SELECT note FROM groups").get()!.note, "from before");
    db.close();
    assert.equal(open(next), next.length, "a second time there is nothing to do");
    const bytes = Deno.readFileSync(path);
    assert.throws(
      () => StateStore.open(path),
      (error) => error instanceof JournalError && error.kind === "newer" && /newer segue/.test(error.message),
    );
    assert.deepEqual(Deno.readFileSync(path), bytes);
  }));

Deno.test("a new file is as one that took all steps", () =>
  withState((path, folder) => {
    const shape = (db: DatabaseSync) => db.prepare("SELECT name, sql FROM sqlite_schema ORDER BY name").all();
    createWhole(path, (db) => createState(db));
    const old = `${folder}/old.db`;
    createWhole(old, (db) => createState(db, STATE_STEPS.slice(0, 1)));
    const both = [path, old].map((each) => {
      const db = new DatabaseSync(each);
      migrateState(db, each);
      const found = shape(db);
      db.close();
      return found;
    });
    assert.deepEqual(both[0], both[1]);
  }));
