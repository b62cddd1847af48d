/** `segue journal backup` and `segue journal check`: real files, with and without somebody who writes. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { runCommand } from "../../control/commands.ts";
import { JournalClient } from "../../control/journal/client.ts";
import { readEvents } from "../../control/journal/reader.ts";
import { EPOCH_LEAP, JournalStore } from "../../control/journal/store.ts";
import { StateStore } from "../../control/journal/state_store.ts";
import { damage, namesWith, sampleEvent, withJournal } from "./samples.ts";
import { fill, withSmallDisk } from "./small_disk.ts";
import { positionChange, rowsChange, sampleRow, store, storedRows } from "./state_samples.ts";

const ENTRY = new URL("./entry.ts", import.meta.url);

async function segue(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  let out = "", err = "";
  const code = await runCommand(args, { out: (text) => out += text, err: (text) => err += text });
  return { code, out, err };
}

function earlierRun(path: string, folder: string): void {
  const journal = JournalStore.open(path).store;
  journal.firstEpoch("web");
  journal.addEvent(sampleEvent(1));
  journal.close();
  const state = StateStore.open(`${folder}/state.db`);
  store(state, rowsChange([sampleRow("a", 1), sampleRow("b", 2, null)]), positionChange(2));
  state.close();
}

Deno.test("a backup while nothing runs: both files, as they are; a second one to the same place is refused", () =>
  withJournal(async (path, folder) => {
    earlierRun(path, folder);
    const file = `${folder}/copy.db`;
    const { code, out } = await segue("journal", "backup", file, "--state-dir", folder, "--json");
    assert.equal(code, 0);
    const report = JSON.parse(out);
    assert.deepEqual(report.groups, [{ group: "web", rows: 2, lsn: 2, floor: 0, copying: false }]);
    assert.equal(report.journal.bytes, Deno.statSync(file).size);
    assert.equal(report.state.bytes, Deno.statSync(`${file}.state`).size);
    assert.equal(Deno.statSync(file).mode! & 0o777, 0o600);
    assert.equal(readEvents(file).at(-1)!.id, report.last_entry);
    const state = StateStore.open(`${file}.state`);
    assert.deepEqual(storedRows(state), [sampleRow("a", 1), sampleRow("b", 2, null)]);
    state.close();
    for (const gone of [file, `${file}.state`]) {
      const bytes = Deno.readFileSync(gone === file ? `${file}.state` : file);
      Deno.removeSync(gone);
      const again = await segue("journal", "backup", file, "--state-dir", folder);
      assert.equal(again.code, 1);
      assert.match(again.err, /is there already; a backup never overwrites a file/);
      assert.deepEqual(Deno.readFileSync(gone === file ? `${file}.state` : file), bytes);
      Deno.writeFileSync(gone, bytes);
    }
    assert.deepEqual(namesWith(folder, "part"), []);
  }));

Deno.test("a restored journal does not prove epochs", () =>
  withJournal(async (path, folder) => {
    earlierRun(path, folder);
    await segue("journal", "backup", `${folder}/copy.db`, "--state-dir", folder);
    const restored = `${folder}/restored`;
    Deno.mkdirSync(restored);
    Deno.renameSync(`${folder}/copy.db`, `${restored}/journal.db`);
    const { store: journal } = JournalStore.open(`${restored}/journal.db`);
    const lastUsed = 1000 + EPOCH_LEAP;
    assert.deepEqual(journal.firstEpoch("web"), {
      group: "web",
      lastUsed,
      reservedUpTo: lastUsed + 1000,
      unproven: true,
    });
    assert.equal(journal.firstEpoch("db").unproven, true);
    journal.close();
  }));

Deno.test("a backup under load is one moment: every row up to its position, none beyond", () =>
  withJournal(async (path, folder) => {
    const { client } = await JournalClient.start(ENTRY, path);
    let lsn = 0, going = true;
    const writing = (async () => {
      while (going) {
        const rows = Array.from({ length: 30 }, () => sampleRow(`k${++lsn % 300}`, lsn));
        client.state.append([rowsChange(rows), positionChange(lsn)], lsn % 2 === 0);
        await new Promise((resolve) => setTimeout(resolve, 0));
      }
    })();
    await client.state.load("web");
    for (let n = 0; n < 4; n++) {
      const file = `${folder}/copy${n}.db`;
      const args = ["run", "-A", "--no-check", new URL("../../main.ts", import.meta.url).pathname];
      const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [...args, "journal", "backup", file, "--state-dir", folder, "--json"],
      }).output();
      assert.equal(code, 0, new TextDecoder().decode(stderr));
      const [{ lsn: position }] = JSON.parse(new TextDecoder().decode(stdout)).groups;
      assert.ok(position > 0);
      const copy = StateStore.open(`${file}.state`);
      const rows = storedRows(copy);
      assert.equal(copy.group("web")!.lsn, position);
      const first = Math.max(1, position - 299);
      assert.deepEqual(rows.map((row) => row.lsn), Array.from({ length: position - first + 1 }, (_, i) => first + i));
      copy.verify();
      assert.equal(copy.losses, 0);
      copy.close();
    }
    going = false;
    await writing;
    assert.equal(client.state.health().ok, true);
    await client.close();
  }));

Deno.test("no room for the copy: nothing of it is left", () =>
  withSmallDisk(async (path, disk) => {
    earlierRun(path, disk);
    fill(disk);
    const { code, err } = await segue("journal", "backup", `${disk}/copy.db`, "--state-dir", disk);
    assert.equal(code, 1);
    assert.match(err, /^segue journal backup: cannot /);
    assert.deepEqual(namesWith(disk, "copy"), []);
  }));

Deno.test("nothing to copy, or nowhere to put it: said in a sentence", () =>
  withJournal(async (path, folder) => {
    const none = await segue("journal", "backup", `${folder}/copy.db`, "--state-dir", folder);
    assert.deepEqual([none.code, namesWith(folder, "copy")], [1, []]);
    assert.match(none.err, /there is none; was segue ever run/);
    earlierRun(path, folder);
    const nowhere = await segue("journal", "backup", `${folder}/missing/copy.db`, "--state-dir", folder);
    assert.equal(nowhere.code, 1);
    assert.match(nowhere.err, /there is no such folder/);
  }));

Deno.test("a check shows versions and positions, and finds damage in either file", () =>
  withJournal(async (path, folder) => {
    earlierRun(path, folder);
    const check = async () => {
      const { code, out } = await segue("journal", "check", "--state-dir", folder, "--json");
      return { code, report: JSON.parse(out) };
    };
    const sound = await check();
    assert.equal(sound.code, 0);
    assert.deepEqual(sound.report.journal.epochs, [{ group: "web", reserved_up_to: 1000, unproven: false }]);
    assert.deepEqual(sound.report.state.groups, [{ group: "web", rows: 2, lsn: 2, floor: 0, copying: false }]);
    assert.deepEqual([sound.report.journal.verdict, sound.report.state.verdict], ["sound", "sound"]);
    const text = await segue("journal", "check", "--state-dir", folder);
    assert.match(text.out, /web: epochs reserved up to 1000\n/);
    assert.match(text.out, /web: 2 rows up to LSN 2, floor 0\n/);

    const db = new DatabaseSync(`${folder}/state.db`);
    const { rootpage } = db.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'rows_by_key'").get()!;
    db.close();
    damage(`${folder}/state.db`, (Number(rootpage) - 1) * 4096, 4096);
    const hurt = await check();
    assert.deepEqual([hurt.code, hurt.report.ok, hurt.report.state.verdict], [1, false, "damaged"]);
    assert.ok(hurt.report.state.problems.length > 0);
    assert.equal(hurt.report.journal.verdict, "sound");

    damage(`${folder}/state.db`, 0, 100);
    assert.match((await check()).report.state.problems.join(), /^cannot read the state .*state\.db: /);
    Deno.removeSync(`${folder}/state.db`);
    const without = await check();
    assert.deepEqual([without.code, without.report.state.verdict], [0, "missing"]);
    damage(path, 0, 100);
    const { code, err } = await segue("journal", "check", "--state-dir", folder);
    assert.equal(code, 1);
    assert.match(err, /not everything is sound/);
  }));
