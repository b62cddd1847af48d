/** What becomes of the state when its file is damaged. Real files, real damage. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { JournalError } from "../../control/journal/failure.ts";
import { StateStore } from "../../control/journal/state_store.ts";
import { BLOWS, damage, namesWith } from "./samples.ts";
import { positionChange, rowsChange, sampleRow, store, storedRows, withState } from "./state_samples.ts";

const ROWS = Array.from({ length: 2000 }, (_, n) => sampleRow(`key ${n}`, n + 1, "x".repeat(100)));

function earlierRun(path: string): void {
  const target = StateStore.open(path);
  store(target, rowsChange(ROWS), positionChange(2000));
  target.close();
}

for (const [what, hurt] of BLOWS) {
  Deno.test(`state set aside at the start: ${what}`, () =>
    withState((path, folder) => {
      earlierRun(path);
      hurt(path);
      const bytes = Deno.readFileSync(path);
      const target = StateStore.open(path);
      assert.equal(target.losses, 1);
      const { ok, text, setAside } = target.health();
      assert.equal(ok, true);
      assert.match(text, /the state was damaged .* set aside as /);
      assert.deepEqual(Deno.readFileSync(setAside!), bytes, "the damaged file is as it was");
      assert.equal(target.group("web"), null);
      store(target, rowsChange([sampleRow("a", 1)]), positionChange(1));
      assert.equal(target.group("web")!.copying, true, "nothing says that this is all of the table");
      store(target, { kind: "clear", group: "web" }, rowsChange([sampleRow("b", 2)]), positionChange(2));
      assert.equal(target.group("web")!.copying, false);
      target.close();
      const next = StateStore.open(path);
      assert.deepEqual([next.losses, storedRows(next)], [0, [sampleRow("b", 2)]]);
      next.close();
      assert.equal(namesWith(folder, "damaged").length, 1);
    }));
}

Deno.test("a damaged page is found by reading the table, and by the check of the whole file", () =>
  withState((path, folder) => {
    earlierRun(path);
    damage(path, 20 * 4096, 4096);
    Deno.copyFileSync(path, `${folder}/other.db`);
    const reading = StateStore.open(path);
    assert.equal(reading.losses, 0, "not looked at yet");
    assert.throws(() => storedRows(reading), JournalError);
    assert.equal(reading.losses, 1);
    assert.deepEqual(storedRows(reading), []);
    reading.close();
    const checking = StateStore.open(`${folder}/other.db`);
    checking.verify();
    assert.equal(checking.losses, 1);
    checking.close();
  }));

Deno.test("damaged while it runs: what waits goes into a new file, which is not whole until every table came again", () =>
  withState((path) => {
    const target = StateStore.open(path);
    store(target, rowsChange(ROWS), positionChange(2000));
    const before = new DatabaseSync(path);
    before.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    before.close();
    damage(path, 4096, Deno.statSync(path).size - 4096);
    target.verify();
    assert.equal(target.losses, 1);
    store(target, rowsChange([sampleRow("late", 2001)]), positionChange(2001));
    assert.equal(target.durable, 2);
    assert.equal(target.group("web")!.copying, true);
    store(target, { kind: "clear", group: "web" }, rowsChange(ROWS), positionChange(2001));
    assert.equal(target.group("web")!.copying, false);
    assert.equal(storedRows(target).length, ROWS.length);
    assert.equal(target.health().ok, true);
    target.close();
  }));

Deno.test("killed before any table came again: the new file knows that it stands in place of a lost one", () =>
  withState((path) => {
    earlierRun(path);
    damage(path, 0, 200);
    // Found at the start, and while it runs.
    const first = StateStore.open(path, ["web", "mail"]);
    assert.equal(first.losses, 1);
    first.close();
    const second = StateStore.open(path, ["web", "mail"]);
    assert.equal(second.losses, 0);
    for (const group of ["web", "mail"]) assert.equal(second.group(group)?.copying, true, group);
    assert.equal(second.group("new"), null);
    store(second, { kind: "clear", group: "web" }, rowsChange(ROWS), positionChange(2000));
    assert.deepEqual([second.group("web")!.copying, second.group("mail")!.copying], [false, true]);
    store(second, { kind: "clear", group: "mail" }, positionChange(0, {}, "mail"));
    damage(path, 4096, Deno.statSync(path).size - 4096);
    second.verify();
    assert.equal(second.losses, 1);
    second.close();
    const third = StateStore.open(path, ["web", "mail"]);
    for (const group of ["web", "mail"]) assert.equal(third.group(group)?.copying, true, group);
    third.close();
    // A file that is simply new lacks nothing.
    const fresh = StateStore.open(`${path}.fresh`, ["web"]);
    assert.equal(fresh.group("web"), null);
    fresh.close();
  }));

Deno.test("a log without its database is never played into a new one", () =>
  withState((path, folder) => {
    const target = StateStore.open(path);
    store(target, rowsChange(ROWS), positionChange(2000));
    const torn = `${folder}/torn`;
    Deno.mkdirSync(torn);
    Deno.copyFileSync(`${path}-wal`, `${torn}/state.db-wal`);
    target.close();
    const next = StateStore.open(`${torn}/state.db`);
    assert.equal(next.group("web"), null);
    assert.equal(namesWith(torn, "damaged").length, 1);
    next.close();
  }));

Deno.test("a row that nobody can have written, which SQLite takes for sound: the file is set aside, nothing is left out in silence", () =>
  withState((_, folder) => {
    const impossible = ["key = x'ff'", "key = x''", "key = zeroblob(70000)", "epoch = -1", "lsn = 9007199254740993"];
    for (const [i, change] of impossible.entries()) {
      const here = `${folder}/${i}`;
      Deno.mkdirSync(here);
      earlierRun(`${here}/state.db`);
      const db = new DatabaseSync(`${here}/state.db`);
      db.exec(`UPDATE rows SET ${change} WHERE lsn = 700`);
      db.close();
      const target = StateStore.open(`${here}/state.db`);
      assert.throws(() => storedRows(target), JournalError, change);
      assert.deepEqual([target.losses, namesWith(here, "damaged").length], [1, 1], change);
      target.close();
    }
  }));
