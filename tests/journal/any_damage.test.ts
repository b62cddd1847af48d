/** Damage anywhere: whatever the disk does to the database and its log, no epoch comes twice. */
import assert from "node:assert/strict";
import fc from "fast-check";
import { JournalStore } from "../../control/journal/store.ts";
import { leaveCrashed, sampleEvent, withJournal } from "./samples.ts";

interface Blow {
  readonly file: "journal.db" | "journal.db-wal";
  /** Where, as a share of the file. */
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly cut: boolean;
}

const blow: fc.Arbitrary<Blow> = fc.record({
  file: fc.constantFrom("journal.db", "journal.db-wal"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  bytes: fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 16 }),
    fc.constant(new Uint8Array(4096)),
    fc.constant(new Uint8Array(4096).fill(255)),
  ),
  cut: fc.boolean(),
});

function strike(folder: string, { file, at, bytes, cut }: Blow): void {
  const path = `${folder}/${file}`;
  const place = Math.floor(at * Deno.statSync(path).size);
  if (cut) return Deno.truncateSync(path, place);
  const open = Deno.openSync(path, { write: true });
  open.seekSync(place, Deno.SeekMode.Start);
  open.writeSync(bytes);
  open.close();
}

Deno.test("damage anywhere in the database and its log", () =>
  withJournal((path, folder) => {
    const left = `${folder}/left`;
    Deno.mkdirSync(left);
    const highest = leaveCrashed(path, left);
    let run = 0;
    let aside = 0;
    fc.assert(
      fc.property(fc.array(blow, { minLength: 1, maxLength: 3 }), (blows) => {
        const here = `${folder}/run${run++}`;
        Deno.mkdirSync(here);
        for (const { name } of Deno.readDirSync(left)) Deno.copyFileSync(`${left}/${name}`, `${here}/${name}`);
        for (const each of blows) strike(here, each);
        const { store } = JournalStore.open(`${here}/journal.db`);
        const start = store.firstEpoch("web");
        store.addEvent(sampleEvent(200));
        store.verify();
        const later = store.reserve("web", 0);
        if (store.health().setAside !== undefined) aside++;
        assert.equal(start.unproven, false);
        assert.ok(start.lastUsed >= highest && later > start.lastUsed, `${start.lastUsed} ${later}`);
        assert.ok(later < 0x9000_0000, `${later}`);
        assert.equal(store.health().ok, true, store.health().text);
        store.close();
        const next = JournalStore.open(`${here}/journal.db`).store;
        assert.equal(next.firstEpoch("web").lastUsed, later);
        next.close();
        Deno.removeSync(here, { recursive: true });
      }),
      { numRuns: 150 },
    );
    assert.ok(aside > 10 && aside < 150, `${aside} of ${run} were found to be damaged`);
  }));
