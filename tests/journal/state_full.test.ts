/** Disks that are full or read-only: real file systems of some MB. Needs root. */
import assert from "node:assert/strict";
import { StateStore } from "../../control/journal/state_store.ts";
import { run } from "../netns/namespace.ts";
import { fill, withSmallDisk } from "./small_disk.ts";
import { positionChange, rowsChange, sampleRow, store, storedRows } from "./state_samples.ts";

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** Writes the same 100 keys until the disk refuses; returns the last LSN. */
function exhaust(target: StateStore): number {
  let lsn = 0;
  while (target.health().ok && lsn < 2_000_000) {
    const rows = Array.from({ length: 100 }, () => sampleRow(`k${++lsn % 100}`, lsn, "x".repeat(200 + lsn % 3000)));
    store(target, rowsChange(rows), positionChange(lsn));
  }
  return lsn;
}

Deno.test("disk full: it goes on, says so, keeps each key once, and writes it when there is room", () =>
  withSmallDisk(async (_, disk) => {
    const path = `${disk}/state.db`;
    const target = StateStore.open(path);
    const makeRoom = fill(disk);
    let lsn = exhaust(target);
    assert.equal(target.health().ok, false);
    assert.match(target.health().text, /^cannot write .*full.*; [0-9]+ rows wait in memory$/);
    const { durable } = target;
    assert.ok(durable < target.sequence);
    assert.ok(target.retryInMs() > 0, "the disk is left alone for a while");
    for (let round = 0; round < 300; round++) {
      const rows = Array.from({ length: 100 }, () => sampleRow(`k${++lsn % 100}`, lsn));
      store(target, rowsChange(rows), positionChange(lsn));
    }
    assert.ok(target.health().waiting <= 200, "each key once here, and once in the commit that failed");
    assert.equal(target.durable, durable);
    makeRoom();
    await pause(target.retryInMs() + 5);
    while (target.flush());
    assert.equal(target.durable, target.sequence);
    assert.deepEqual([target.health().ok, target.health().waiting], [true, 0]);
    assert.deepEqual(storedRows(target).map((row) => row.lsn), Array.from({ length: 100 }, (_, n) => lsn - 99 + n));
    target.close();
    const next = StateStore.open(path);
    assert.equal(next.group("web")!.lsn, lsn);
    next.close();
  }, "4m"));

Deno.test("disk full when the file would be made: it is made later", () =>
  withSmallDisk(async (_, disk) => {
    const makeRoom = fill(disk);
    const target = StateStore.open(`${disk}/state.db`);
    assert.equal(target.health().ok, false);
    store(target, rowsChange([sampleRow("a", 1)]), positionChange(1));
    assert.equal(target.durable, 0);
    makeRoom();
    await pause(target.retryInMs() + 5);
    store(target);
    assert.equal(target.durable, target.sequence);
    assert.deepEqual(storedRows(target), [sampleRow("a", 1)]);
    target.close();
  }, "2m"));

Deno.test("read-only disk: what is stored can be read, log included, and it mends itself", () =>
  withSmallDisk(async (_, disk) => {
    const path = `${disk}/state.db`;
    const first = StateStore.open(path);
    store(first, rowsChange([sampleRow("a", 1)]), positionChange(1));
    // As a killed daemon leaves it: all of it in the log.
    const dead = `${disk}/dead`;
    Deno.mkdirSync(dead);
    for (const name of ["state.db", "state.db-wal"]) Deno.copyFileSync(`${disk}/${name}`, `${dead}/${name}`);
    first.close();
    run("mount", "-o", "remount,ro", disk);
    const target = StateStore.open(`${dead}/state.db`);
    assert.equal(target.health().ok, false);
    assert.equal(target.group("web")!.lsn, 1);
    assert.deepEqual(storedRows(target), [sampleRow("a", 1)]);
    store(target, rowsChange([sampleRow("b", 2)]), positionChange(2));
    assert.equal(target.durable, 0);
    run("mount", "-o", "remount,rw", disk);
    await pause(target.retryInMs() + 5);
    store(target);
    assert.equal(target.durable, target.sequence);
    assert.equal(target.losses, 0);
    assert.deepEqual(storedRows(target), [sampleRow("a", 1), sampleRow("b", 2)]);
    target.close();
  }, "4m"));
