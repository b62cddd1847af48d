import assert from "node:assert/strict";
import fc from "fast-check";
import { RangeSet } from "./range_set.ts";

const LIMIT = 40;
const range = fc.tuple(fc.integer({ min: 0, max: LIMIT }), fc.integer({ min: 0, max: 12 }));
const operation = fc.tuple(fc.constantFrom("add", "remove", "except"), range);

function numbersOf(set: RangeSet): number[] {
  return Array.from({ length: LIMIT + 20 }, (_, i) => i).filter((i) => set.has(i));
}

Deno.test("a set of ranges is the same as a set of numbers", () => {
  fc.assert(fc.property(fc.array(operation), fc.array(range), (operations, others) => {
    const other = new RangeSet();
    for (const [start, length] of others) other.add(start, start + length);
    const set = new RangeSet(), model = new Set<number>();
    for (const [what, [start, length]] of operations) {
      for (let i = start; i < start + length; i++) {
        if (what === "remove") model.delete(i);
        else if (what === "add" || !other.has(i)) model.add(i);
      }
      if (what === "remove") set.remove(start, start + length);
      else if (what === "add") set.add(start, start + length);
      else set.addExcept(start, start + length, other);
    }
    assert.deepEqual(numbersOf(set), [...model].sort((x, y) => x - y));
    for (let i = 0; i < set.count; i++) {
      assert.ok(set.startOf(i) < set.endOf(i));
      if (i > 0) assert.ok(set.endOf(i - 1) < set.startOf(i), "ranges neither overlap nor touch");
    }
  }));
});
