/** The state in the journal's thread, as the daemon has it. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { encodeRows } from "../../control/core/state/packed.ts";
import { GroupTable } from "../../control/core/state/table.ts";
import { JournalClient } from "../../control/journal/client.ts";
import { JournalError } from "../../control/journal/failure.ts";
import type { StateJournal } from "../../control/journal/state_client.ts";
import { StateStore } from "../../control/journal/state_store.ts";
import { run } from "../netns/namespace.ts";
import { damage, namesWith, sampleEvent, withJournal } from "./samples.ts";
import { fill, withSmallDisk } from "./small_disk.ts";
import { positionChange, rowsChange, sampleRow, store } from "./state_samples.ts";

const ENTRY = new URL("./entry.ts", import.meta.url);

/** Resolves when everything up to a number is on the disk. */
function durable(state: StateJournal, sequence: number): Promise<void> {
  return new Promise((resolve) => {
    const end = state.onDurable((upTo) => {
      if (upTo < sequence) return;
      end();
      resolve();
    });
    if (state.durable >= sequence) {
      end();
      resolve();
    }
  });
}

async function loadTable(state: StateJournal, group = "web") {
  const { chunks, ...stored } = await state.load(group);
  const table = new GroupTable();
  for await (const piece of chunks) assert.notEqual(table.applyPacked(piece), null);
  return { stored, table };
}

Deno.test("no file is made before somebody asks for state", () =>
  withJournal(async (path, folder) => {
    const { client } = await JournalClient.start(ENTRY, path);
    await client.close();
    assert.deepEqual(namesWith(folder, "state"), []);
  }));

Deno.test("appended, durable, loaded: in this run and in the next", () =>
  withJournal(async (path) => {
    const first = (await JournalClient.start(ENTRY, path)).client;
    assert.deepEqual((await loadTable(first.state)).stored, {
      floor: 0,
      lsn: 0,
      copying: false,
      reigns: [],
      isNew: true,
      lost: false,
    });
    const { bytes } = encodeRows([sampleRow("a", 1), sampleRow("b", 2)]);
    const sequence = first.state.append([{ kind: "rows", group: "web", packed: bytes }, positionChange(2)], true);
    assert.equal(sequence, 1);
    await durable(first.state, sequence);
    assert.equal(bytes.length, 0, "the buffer went to the thread");
    let lsn = 2;
    for (let n = 0; n < 5000; n++) first.state.append([rowsChange([sampleRow(`k${n % 700}`, ++lsn)])], n % 50 === 0);
    const last = first.state.append([positionChange(lsn)], false);
    assert.ok(first.state.durable < last, "nobody waits");
    // A question is answered as if everything before it were written: so it is.
    const { table, stored } = await loadTable(first.state);
    assert.deepEqual([table.keys, table.lsn, stored.lsn], [702, lsn, lsn]);
    await durable(first.state, last);
    assert.equal(await first.reserve("web", 0), 1000, "the journal beside it works");
    first.state.append([rowsChange([sampleRow("last", lsn + 1)]), positionChange(lsn + 1)], false);
    await first.close();
    await assert.rejects(first.state.load("web"), /closed/);
    const second = (await JournalClient.start(ENTRY, path)).client;
    const again = await loadTable(second.state);
    assert.deepEqual([again.table.keys, again.table.lsn, again.stored.isNew], [703, lsn + 1, false]);
    await second.close();
  }));

Deno.test("a flood is made one on its way: memory holds each key once, and the last of each is stored", () =>
  withJournal(async (path) => {
    const { client } = await JournalClient.start(ENTRY, path);
    const text = "x".repeat(2000);
    let lsn = 0, sequence = 0;
    for (let n = 0; n < 400; n++) {
      const rows = Array.from({ length: 100 }, () => sampleRow(`k${++lsn % 250}`, lsn, text));
      sequence = client.state.append([rowsChange(rows), positionChange(lsn)], false);
    }
    await durable(client.state, sequence);
    const { table } = await loadTable(client.state);
    assert.deepEqual([table.keys, table.lsn], [250, lsn]);
    assert.deepEqual(table.rowsAbove(0, 1)[0]!.lsn, lsn - 249);
    await client.close();
  }));

Deno.test("orphans and a backup by way of the thread; a backup never overwrites", () =>
  withJournal(async (path, folder) => {
    const { client } = await JournalClient.start(ENTRY, path);
    const { packed } = rowsChange([sampleRow("a", 7, "mine", 3)]) as { packed: Uint8Array };
    client.state.append([
      { kind: "orphans", group: "web", at: "2026-01-02T03:04:05.000Z", foundByEpoch: 4, packed },
      rowsChange([sampleRow("b", 8)]),
    ], false);
    assert.equal((await client.state.orphans("web")).rows[0]!.key, "a");
    const copy = `${folder}/copy.db`;
    const { bytes } = await client.state.backup(copy);
    assert.equal(Deno.statSync(copy).size, bytes);
    await assert.rejects(client.state.backup(copy), /is there already/);
    assert.equal(await client.state.dropOrphans("web"), 1);
    assert.equal((await client.state.orphans("web")).total, 0);
    await client.close();
    const kept = StateStore.open(copy);
    assert.equal(kept.orphans("web", 9).total, 1);
    kept.close();
    assert.deepEqual(namesWith(folder, "part"), []);
  }));

Deno.test("the disk refuses: who waits learns it, and learns when it is there after all", () =>
  withSmallDisk(async (path, disk) => {
    const { client } = await JournalClient.start(ENTRY, path);
    await durable(client.state, client.state.append([rowsChange([sampleRow("a", 1)])], true));
    run("mount", "-o", "remount,size=2m", disk);
    const makeRoom = fill(disk);
    const failed = new Promise<[number, string]>((resolve) => {
      const end = client.state.onFailure((sequence, text) => {
        end();
        resolve([sequence, text]);
      });
    });
    let lsn = 1, sequence = 0;
    const text = "x".repeat(30_000);
    while (client.state.health().ok && lsn < 2000) {
      const rows = Array.from({ length: 10 }, () => sampleRow(`k${++lsn % 50}`, lsn, text));
      sequence = client.state.append([rowsChange(rows), positionChange(lsn)], true);
      await client.entries({ limit: 1 });
    }
    const [refused, reason] = await failed;
    assert.ok(
      refused <= sequence && refused > client.state.durable,
      `${client.state.durable} < ${refused} ≤ ${sequence}`,
    );
    assert.match(reason, /full/);
    makeRoom();
    run("mount", "-o", "remount,size=20m", disk);
    await durable(client.state, sequence);
    assert.equal(client.state.health().ok, true);
    assert.equal((await loadTable(client.state)).table.lsn, lsn);
    await client.close();
  }, "3m"));

Deno.test("a file that is lost is said to be, and the tables come again", () =>
  withJournal(async (path, folder) => {
    const earlier = StateStore.open(`${folder}/state.db`);
    store(earlier, rowsChange([sampleRow("a", 1)]), positionChange(1));
    earlier.close();
    damage(`${folder}/state.db`, 0, 200);
    const { client } = await JournalClient.start(ENTRY, path);
    const lost = new Promise<string>((resolve) => client.state.onLost(resolve));
    const { stored } = await loadTable(client.state);
    assert.deepEqual([stored.isNew, stored.lost], [true, true]);
    assert.match(await lost, /set aside as/);
    client.addEvent(sampleEvent(1));
    client.state.append([{ kind: "clear", group: "web" }, rowsChange([sampleRow("b", 2)]), positionChange(2)], false);
    assert.deepEqual((await loadTable(client.state)).table.rowsAbove(0, 9), [sampleRow("b", 2)]);
    assert.equal((await client.entries()).length, 1);
    await client.close();
  }));

Deno.test("the state of a newer segue is not touched: loading says why, appending fails", () =>
  withJournal(async (path, folder) => {
    const file = `${folder}/state.db`;
    StateStore.open(file).close();
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 99");
    db.close();
    const bytes = Deno.readFileSync(file);
    const { client } = await JournalClient.start(ENTRY, path);
    await assert.rejects(
      client.state.load("web"),
      (error) => error instanceof JournalError && /newer segue/.test(error.message),
    );
    const failed = new Promise<string>((resolve) => client.state.onFailure((_, text) => resolve(text)));
    client.state.append([rowsChange([sampleRow("a", 1)])], true);
    assert.match(await failed, /newer segue/);
    await client.close();
    assert.deepEqual(Deno.readFileSync(file), bytes);
  }));
