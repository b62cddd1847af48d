import assert from "node:assert/strict";
import { Speakers, SPEAKERS_MAX, TOLD_MAX } from "./speakers.ts";

const v4 = (n: number) => Uint8Array.of(10, 77, n >> 8, n & 255);

Deno.test("each is told once, again after a while if it still speaks, and forgotten if not", () => {
  const speakers = new Speakers();
  const v6 = new Uint8Array(16).fill(7);
  for (let i = 0; i < 3; i++) {
    speakers.note(v4(1), 4);
    speakers.note(v6, 16);
  }
  assert.deepEqual(speakers.take(0), [v4(1), v6]);
  speakers.note(v4(1), 4);
  assert.deepEqual(speakers.take(19e6), []);
  assert.deepEqual(speakers.take(20e6), []);
  speakers.note(v4(1), 4);
  assert.deepEqual(speakers.take(21e6), [v4(1)]);
});

Deno.test("somebody new is due soon, and not sooner after others have been told", () => {
  const speakers = new Speakers();
  speakers.take(0);
  assert.equal(speakers.due(1e6), false);
  speakers.note(v4(1), 4);
  assert.equal(speakers.due(99_999), false);
  assert.equal(speakers.due(100_000), true);
  speakers.take(100_000);
  assert.equal(speakers.due(300_000), false);
  assert.equal(speakers.due(20e6), true);
});

Deno.test("the four bytes of one are not the first four of another", () => {
  const speakers = new Speakers();
  const long = new Uint8Array(16);
  long.set(v4(1));
  speakers.note(long, 16);
  speakers.note(v4(1), 4);
  assert.deepEqual(speakers.take(0), [long, v4(1)]);
});

Deno.test("a flood of strangers costs few questions, and the newest of them are asked for", () => {
  const speakers = new Speakers();
  speakers.take(0);
  for (let i = 0; i < 1000; i++) speakers.note(v4(i), 4);
  const told: Uint8Array[] = [];
  for (let round = 1; round <= SPEAKERS_MAX / TOLD_MAX; round++) {
    const some = speakers.take(round);
    assert.equal(some.length, TOLD_MAX);
    told.push(...some);
  }
  assert.deepEqual(told, Array.from({ length: SPEAKERS_MAX }, (_, i) => v4(1000 - SPEAKERS_MAX + i)));
  assert.deepEqual(speakers.take(100), []);
});
