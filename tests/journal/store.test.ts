import assert from "node:assert/strict";
import { JournalError } from "../../control/journal/failure.ts";
import { readEvents } from "../../control/journal/reader.ts";
import { EPOCH_LEAP, JournalStore } from "../../control/journal/store.ts";
import { DatabaseSync } from "node:sqlite";
import { sampleEvent, sampleReceipt, withJournal } from "./samples.ts";

Deno.test("a new journal proves its epochs, and each run begins above all that were reserved", () =>
  withJournal((path) => {
    const first = JournalStore.open(path);
    assert.deepEqual(first.health, { ok: true, text: "ok", path, waiting: 0, dropped: 0 });
    assert.deepEqual(first.store.firstEpoch("web"), { group: "web", lastUsed: 0, reservedUpTo: 1000, unproven: false });
    assert.deepEqual(first.store.firstEpoch("web").reservedUpTo, 1000, "the same run gets the same answer");
    assert.equal(first.store.reserve("web", 700), 2000);
    assert.equal(first.store.reserve("web", 9000), 10_000);
    assert.equal(first.store.reserve("web", 9500, 10), 10_010);
    first.store.close();

    const second = JournalStore.open(path);
    assert.deepEqual(second.store.firstEpoch("web"), {
      group: "web",
      lastUsed: 10_010,
      reservedUpTo: 11_010,
      unproven: false,
    });
    assert.deepEqual(second.store.firstEpoch("db"), { group: "db", lastUsed: 0, reservedUpTo: 1000, unproven: false });
    second.store.close();
  }));

Deno.test("an epoch that was used but not reserved here counts as well", () =>
  withJournal((path) => {
    const first = JournalStore.open(path);
    first.store.firstEpoch("web");
    first.store.noteUsed("web", 5000);
    first.store.addReceipt(sampleReceipt(7000, { kind: "yield" }));
    first.store.addReceipt(sampleReceipt(9000, { outcome: "aborted" }));
    first.store.close();
    Deno.removeSync(path.replace("journal.db", "epochs"));

    const second = JournalStore.open(path);
    assert.equal(second.store.firstEpoch("web").lastUsed, 7000 + EPOCH_LEAP);
    second.store.close();
  }));

Deno.test("the last epochs of 32 bits are given out, and then none", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path);
    assert.equal(store.reserve("web", 0xffff_fff0), 0xffff_ffff);
    assert.throws(() => store.reserve("web", 0), (error) => error instanceof JournalError && error.kind === "usedUp");
    assert.throws(() => store.reserve("db", 0xffff_ffff), JournalError);
    assert.throws(() => store.reserve("db", NaN), JournalError);
    assert.equal(store.health().ok, true, "the file is sound");
    store.close();
  }));

Deno.test("events and switches come back in one list, as they were, in their order", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path);
    for (let n = 1; n <= 6; n++) {
      if (n % 3 === 0) store.addReceipt(sampleReceipt(n));
      else store.addEvent(sampleEvent(n, n === 4 ? "db" : "web"));
    }
    const all = store.entries({});
    assert.deepEqual(all.map((e) => e.type), ["event", "event", "switch", "event", "event", "switch"]);
    assert.deepEqual(all[0], { id: all[0]!.id, type: "event", event: sampleEvent(1) });
    assert.deepEqual(all[2], { id: all[2]!.id, type: "switch", receipt: sampleReceipt(3) });
    assert.ok(all.every((e, i) => i === 0 || e.id > all[i - 1]!.id));
    assert.deepEqual(readEvents(path), all, "also for a reader beside the one that writes");
    assert.deepEqual(readEvents(path, { limit: 2 }), all.slice(-2), "the last ones");
    assert.deepEqual(readEvents(path, { afterId: all[1]!.id, limit: 2 }), all.slice(2, 4), "the next ones");
    assert.deepEqual(readEvents(path, { group: "db" }), [all[3]]);
    assert.deepEqual(readEvents(path, { group: "web", afterId: all[2]!.id }), [all[4], all[5]]);
    store.close();
    assert.deepEqual(readEvents(path), all, "and when it has gone");
  }));

Deno.test("ids go on growing in the next run", () =>
  withJournal((path) => {
    const first = JournalStore.open(path);
    for (let n = 0; n < 3000; n++) first.store.add({ id: first.store.nextId, type: "event", event: sampleEvent(n) });
    first.store.close();
    const last = readEvents(path, { limit: 1 })[0]!.id;
    const second = JournalStore.open(path);
    assert.ok(second.store.nextId > last);
    second.store.close();
  }));

Deno.test("what is too old is deleted in steps, the newest stay", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path, { events: 1000, switches: 10 });
    for (let n = 0; n < 2200; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    for (let n = 1; n <= 30; n++) store.add({ id: store.nextId, type: "switch", receipt: sampleReceipt(n) });
    store.flush();
    let steps = 1;
    while (store.prune()) steps++;
    assert.ok(steps >= 2, `${steps} steps`);
    const left = store.entries({ limit: 5000 });
    const events = left.filter((e) => e.type === "event");
    assert.equal(events.length, 1000);
    assert.deepEqual(events.map((e) => e.event.text).at(-1), "event 2199");
    assert.deepEqual(left.filter((e) => e.type === "switch").map((e) => e.receipt.epoch), [
      21,
      22,
      23,
      24,
      25,
      26,
      27,
      28,
      29,
      30,
    ]);
    store.close();
  }));

Deno.test("a journal of a newer segue is refused and stays as it is", () =>
  withJournal((path) => {
    JournalStore.open(path).store.close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 3; PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    const before = Deno.readFileSync(path);
    assert.throws(() => JournalStore.open(path), /newer segue \(schema 3, this one reads up to 2\)/);
    assert.throws(() => readEvents(path), /newer segue/);
    assert.deepEqual(Deno.readFileSync(path), before);
  }));

Deno.test("only the owner can read the journal", () =>
  withJournal((path, folder) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    for (const name of ["journal.db", "epochs"]) {
      assert.equal(Deno.statSync(`${folder}/${name}`).mode! & 0o777, 0o600, name);
    }
    store.close();
  }));

Deno.test("an event with something in it that JSON does not know hinders no other", () =>
  withJournal((path) => {
    const ring: Record<string, unknown> = {};
    ring.ring = ring;
    const { store } = JournalStore.open(path);
    store.addEvent({ ...sampleEvent(1), detail: { big: 1n << 70n, none: undefined, not: NaN } });
    store.addEvent({ ...sampleEvent(2), detail: ring });
    store.addReceipt(sampleReceipt(3, { durationUs: NaN }));
    assert.equal(store.health().ok, true);
    store.close();
    const [first, second, third] = readEvents(path);
    assert.deepEqual(first?.type === "event" && first.event.detail, { big: String(1n << 70n), not: null });
    assert.equal(second?.type === "event" && second.event.text, "event 2");
    assert.equal(third?.type === "switch" && third.receipt.epoch, 3);
  }));
