import assert from "node:assert/strict";
import fc from "fast-check";
import {
  commonLsn,
  compareAge,
  type History,
  lastEpoch,
  type Reign,
  REIGNS_MAX,
  reignsUpTo,
  withReign,
} from "./reigns.ts";

const history = (lsn: number, ...reigns: [number, number][]): History => ({
  lsn,
  reigns: reigns.map(([epoch, firstLsn]) => ({ epoch, firstLsn })),
});

Deno.test("two copies are the same up to where one of them stopped, or wrote on alone", () => {
  const cases: [History, History, number][] = [
    [history(10, [2, 1]), history(7, [2, 1]), 7],
    [history(10, [2, 1]), history(0), 0],
    [history(10, [2, 1], [3, 8]), history(7, [2, 1]), 7],
    // The old primary wrote 8 and 9 that nobody heard; the new one wrote others.
    [history(12, [2, 1], [3, 8]), history(9, [2, 1]), 7],
    [history(12, [2, 1], [3, 8]), history(9, [2, 1], [4, 8]), 7],
    [history(12, [2, 1], [3, 8], [5, 11]), history(9, [2, 1], [3, 8]), 9],
    [history(12, [2, 1], [3, 8], [5, 11]), history(15, [2, 1], [3, 8]), 10],
    [history(5, [2, 1]), history(5, [3, 1]), 0],
  ];
  for (const [a, b, common] of cases) {
    assert.equal(commonLsn(a, b), common, JSON.stringify([a, b]));
    assert.equal(commonLsn(b, a), common, "either way");
  }
});

Deno.test("a reign that wrote nothing leaves no trace", () => {
  let reigns: readonly Reign[] = [];
  for (const [epoch, firstLsn] of [[2, 1], [3, 1], [5, 6], [6, 6], [8, 6]] as const) {
    reigns = withReign(reigns, { epoch, firstLsn });
  }
  assert.deepEqual(reigns, [{ epoch: 3, firstLsn: 1 }, { epoch: 8, firstLsn: 6 }]);
  assert.deepEqual(reignsUpTo(reigns, 5), [{ epoch: 3, firstLsn: 1 }]);
  for (let i = 0; i < 2 * REIGNS_MAX; i++) reigns = withReign(reigns, { epoch: 10 + i, firstLsn: 10 + i });
  assert.equal(reigns.length, REIGNS_MAX);
});

Deno.test("the newer copy is the one with the later reign, then with the higher LSN", () => {
  assert.ok(compareAge(history(9, [2, 1]), history(3, [3, 1])) < 0);
  assert.ok(compareAge(history(9, [2, 1]), history(8, [2, 1])) > 0);
  assert.equal(lastEpoch(history(7, [2, 1], [3, 8])), 2, "that one has not written anything yet");
});

/** Two copies that lived together and apart, and the rows that each of them has: (lsn → epoch that wrote it). */
const lives = fc.array(
  fc.record({ by: fc.constantFrom(0, 1), writes: fc.nat(4), heard: fc.nat(4) }),
  { maxLength: 12 },
);

Deno.test("up to the common LSN both have the same rows, and beyond it none", () => {
  fc.assert(fc.property(lives, (steps) => {
    const rows: number[][] = [[], []];
    const reigns: (readonly Reign[])[] = [[], []];
    let epoch = 0;
    for (const { by, writes, heard } of steps) {
      const other = 1 - by;
      epoch++;
      reigns[by] = withReign(reigns[by]!, { epoch, firstLsn: rows[by]!.length + 1 });
      for (let i = 0; i < writes; i++) rows[by]!.push(epoch);
      // The other one may hear a part of it, in order, after it has thrown away what it had alone.
      const a = { reigns: reigns[by]!, lsn: rows[by]!.length },
        b = { reigns: reigns[other]!, lsn: rows[other]!.length };
      if (heard === 0) continue;
      const common = commonLsn(a, b);
      const upTo = Math.min(rows[by]!.length, common + heard);
      rows[other] = rows[by]!.slice(0, upTo);
      reigns[other] = reignsUpTo(reigns[by]!, upTo);
    }
    const [x, y] = rows as [number[], number[]];
    const common = commonLsn({ reigns: reigns[0]!, lsn: x.length }, { reigns: reigns[1]!, lsn: y.length });
    assert.deepEqual(x.slice(0, common), y.slice(0, common));
    let same = 0;
    while (same < Math.min(x.length, y.length) && x[same] === y[same]) same++;
    assert.equal(common, same);
  }));
});
