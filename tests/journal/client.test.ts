/** The journal in its thread, as the daemon has it. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { JournalClient } from "../../control/journal/client.ts";
import type { JournalEntry, JournalHealth } from "../../control/journal/entry.ts";
import { JournalError } from "../../control/journal/failure.ts";
import { readEvents } from "../../control/journal/reader.ts";
import { JournalStore } from "../../control/journal/store.ts";
import { run } from "../netns/namespace.ts";
import { sampleEvent, sampleReceipt, withJournal } from "./samples.ts";

const ENTRY = new URL("./entry.ts", import.meta.url);

Deno.test("epochs, entries and health by way of the thread; closing writes what waits", () =>
  withJournal(async (path) => {
    const { client, epochs } = await JournalClient.start(ENTRY, path);
    assert.deepEqual(client.health(), { ok: true, text: "ok", path, waiting: 0, dropped: 0 });
    assert.deepEqual(await epochs(["web", "db"]), [
      { group: "web", lastUsed: 0, reservedUpTo: 1000, unproven: false },
      { group: "db", lastUsed: 0, reservedUpTo: 1000, unproven: false },
    ]);
    const seen: JournalEntry[] = [];
    const unsubscribe = client.subscribe((entry) => seen.push(entry));
    client.addEvent(sampleEvent(1));
    client.addReceipt(sampleReceipt(2));
    assert.equal(await client.reserve("web", 0), 2000);
    assert.deepEqual(await client.entries(), seen, "what was just added is there, with the ids that listeners got");
    assert.deepEqual(await client.entries({ afterId: seen[0]!.id }), [seen[1]]);
    unsubscribe();
    for (let n = 0; n < 500; n++) client.addEvent(sampleEvent(n));
    await client.close();
    await client.close();
    assert.equal(seen.length, 2);
    assert.equal(readEvents(path).length, 502);
    await assert.rejects(client.reserve("web", 0), /closed/);
    client.addEvent(sampleEvent(1));
  }));

Deno.test("a journal of a newer segue keeps the daemon from starting", () =>
  withJournal(async (path) => {
    JournalStore.open(path).store.close();
    const db = new DatabaseSync(path);
    db.exec("PRAGMA user_version = 9");
    db.close();
    await assert.rejects(
      JournalClient.start(ENTRY, path),
      (error) => error instanceof JournalError && /newer segue/.test(error.message),
    );
  }));

Deno.test("a thread that cannot run is an error, not a crash", () =>
  withJournal(async (path) => {
    await assert.rejects(JournalClient.start(new URL("file:///nonexistent.ts"), path), JournalError);
  }));

Deno.test("a disk that refuses: the health says so, a reservation waits for it and comes", () =>
  withJournal(async (_, folder) => {
    const disk = `${folder}/disk`;
    Deno.mkdirSync(disk);
    run("mount", "-t", "tmpfs", "-o", "size=1m", "japi-journal", disk);
    try {
      const path = `${disk}/journal.db`;
      JournalStore.open(path).store.close();
      run("mount", "-o", "remount,ro", disk);
      const { client, epochs } = await JournalClient.start(ENTRY, path);
      const changes: JournalHealth[] = [];
      client.onHealth((health) => changes.push(health));
      assert.equal(client.health().ok, false);
      assert.deepEqual((await epochs(["web"])).map((start) => start.reservedUpTo), [0]);
      client.addEvent(sampleEvent(1));
      const reserved = client.reserve("web", 0);
      const early = await Promise.race([reserved, client.entries().then(() => "not yet")]);
      assert.equal(early, "not yet");
      run("mount", "-o", "remount,rw", disk);
      assert.equal(await reserved, 1000);
      await client.close();
      assert.equal(changes.at(-1)?.ok, true);
      assert.equal(readEvents(path).length, 1);
    } finally {
      run("umount", disk);
    }
  }));

Deno.test("closing while the disk refuses ends at once, and says what was lost", () =>
  withJournal(async (_, folder) => {
    const disk = `${folder}/disk`;
    Deno.mkdirSync(disk);
    run("mount", "-t", "tmpfs", "-o", "size=1m,ro", "japi-journal", disk);
    try {
      const { client } = await JournalClient.start(ENTRY, `${disk}/journal.db`);
      client.addEvent(sampleEvent(1));
      const reserved = assert.rejects(client.reserve("web", 0), /closed/);
      await client.entries();
      await client.close();
      await reserved;
      assert.equal(client.health().ok, false);
      assert.equal(client.health().waiting, 1);
    } finally {
      run("umount", disk);
    }
  }));
