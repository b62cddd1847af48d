/**
 * The journal's files after a crash, hurt in any way: a daemon starts on them. What was used is kept in two places, the database with its log and a
 * file beside it: while one of them is whole, no epoch comes twice, and none is in doubt. A log that has lost its end looks like one that never had
 * it, so with both hurt the daemon only has to start.
 */
import assert from "node:assert/strict";
import { JournalStore } from "../../control/journal/store.ts";
import { CRASHED_FILES, leaveCrashed, sampleEvent } from "../journal/samples.ts";
import { damaged, quickFolder, readFolder } from "./damage.ts";
import type { FuzzTarget } from "./target.ts";

const EPOCH_CREDIBLE_MAX = 0x9000_0000;

export const journal: FuzzTarget = {
  name: "journal",
  about: "journal.db, its log and the second copy of the epochs, hurt in any way, to a daemon that starts",
  shortInputs: 100,
  inputMsMax: 20_000,
  open() {
    const folder = quickFolder(), left = `${folder}/left`;
    Deno.mkdirSync(left);
    const highest = leaveCrashed(`${folder}/journal.db`, left);
    return damaged(folder, readFolder(left, CRASHED_FILES), (here, said) => {
      const isOneWhole = !said.includes("epochs") || !said.includes("journal.db");
      check(`${here}/journal.db`, isOneWhole ? highest : 0, isOneWhole);
    });
  },
};

function check(path: string, highest: number, isProven: boolean): void {
  const { store } = JournalStore.open(path);
  const start = store.firstEpoch("web");
  assert.ok(
    start.lastUsed >= highest,
    `epochs up to ${highest} were used; it goes on from ${start.lastUsed}`,
  );
  if (isProven) assert.equal(start.unproven, false, "one of the two places is whole, and was not believed");
  store.addEvent(sampleEvent(200));
  store.verify();
  const later = store.reserve("web", 0);
  assert.ok(later > start.lastUsed && later < EPOCH_CREDIBLE_MAX, `${later} after ${start.lastUsed}`);
  store.entries({ limit: 50 });
  assert.equal(store.health().ok, true, store.health().text);
  store.close();
  const next = JournalStore.open(path).store;
  assert.ok(next.firstEpoch("web").lastUsed >= later);
  next.close();
}
