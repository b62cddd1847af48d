/**
 * The state's database after a crash, hurt in any way: a daemon starts on it, reads what can be read, and writes again. What it cannot read it
 * sets aside; a table that is not whole says so.
 */
import assert from "node:assert/strict";
import { JournalError } from "../../control/journal/failure.ts";
import { StateStore } from "../../control/journal/state_store.ts";
import { positionChange, rowsChange, sampleRow, store, storedRows } from "../journal/state_samples.ts";
import { damaged, quickFolder, readFolder } from "./damage.ts";
import type { FuzzTarget } from "./target.ts";

const ROWS = 300;

export const state: FuzzTarget = {
  name: "state",
  about: "state.db and its log, hurt in any way, to a daemon that starts",
  shortInputs: 100,
  inputMsMax: 20_000,
  open() {
    const folder = quickFolder();
    return damaged(folder, prepare(folder), (here) => check(`${here}/state.db`));
  },
};

function prepare(folder: string) {
  const rows = Array.from({ length: ROWS }, (_, n) => sampleRow(`key ${n}`, n + 1, "x".repeat(n)));
  const first = StateStore.open(`${folder}/state.db`);
  store(first, rowsChange(rows), positionChange(ROWS));
  first.close();
  const second = StateStore.open(`${folder}/state.db`);
  store(second, rowsChange([sampleRow("late", ROWS + 1)]), positionChange(ROWS + 1));
  const files = readFolder(folder, ["state.db", "state.db-wal"]);
  second.close();
  return files;
}

function check(path: string): void {
  const target = StateStore.open(path);
  try {
    for (const { key, lsn } of storedRows(target)) assert.ok(key !== "" && Number.isSafeInteger(lsn));
    target.group("web");
    target.orphans("web", 10);
  } catch (error) {
    // What the reader is told; the file has been set aside by then.
    if (!(error instanceof JournalError)) throw error;
  }
  target.verify();
  store(target, { kind: "clear", group: "web" }, rowsChange([sampleRow("new", 1000)]), positionChange(1000));
  assert.equal(target.health().ok, true, target.health().text);
  target.close();
  const next = StateStore.open(path);
  assert.deepEqual(storedRows(next), [sampleRow("new", 1000)]);
  assert.equal(next.group("web")?.copying, false);
  next.close();
}
