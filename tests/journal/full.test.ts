/** Disks that are full or read-only: real file systems of 1 MB. Needs root. */
import assert from "node:assert/strict";
import { readEvents } from "../../control/journal/reader.ts";
import { JournalError } from "../../control/journal/failure.ts";
import { BACKLOG_MAX, EPOCH_LEAP, JournalStore } from "../../control/journal/store.ts";
import { run } from "../netns/namespace.ts";
import { sampleEvent, sampleReceipt } from "./samples.ts";
import { fill, withSmallDisk } from "./small_disk.ts";

/** Adds events until the disk refuses: what is free inside the files is used up first. */
function exhaust(store: JournalStore): number {
  let added = 0;
  while (store.health().ok && added < 20_000) store.addEvent(sampleEvent(added++));
  return added;
}

Deno.test("disk full: it goes on, says so, keeps the newest entries, and mends itself", () =>
  withSmallDisk((path, disk) => {
    const { store } = JournalStore.open(path);
    const start = store.firstEpoch("web");
    const makeRoom = fill(disk);
    const added = exhaust(store);
    assert.equal(store.health().ok, false);
    assert.match(store.health().text, /cannot write .*full/);
    assert.throws(() => store.reserve("web", 0), (error) => error instanceof JournalError && error.kind === "full");
    assert.ok(store.retryInMs() > 0, "the disk is left alone for a while");

    for (let n = 0; n < BACKLOG_MAX + 50; n++) store.addEvent(sampleEvent(added + n));
    store.addReceipt(sampleReceipt(3));
    assert.equal(store.health().waiting, BACKLOG_MAX);
    // One event had been refused before, and the receipt came on top.
    assert.equal(store.health().dropped, 52);
    assert.equal(store.entries({ limit: 1 })[0]!.type, "switch", "what waits can be read");

    makeRoom();
    assert.equal(store.reserve("web", 0) > start.reservedUpTo, true, "a reservation tries at once");
    assert.equal(store.health().ok, true);
    store.close();
    const stored = readEvents(path, { limit: BACKLOG_MAX });
    assert.equal(stored.length, BACKLOG_MAX);
    const texts = stored.map((entry) => entry.type === "event" ? entry.event.text : "switch");
    assert.equal(texts[0], `event ${added + 51}`);
    assert.deepEqual(texts.slice(-2), [`event ${added + BACKLOG_MAX + 49}`, "switch"]);
  }));

Deno.test("disk full at the start: what is known of the epochs is told, nothing is reserved", () =>
  withSmallDisk((path, disk) => {
    const first = JournalStore.open(path).store;
    first.firstEpoch("web");
    first.close();
    const makeRoom = fill(disk);
    const { store } = JournalStore.open(path);
    const start = store.firstEpoch("web");
    assert.deepEqual(start, { group: "web", lastUsed: 1000, reservedUpTo: 1000, unproven: false });
    assert.equal(store.health().ok, false);
    makeRoom();
    assert.ok(store.reserve("web", 0) >= 2000);
    assert.equal(store.health().ok, true);
    assert.equal(store.firstEpoch("web").unproven, false);
    store.close();
  }));

Deno.test("disk full when the journal would be made: nothing is there, and it is made later", () =>
  withSmallDisk((path, disk) => {
    const makeRoom = fill(disk);
    const { store, health } = JournalStore.open(path);
    assert.equal(health.ok, false);
    assert.deepEqual(store.firstEpoch("web"), { group: "web", lastUsed: 0, reservedUpTo: 0, unproven: false });
    store.addEvent(sampleEvent(1));
    makeRoom();
    assert.equal(store.reserve("web", 0), 1000);
    store.close();
    assert.equal(readEvents(path).length, 1);
  }));

Deno.test("damaged on a full disk: set aside, and made anew when there is room", () =>
  withSmallDisk((path, disk) => {
    const first = JournalStore.open(path).store;
    first.firstEpoch("web");
    first.close();
    const makeRoom = fill(disk);
    Deno.writeFileSync(path, new Uint8Array(4096).fill(7), { create: false });
    const { store, health } = JournalStore.open(path);
    assert.equal(health.ok, false);
    assert.ok(health.setAside);
    assert.equal(store.firstEpoch("web").lastUsed, 1000);
    makeRoom();
    assert.ok(store.reserve("web", 0) >= 2000);
    assert.equal(store.health().ok, true);
    store.close();
  }));

Deno.test("read-only disk: the epochs are known, the journal can be read, and it mends itself", () =>
  withSmallDisk((path, disk) => {
    const first = JournalStore.open(path).store;
    first.firstEpoch("web");
    first.addEvent(sampleEvent(1));
    first.close();
    run("mount", "-o", "remount,ro", disk);
    const { store, health } = JournalStore.open(path);
    assert.equal(health.ok, false);
    assert.match(health.text, /^cannot open /);
    assert.deepEqual(store.firstEpoch("web"), { group: "web", lastUsed: 1000, reservedUpTo: 1000, unproven: false });
    store.addEvent(sampleEvent(2));
    assert.equal(store.health().waiting, 1);
    assert.equal(readEvents(path).length, 1);

    run("mount", "-o", "remount,rw", disk);
    assert.equal(store.reserve("web", 0), 2000);
    store.close();
    assert.deepEqual(readEvents(path).map((entry) => entry.type === "event" && entry.event.text), [
      "event 1",
      "event 2",
    ]);
  }));

Deno.test("read-only disk after a kill: what is only in the log is read too", () =>
  withSmallDisk((path, disk) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    store.addEvent(sampleEvent(1));
    const dead = `${disk}/dead`;
    Deno.mkdirSync(dead);
    for (const name of ["journal.db", "journal.db-wal"]) Deno.copyFileSync(`${disk}/${name}`, `${dead}/${name}`);
    store.close();
    run("mount", "-o", "remount,ro", disk);
    const later = JournalStore.open(`${dead}/journal.db`);
    assert.equal(later.health.ok, false);
    // The copy is not there, the database and its log are: 1000 was reserved, or a little more.
    assert.deepEqual(later.store.firstEpoch("web"), {
      group: "web",
      lastUsed: 1000 + EPOCH_LEAP,
      reservedUpTo: 1000 + EPOCH_LEAP,
      unproven: false,
    });
    assert.equal(readEvents(`${dead}/journal.db`).length, 1);
    later.store.close();
  }));
