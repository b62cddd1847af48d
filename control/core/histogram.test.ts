import assert from "node:assert/strict";
import fc from "fast-check";
import {
  bucketOf,
  BUCKETS,
  countAtLeast,
  Delays,
  LEAST_US,
  lowerEdgeUs,
  mergeSpreads,
  quantileUs,
  totalOf,
} from "./histogram.ts";

Deno.test("each value lies in a bucket that is a sixteenth of it wide at most", () => {
  fc.assert(fc.property(fc.double({ min: 0, max: 1.6e7, noNaN: true }), (us) => {
    const bucket = bucketOf(us);
    const low = lowerEdgeUs(bucket), high = lowerEdgeUs(bucket + 1);
    assert.ok(low <= us && Math.floor(us) < high, `${us} in ${low}…${high}`);
    if (us >= LEAST_US) assert.ok((high - low) / low <= 1 / 16);
  }));
});

Deno.test("buckets are in order, without a hole, and nothing falls out of them", () => {
  for (let i = 0; i < BUCKETS; i++) assert.equal(bucketOf(lowerEdgeUs(i)), i);
  assert.deepEqual([bucketOf(-5), bucketOf(NaN), bucketOf(63), bucketOf(1e12), bucketOf(Infinity)], [
    0,
    0,
    0,
    BUCKETS - 1,
    BUCKETS - 1,
  ]);
});

Deno.test("what is taken is what was noted, and then it begins anew", () => {
  const delays = new Delays();
  for (const us of [-3, 10, 100, 100, 5000.7]) delays.note(us);
  const spread = delays.take();
  assert.deepEqual(spread, { counts: [0, 2, bucketOf(100), 2, bucketOf(5000), 1], maxUs: 5001 });
  assert.deepEqual(delays.take(), { counts: [], maxUs: 0 });
  assert.equal(totalOf(mergeSpreads([spread, spread])), 10);
});

Deno.test("counts from a limit on: never too few, and too many by what shares the limit's bucket alone", () => {
  fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 1e7 })), fc.integer({ min: 1, max: 1e7 }), (all, limit) => {
    const delays = new Delays();
    for (const us of all) delays.note(us);
    const counted = countAtLeast(delays.take(), limit);
    assert.ok(counted >= all.filter((us) => us >= limit).length);
    assert.ok(counted <= all.filter((us) => us >= limit * 15 / 16 || limit < LEAST_US).length);
  }));
});

Deno.test("a quantile is near the true one, and never above the longest", () => {
  const delays = new Delays();
  for (let i = 1; i <= 1000; i++) delays.note(i * 100);
  const spread = delays.take();
  for (const [share, true_] of [[0.5, 50_000], [0.99, 99_000]] as const) {
    assert.ok(Math.abs(quantileUs(spread, share) - true_) <= true_ / 15);
  }
  assert.equal(quantileUs(spread, 1), 100_000);
  assert.equal(quantileUs({ counts: [], maxUs: 0 }, 0.5), 0);
});
