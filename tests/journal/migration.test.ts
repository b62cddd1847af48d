/** A journal that an earlier version wrote, and the table that came with the second one. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import type { Spread } from "../../control/core/histogram.ts";
import { type JitterRow, NO_JITTER } from "../../control/core/jitter.ts";
import { JournalDatabase } from "../../control/journal/database.ts";
import { HOURS_KEPT_S, MINUTES_KEPT_S } from "../../control/journal/jitter_table.ts";
import { readEvents, readJitter } from "../../control/journal/reader.ts";
import { EPOCH_LEAP, JournalStore } from "../../control/journal/store.ts";
import { sampleEvent, sampleReceipt, withJournal } from "./samples.ts";

/** What version 1 wrote, word for word. */
const VERSION_1 = `
  CREATE TABLE epochs (
    group_name     TEXT PRIMARY KEY,
    reserved_up_to INTEGER NOT NULL CHECK (reserved_up_to BETWEEN 0 AND 4294967295),
    last_used      INTEGER NOT NULL DEFAULT 0 CHECK (last_used BETWEEN 0 AND 4294967295),
    unproven       INTEGER NOT NULL DEFAULT 0
  ) STRICT, WITHOUT ROWID;
  CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;
  CREATE TABLE switches (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, group_name TEXT NOT NULL, kind TEXT NOT NULL, outcome TEXT NOT NULL,
    epoch INTEGER NOT NULL, duration_us REAL NOT NULL, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX switches_by_group ON switches (group_name, id);
  CREATE TABLE events (
    id INTEGER PRIMARY KEY, at TEXT NOT NULL, level TEXT NOT NULL, kind TEXT NOT NULL, group_name TEXT, body TEXT NOT NULL
  ) STRICT;
  CREATE INDEX events_by_group ON events (group_name, id);
  PRAGMA user_version = 1;
`;

function writeVersion1(path: string): void {
  const db = new DatabaseSync(path);
  db.exec(VERSION_1);
  db.prepare("INSERT INTO epochs (group_name, reserved_up_to, last_used) VALUES ('web', 1000, 7)").run();
  const receipt = sampleReceipt(7);
  db.prepare("INSERT INTO switches VALUES (41, ?, 'web', 'failover', 'done', 7, 1, ?)").run(
    receipt.at,
    JSON.stringify(receipt),
  );
  db.prepare("INSERT INTO events VALUES (42, 'x', 'info', 'sample', 'web', ?)").run(JSON.stringify(sampleEvent(1)));
  db.close();
}

function versionOf(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  try {
    return Number(db.prepare("PRAGMA user_version").get()?.user_version);
  } finally {
    db.close();
  }
}

Deno.test("a journal of version 1 is read as it is, and brought up to date by the next daemon with nothing lost", () =>
  withJournal((path) => {
    writeVersion1(path);
    assert.deepEqual(readEvents(path).map(({ id }) => id), [41, 42]);
    assert.deepEqual(readJitter(path, 0), [], "it kept none");
    assert.equal(versionOf(path), 1, "who only reads changes nothing");

    const { store, health } = JournalStore.open(path);
    assert.deepEqual([health.ok, health.text], [true, "ok"]);
    // There is no copy of its epochs.
    const lastUsed = 1000 + EPOCH_LEAP;
    assert.deepEqual(store.firstEpoch("web"), {
      group: "web",
      lastUsed,
      reservedUpTo: lastUsed + 1000,
      unproven: false,
    });
    assert.deepEqual(store.entries({}).map(({ id }) => id), [41, 42]);
    store.attempt("write", (db) => db.addJitter(row(60, 5)), undefined);
    store.close();
    assert.equal(versionOf(path), 2);
    assert.deepEqual(readJitter(path, 0).map(({ at }) => at), [60]);
    // And once more, with nothing to do.
    JournalStore.open(path).store.close();
  }));

Deno.test("two that open an old journal at once: one brings it up to date, both can write", () =>
  withJournal((path) => {
    writeVersion1(path);
    const first = JournalDatabase.open(path), second = JournalDatabase.open(path);
    first.addJitter(row(0, 1));
    second.addJitter(row(60, 1));
    assert.equal(first.jitter(0).length, 2);
    first.close();
    second.close();
  }));

Deno.test("delays of one minute are added up, and rows come back from the asked time on", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path);
    for (const [at, maxUs] of [[600, 5], [630, 9], [660, 2], [720, 1]] as const) {
      store.attempt("write", (db) => db.addJitter(row(at, maxUs, 20)), undefined);
    }
    store.close();
    const rows = readJitter(path, 0);
    assert.deepEqual(rows.map(({ at, seconds, heard }) => [at, seconds, heard.counts, heard.maxUs]), [
      [600, 40, [3, 2], 9],
      [660, 20, [3, 1], 2],
      [720, 20, [3, 1], 1],
    ]);
    assert.deepEqual(readJitter(path, 700).map(({ at }) => at), [720]);
  }));

Deno.test("after a day minutes become hours, after a month they go", () =>
  withJournal((path) => {
    const { store } = JournalStore.open(path);
    const now = 400 * 24 * 3600;
    const dayAgo = now - MINUTES_KEPT_S, monthAgo = now - HOURS_KEPT_S;
    store.attempt("write", (db) => {
      for (let i = 0; i < 180; i++) db.addJitter(row(dayAgo - 7200 + i * 60, i));
      db.addJitter(row(monthAgo - 60, 1));
      while (db.prune(10, 10, now));
    }, undefined);
    store.close();
    const rows = readJitter(path, 0);
    assert.deepEqual(
      rows.slice(0, 2).map(({ at, seconds, heard }) => [at - dayAgo, seconds, heard.counts, heard.maxUs]),
      [
        [-7200, 3600, [3, 60], 59],
        [-3600, 3600, [3, 60], 119],
      ],
    );
    assert.deepEqual([rows.length, rows[2]!.at - dayAgo, rows[2]!.seconds], [62, 0, 60], "today's minutes stay");
  }));

function row(at: number, maxUs: number, seconds = 60): JitterRow {
  const heard: Spread = { counts: [3, 1], maxUs };
  return { ...NO_JITTER, at, seconds, heard };
}
