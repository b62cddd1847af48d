import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import fc from "fast-check";
import { decodeRows, encodeRows } from "./packed.ts";
import { KEY_BYTES_MAX, type StateRow } from "./row.ts";
import { GroupTable } from "./table.ts";

/** The table as one would write it without a care for time and memory. */
class Model {
  readonly rows = new Map<string, StateRow>();
  lsn = 0;
  floor = 0;

  apply(row: StateRow): boolean {
    if ((this.rows.get(row.key)?.lsn ?? 0) >= row.lsn) return false;
    this.rows.set(row.key, row);
    this.lsn = Math.max(this.lsn, row.lsn);
    return true;
  }

  above(lsn: number): StateRow[] {
    return [...this.rows.values()].filter((row) => row.lsn > lsn).sort((a, b) => a.lsn - b.lsn);
  }

  live(): StateRow[] {
    return [...this.rows.values()].filter((row) => row.value !== null).sort((a, b) =>
      Buffer.compare(Buffer.from(a.key), Buffer.from(b.key))
    );
  }

  compact(keep: number): void {
    const graves = this.above(0).filter((row) => row.value === null);
    for (const { key, lsn } of graves.slice(0, Math.max(0, graves.length - keep))) {
      this.rows.delete(key);
      this.floor = Math.max(this.floor, lsn);
    }
  }

  takeAbove(lsn: number): StateRow[] {
    const rows = this.above(lsn);
    for (const { key } of rows) this.rows.delete(key);
    this.lsn = Math.min(this.lsn, lsn);
    return rows;
  }
}

type Step =
  | { readonly kind: "write"; readonly key: string; readonly value: Uint8Array | null }
  | { readonly kind: "late"; readonly key: string; readonly back: number }
  | { readonly kind: "forget" | "comeBack"; readonly key: string }
  | { readonly kind: "compact"; readonly keep: number }
  | { readonly kind: "takeAbove"; readonly back: number }
  | { readonly kind: "clear" };

const key = fc.oneof(
  fc.integer({ min: 0, max: 40 }).map((n) => `k${n}`),
  fc.string({ minLength: 1, maxLength: 3, unit: fc.constantFrom("a", "b", "ä", "\u{1f600}", "\uffee", "\0") }),
);
const value = fc.oneof(
  fc.uint8Array({ maxLength: 20 }),
  fc.integer({ min: 100, max: 20_000 }).map((length) => new Uint8Array(length).fill(length & 255)),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 200, arbitrary: fc.record({ kind: fc.constant("write" as const), key, value }) },
  { weight: 60, arbitrary: fc.record({ kind: fc.constant("write" as const), key, value: fc.constant(null) }) },
  { weight: 40, arbitrary: fc.record({ kind: fc.constant("late" as const), key, back: fc.nat(30) }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constantFrom("forget" as const, "comeBack" as const), key }) },
  { weight: 20, arbitrary: fc.record({ kind: fc.constant("compact" as const), keep: fc.nat(8) }) },
  { weight: 10, arbitrary: fc.record({ kind: fc.constant("takeAbove" as const), back: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.constant({ kind: "clear" as const }) },
);

function applyBoth(table: GroupTable, model: Model, row: StateRow): void {
  assert.equal(table.apply(row), model.apply(row));
}

/** LSNs of writes are even, so that a late row has an odd one of its own. */
function play(table: GroupTable, model: Model, at: Step): void {
  const next = model.lsn - model.lsn % 2 + 2;
  switch (at.kind) {
    case "write":
      return applyBoth(table, model, { key: at.key, lsn: next, epoch: 7, value: at.value });
    case "late": {
      const lsn = Math.max(1, next - 1 - 2 * at.back);
      if (model.above(lsn - 1)[0]?.lsn === lsn) return;
      return applyBoth(table, model, { key: at.key, lsn, epoch: 6, value: Uint8Array.of(1) });
    }
    case "forget":
      assert.equal(table.forget(at.key), model.rows.delete(at.key));
      return;
    case "comeBack": {
      const row = model.rows.get(at.key);
      if (row === undefined) return;
      table.forget(at.key);
      assert.equal(table.apply(row), true);
      return;
    }
    case "compact":
      model.compact(at.keep);
      while (table.compact(at.keep, 3) > 0);
      return;
    case "takeAbove": {
      const lsn = Math.max(0, model.lsn - at.back), taken: StateRow[] = [];
      for (let some = table.takeAbove(lsn, 5); some.length > 0; some = table.takeAbove(lsn, 5)) taken.push(...some);
      assert.deepEqual(taken, model.takeAbove(lsn));
      return;
    }
    case "clear":
      table.clear();
      model.rows.clear();
      model.lsn = model.floor = 0;
      return;
    default:
      at satisfies never;
  }
}

function assertSame(table: GroupTable, model: Model): void {
  const live = model.live();
  assert.equal(table.keys, live.length);
  assert.equal(table.tombstones, model.rows.size - live.length);
  assert.equal(table.bytes, live.reduce((sum, row) => sum + Buffer.byteLength(row.key) + row.value!.length, 0));
  assert.deepEqual([table.lsn, table.floor], [model.lsn, model.floor]);
  assert.deepEqual(table.rowsAbove(0, Infinity), model.above(0));
  const listed = live.map(({ key, lsn, epoch, value }) => ({ key, lsn, epoch, size: value!.length }));
  assert.deepEqual(table.list("", "", Infinity), listed);
}

Deno.test("the table does what a plain map would do", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 150 }), fc.string({ maxLength: 2 }), key, (steps, prefix, after) => {
      const table = new GroupTable(), model = new Model();
      for (const each of steps) {
        play(table, model, each);
        const about = "key" in each ? each.key : "k1";
        assert.deepEqual(table.get(about), model.rows.get(about) ?? null);
        assert.equal(table.versionOf(about), model.rows.get(about)?.lsn ?? 0);
      }
      assertSame(table, model);
      const middle = Math.floor(model.lsn / 2);
      assert.deepEqual(table.rowsAbove(middle, 3), model.above(middle).slice(0, 3));
      const start = prefix.toWellFormed();
      const wanted = model.live().filter((row) =>
        row.key.startsWith(start) && Buffer.compare(Buffer.from(row.key), Buffer.from(after)) > 0
      );
      assert.deepEqual(table.list(start, after, 4).map((it) => it.key), wanted.slice(0, 4).map((row) => row.key));
    }),
    { numRuns: 200 },
  );
});

Deno.test("many keys, in many pages, written over and over, removed again", () => {
  const table = new GroupTable(), model = new Model();
  for (let lsn = 1; lsn <= 60_000; lsn++) {
    const n = Math.imul(lsn, 0x9e37_79b1) >>> 0;
    const row = { key: `key ${n % 9000}`, lsn, epoch: 1, value: n % 5 === 0 ? null : new Uint8Array(n % 90) };
    applyBoth(table, model, row);
  }
  assertSame(table, model);
  const before = table.allocated;
  table.compact(100);
  model.compact(100);
  assertSame(table, model);
  for (let n = 0; n < 9000; n++) {
    if (n % 16 === 0) continue;
    assert.equal(table.forget(`key ${n}`), model.rows.delete(`key ${n}`));
  }
  assertSame(table, model);
  for (let n = 0; n < 9000; n += 16) assert.equal(table.forget(`key ${n}`), model.rows.delete(`key ${n}`));
  assertSame(table, model);
  assert.ok(table.allocated < before * 0.8, `${table.allocated} of ${before} bytes are still held`);
});

/** Numbers from 0 to `count`−1 in an order of their own, the same each time. */
function shuffled(count: number): number[] {
  return Array.from({ length: count }, (_, n) => n).sort((a, b) =>
    (Math.imul(a, 0x9e37_79b1) >>> 0) - (Math.imul(b, 0x9e37_79b1) >>> 0)
  );
}

Deno.test("keys that share much or little of their beginnings, in many pages, come in the order of their bytes", () => {
  const table = new GroupTable(), model = new Model();
  const beginnings = ["", "\0", "\0\0", "user:", "user:1/", "user:1/\0", "ä", "zzzzzzzzzzzz"];
  const name = (n: number) => `${beginnings[n % 8]}${(n >> 3).toString(n % 3 ? 2 : 36)}${"\0".repeat(n % 5 ? 0 : 3)}`;
  for (const [lsn, n] of shuffled(12_000).entries()) {
    const row = { key: name(n), lsn: lsn + 1, epoch: 1, value: Uint8Array.of(1) };
    assert.equal(table.apply(row), model.apply(row));
  }
  assertSame(table, model);
  for (const n of shuffled(12_000)) {
    if (n % 7 === 0) continue;
    assert.equal(table.forget(name(n)), model.rows.delete(name(n)));
  }
  assertSame(table, model);
});

Deno.test("rows that come in any order of their LSNs stand in the order of these, and are taken from the end", () => {
  const table = new GroupTable(), model = new Model();
  for (const n of shuffled(12_000)) {
    const row = { key: `k${n % 5000}`, lsn: n + 1, epoch: 1, value: n % 9 ? Uint8Array.of(n) : null };
    assert.equal(table.apply(row), model.apply(row));
  }
  assertSame(table, model);
  const taken: StateRow[] = [];
  for (let some = table.takeAbove(8000, 100); some.length > 0; some = table.takeAbove(8000, 100)) taken.push(...some);
  assert.deepEqual(taken, model.takeAbove(8000));
  for (const { key } of taken) {
    const row = { key, lsn: model.lsn + 1, epoch: 2, value: Uint8Array.of(2) };
    assert.equal(table.apply(row), model.apply(row));
  }
  assertSame(table, model);
});

Deno.test("memory does not grow while the same keys are written", () => {
  const table = new GroupTable();
  let settled = 0;
  for (let lsn = 1; lsn <= 200_000; lsn++) {
    table.put(`key ${lsn % 1000}`, lsn, 1, new Uint8Array(lsn % 64));
    if (lsn === 20_000) settled = table.allocated;
  }
  assert.ok(table.allocated <= settled * 1.25, `${settled} → ${table.allocated}`);
});

Deno.test("copies catch up piece by piece, while writes go on", () => {
  fc.assert(
    fc.property(fc.array(fc.record({ key, value }), { minLength: 1, maxLength: 80 }), (writes) => {
      const from = new GroupTable(), to = new GroupTable();
      let lsn = 0, seen = 0;
      for (const write of writes) {
        from.put(write.key, ++lsn, 1, write.value);
        const { piece, upTo } = from.packAbove(seen, 300);
        assert.notEqual(to.applyPacked(piece), null);
        seen = upTo;
      }
      for (let { piece, rows, upTo } = from.packAbove(seen); rows > 0; { piece, rows, upTo } = from.packAbove(upTo)) {
        assert.equal(to.applyPacked(piece), rows);
      }
      assert.deepEqual(to.rowsAbove(0, Infinity), from.rowsAbove(0, Infinity));
      assert.equal(to.lsn, from.lsn);
    }),
  );
});

Deno.test("a row or a piece that cannot be changes nothing", () => {
  const table = new GroupTable();
  const good: StateRow = { key: "a", lsn: 5, epoch: 1, value: Uint8Array.of(1) };
  table.apply(good);
  const bad: Partial<StateRow>[] = [
    { key: "" },
    { key: "x".repeat(KEY_BYTES_MAX + 1) },
    { key: "ä".repeat(KEY_BYTES_MAX / 2) + "x" },
    { key: "\ud800" },
    { lsn: 0 },
    { lsn: 2.5 },
    { lsn: NaN },
    { epoch: -1 },
    { epoch: 2 ** 32 },
    { value: new Uint8Array(16 * 1024 * 1024 + 1) },
  ];
  for (const [n, change] of bad.entries()) {
    assert.throws(() => table.apply({ ...good, lsn: 6, ...change }), RangeError, `case ${n}`);
  }
  const { bytes } = encodeRows([{ ...good, lsn: 6 }]);
  assert.equal(table.applyPacked(bytes.subarray(0, -1)), null);
  assert.deepEqual(table.rowsAbove(0, 10), [good]);
  assert.equal(table.get(""), null);
  assert.equal(table.put("ä".repeat(KEY_BYTES_MAX / 2), 7, 1, new Uint8Array(0)), true);
});

Deno.test("large rows: a call returns one of them at least, and not all of them", () => {
  const table = new GroupTable();
  const large = new Uint8Array(3 * 1024 * 1024).fill(9);
  for (let lsn = 1; lsn <= 3; lsn++) table.put(`k${lsn}`, lsn, 1, large);
  assert.deepEqual(table.rowsAbove(0, 10).map((row) => row.lsn), [1]);
  assert.deepEqual(table.takeAbove(1, 10).map((row) => row.lsn), [2]);
  const { piece, rows, upTo } = table.packAbove(0);
  assert.deepEqual([rows, upTo, decodeRows(piece)![0]!.value!.length], [1, 1, large.length]);
});

Deno.test("what is restored never lowers what is there", () => {
  const table = new GroupTable();
  table.delete("a", 9, 1);
  table.restore(4, 7);
  assert.deepEqual([table.floor, table.lsn], [4, 9]);
  table.restore(12, 3);
  assert.deepEqual([table.floor, table.lsn], [12, 12]);
});
