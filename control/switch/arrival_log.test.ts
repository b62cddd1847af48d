import assert from "node:assert/strict";
import { ArrivalLog } from "./arrival_log.ts";

const left = ({ packets, bytes, oldestUs }: ArrivalLog) => ({ packets, bytes, oldestUs });

Deno.test("what had come by then is taken out, the rest stays", () => {
  const log = new ArrivalLog();
  log.note(100, 5, 5, 500);
  log.note(200, 8, 3, 300);
  log.note(250, 8, 0, 0);
  log.note(300, 9, 1, 100);
  log.takeUntil(99);
  assert.deepEqual([log.taken, log.takenUpTo], [0, 0]);
  log.takeUntil(200);
  assert.deepEqual([log.taken, log.takenUpTo], [8, 8]);
  assert.deepEqual(left(log), { packets: 1, bytes: 100, oldestUs: 300 });
  log.takeAll();
  assert.deepEqual([log.taken, log.takenUpTo], [1, 9]);
  assert.deepEqual(left(log), { packets: 0, bytes: 0, oldestUs: -1 });
});

Deno.test("the oldest go until the rest fits, by bytes and by number", () => {
  const log = new ArrivalLog();
  for (let i = 1; i <= 10; i++) log.note(i, i, 1, 100);
  log.takeDownTo(750, 100);
  assert.deepEqual([log.taken, log.takenUpTo, log.bytes], [3, 3, 700]);
  log.takeDownTo(750, 2);
  assert.deepEqual([log.taken, log.takenUpTo, log.packets], [5, 8, 2]);
  log.takeDownTo(0, 0);
  assert.deepEqual([log.taken, log.packets, log.bytes], [2, 0, 0]);
});

Deno.test("what came at once and is too much goes in part: the newest of it stays", () => {
  const log = new ArrivalLog();
  log.note(1, 0xffff_fffe, 2, 200);
  log.note(2, 58, 60, 6000);
  log.takeDownTo(1000, 100);
  assert.deepEqual([log.taken, log.takenUpTo, left(log)], [52, 48, { packets: 10, bytes: 1000, oldestUs: 2 }]);
  log.takeDownTo(5000, 3);
  assert.deepEqual([log.taken, log.takenUpTo, left(log)], [7, 55, { packets: 3, bytes: 300, oldestUs: 2 }]);
  // One that is larger than all that may wait.
  log.takeAll();
  log.note(3, 59, 1, 9000);
  log.takeDownTo(1000, 3);
  assert.deepEqual([log.taken, log.takenUpTo, log.packets], [1, 59, 0]);
});

Deno.test("a log without room counts what comes as if it had come with the last: kept longer, never lost", () => {
  const log = new ArrivalLog();
  for (let i = 1; i <= 1000; i++) log.note(i, i, 1, 10);
  assert.deepEqual(left(log), { packets: 1000, bytes: 10_000, oldestUs: 1 });
  log.takeUntil(999);
  assert.ok(log.packets > 700, "what came last is still there");
  log.takeAll();
  assert.equal(log.takenUpTo, 1000);
  log.note(2000, 1001, 1, 10);
  assert.deepEqual(left(log), { packets: 1, bytes: 10, oldestUs: 2000 });
});

Deno.test("ids wrap, and nothing is compared", () => {
  const log = new ArrivalLog();
  log.note(1, 0xffff_ffff, 1, 1);
  log.note(2, 3, 3, 3);
  log.takeUntil(1);
  assert.equal(log.takenUpTo, 0xffff_ffff);
  log.takeUntil(2);
  assert.equal(log.takenUpTo, 3);
});
