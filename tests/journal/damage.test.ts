/** What becomes of the epochs when files are damaged. Real files, real damage. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { readEvents } from "../../control/journal/reader.ts";
import { EPOCH_LEAP, JournalStore } from "../../control/journal/store.ts";
import { BLOWS, damage, namesWith, sampleEvent, withJournal } from "./samples.ts";

/** A journal of an earlier run: epochs up to 1000 of `web`, many events. */
function earlierRun(path: string): void {
  const { store } = JournalStore.open(path);
  store.firstEpoch("web");
  for (let n = 0; n < 900; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
  store.close();
}

/** Opens, and takes what the daemon takes. */
function nextRun(path: string) {
  const { store, health } = JournalStore.open(path);
  const epoch = store.firstEpoch("web");
  store.addEvent(sampleEvent(9999));
  assert.equal(store.entries({ limit: 1 }).length, 1);
  store.close();
  return { epoch, health };
}

const kept = { group: "web", lastUsed: 1000, reservedUpTo: 2000, unproven: false };

/** The same where nothing but the database says so. */
const leapt = { ...kept, lastUsed: kept.lastUsed + EPOCH_LEAP, reservedUpTo: kept.reservedUpTo + EPOCH_LEAP };

for (const [what, hurt] of BLOWS) {
  Deno.test(`set aside, epochs kept: ${what}`, () =>
    withJournal((path, folder) => {
      earlierRun(path);
      hurt(path);
      const bytes = Deno.readFileSync(path);
      const { epoch, health } = nextRun(path);
      assert.deepEqual(epoch, kept);
      assert.equal(health.ok, true);
      assert.match(health.text, /damaged .* set aside as .*epochs were kept/);
      assert.deepEqual(Deno.readFileSync(health.setAside!), bytes, "the damaged file is as it was");
      assert.equal(namesWith(folder, "damaged").length, 1);
      assert.equal(nextRun(path).health.setAside, undefined, "the new one is sound");
    }));

  Deno.test(`without the copy of the epochs they are unproven until the peer has told its own: ${what}`, () =>
    withJournal((path, folder) => {
      earlierRun(path);
      hurt(path);
      Deno.removeSync(`${folder}/epochs`);
      assert.equal(nextRun(path).epoch.unproven, true);
      // Not forgotten by a restart, nor by the loss of either file.
      assert.equal(nextRun(path).epoch.unproven, true);
      Deno.removeSync(`${folder}/epochs`);
      assert.equal(nextRun(path).epoch.unproven, true);
      Deno.removeSync(path);
      const { store } = JournalStore.open(path);
      const { unproven, reservedUpTo } = store.firstEpoch("web");
      assert.equal(unproven, true);
      // The peer is at an epoch that was never reserved here.
      store.reserve("web", reservedUpTo + 5);
      store.close();
      const after = nextRun(path).epoch;
      assert.deepEqual(after, {
        group: "web",
        lastUsed: reservedUpTo + 1005,
        reservedUpTo: reservedUpTo + 2005,
        unproven: false,
      });
    }));
}

Deno.test("an epoch that was used proves a group again", () =>
  withJournal((path, folder) => {
    earlierRun(path);
    damage(path, 0, 100);
    Deno.removeSync(`${folder}/epochs`);
    const { store } = JournalStore.open(path);
    assert.equal(store.firstEpoch("web").unproven, true);
    store.noteUsed("web", 17);
    store.close();
    assert.equal(nextRun(path).epoch.unproven, false);
  }));

Deno.test("epochs are read from the damaged file itself where the copy is lost too", () =>
  withJournal((path, folder) => {
    earlierRun(path);
    Deno.removeSync(`${folder}/epochs`);
    // A page somewhere in the events: the check of the whole file finds it, the table of the epochs is whole.
    damage(path, 30 * 4096, 4096);
    const { store } = JournalStore.open(path);
    assert.equal(store.health().setAside, undefined, "not looked at yet");
    store.verify();
    assert.ok(store.health().setAside);
    assert.deepEqual(store.firstEpoch("web"), leapt);
    store.close();
    assert.equal(nextRun(path).epoch.unproven, false);
  }));

Deno.test("a page of the epochs is damaged: the copy knows them", () =>
  withJournal((path) => {
    earlierRun(path);
    damage(path, pageOf(path, "epochs") * 4096, 4096);
    const { epoch, health } = nextRun(path);
    assert.deepEqual(epoch, kept);
    assert.ok(health.setAside);
  }));

Deno.test("damaged while it runs: a new one takes over, nothing that waits is lost, no epoch comes twice", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    for (let n = 0; n < 900; n++) store.add({ id: store.nextId, type: "event", event: sampleEvent(n) });
    store.flush();
    store.verify();
    const before = new DatabaseSync(path);
    before.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    before.close();
    for (let page = 1; page < Deno.statSync(path).size / 4096; page++) damage(path, page * 4096, 4096);
    store.addEvent(sampleEvent(1000));
    assert.equal(store.reserve("web", 0), 2000);
    store.verify();
    assert.ok(store.health().setAside);
    assert.equal(store.health().ok, true);
    assert.equal(store.reserve("web", 0), 3000);
    store.addEvent(sampleEvent(1001));
    store.close();
    assert.equal(readEvents(path, { limit: 1 })[0]!.type, "event");
    assert.equal(nextRun(path).epoch.lastUsed, 3000);
  }));

Deno.test("the log is lost: the copy knows what only the log knew", () =>
  withJournal((path, folder) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    // As a power cut leaves it: the database without what was only in the log.
    const lost = `${folder}/lost`;
    Deno.mkdirSync(lost);
    for (const name of ["journal.db", "epochs"]) Deno.copyFileSync(`${folder}/${name}`, `${lost}/${name}`);
    store.close();
    assert.deepEqual(nextRun(`${lost}/journal.db`).epoch, kept);
  }));

Deno.test("a log without its database is never played into a new one", () =>
  withJournal((path, folder) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    store.addEvent(sampleEvent(1));
    const torn = `${folder}/torn`;
    Deno.mkdirSync(torn);
    Deno.copyFileSync(`${path}-wal`, `${torn}/journal.db-wal`);
    store.close();
    const { epoch } = nextRun(`${torn}/journal.db`);
    assert.equal(epoch.unproven, true);
    assert.equal(namesWith(torn, "damaged").length, 1);
  }));

const DAMAGED_COPY = 'segue epochs 1\n99 proven "web"\nothers proven\ncrc32 00000000\n';

Deno.test("a damaged copy of the epochs costs numbers and nothing else while the database is sound", () =>
  withJournal((path, folder) => {
    earlierRun(path);
    Deno.writeTextFileSync(`${folder}/epochs`, DAMAGED_COPY);
    assert.deepEqual(nextRun(path).epoch, leapt);
    // Once: the copy is whole again.
    assert.equal(nextRun(path).epoch.lastUsed, 2000 + EPOCH_LEAP);
  }));

for (
  const [what, hurt] of [
    ["damaged", (path) => Deno.writeTextFileSync(path, DAMAGED_COPY)],
    ["away", (path) => Deno.removeSync(path)],
  ] as readonly (readonly [string, (path: string) => void])[]
) {
  Deno.test(`the copy of the epochs is ${what}, and so is the end of the log: no epoch comes twice, of no group`, () =>
    withJournal((path, folder) => {
      earlierRun(path);
      const { store } = JournalStore.open(path);
      const used = ["web", "db"].map((group) => store.firstEpoch(group).reservedUpTo);
      for (let n = 0; n < 3; n++) used[0] = store.reserve("web", 0);
      for (const keep of [0, 0.3, 0.9]) {
        // A crash, and then the damage: what SQLite finds is an older database, and a sound one.
        const here = `${folder}/kept-${keep}`;
        Deno.mkdirSync(here);
        for (const name of ["journal.db", "journal.db-wal", "epochs"]) {
          Deno.copyFileSync(`${folder}/${name}`, `${here}/${name}`);
        }
        Deno.truncateSync(`${here}/journal.db-wal`, Math.floor(keep * Deno.statSync(`${here}/journal.db-wal`).size));
        hurt(`${here}/epochs`);
        const next = JournalStore.open(`${here}/journal.db`).store;
        for (const [i, group] of ["web", "db"].entries()) {
          const { lastUsed, unproven } = next.firstEpoch(group);
          assert.ok(unproven || lastUsed >= used[i]!, `${group}: ${lastUsed} after ${used[i]}, ${keep} of the log`);
        }
        next.close();
      }
      store.close();
    }));
}

Deno.test("a reservation does not wait in the log: the database has it without", () =>
  withJournal((path, folder) => {
    const { store } = JournalStore.open(path);
    store.firstEpoch("web");
    const upTo = store.reserve("web", 50_000_000);
    Deno.copyFileSync(path, `${folder}/alone.db`);
    const db = new DatabaseSync(`${folder}/alone.db`, { readOnly: true });
    assert.equal(db.prepare("SELECT reserved_up_to AS it FROM epochs").get()!.it, upTo);
    db.close();
    store.close();
  }));

Deno.test("two journals that are damaged one after the other do not overwrite each other", () =>
  withJournal((path, folder) => {
    for (let n = 0; n < 3; n++) {
      earlierRun(path);
      damage(path, 0, 100);
    }
    nextRun(path);
    assert.equal(namesWith(folder, "damaged").length, 3);
  }));

/** Number of the root page of a table, from 0. */
function pageOf(path: string, table: string): number {
  const db = new DatabaseSync(path);
  const row = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = ?").get(table);
  db.close();
  return Number(row?.rootpage) - 1;
}
