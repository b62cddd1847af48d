import assert from "node:assert/strict";
import { JournalStore } from "../../control/journal/store.ts";
import { readEvents } from "../../control/journal/reader.ts";
import { withJournal } from "./samples.ts";

const RESERVER = new URL("./reserver.ts", import.meta.url).pathname;

/** Lets the program reserve some blocks, kills it with -9, and returns what it said it may use. */
async function reserveAndKill(path: string, blocks: number): Promise<[from: number, upTo: number][]> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", RESERVER, path],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (text.split("\n").length > blocks) {
      try {
        child.kill("SIGKILL");
      } catch {
        // It is dead already; what is left in the pipe is read to its end.
      }
    }
  }
  assert.equal((await child.status).signal, "SIGKILL");
  return text.split("\n").slice(0, -1).map((line) => line.split(" ").map(Number) as [number, number]);
}

/** The reader sees what was said to be written, with nobody there to tidy up after the dead. */
function assertRemembers(path: string, upTo: number): void {
  const last = readEvents(path, { limit: 2 }).map((entry) => entry.type === "event" ? entry.event.text : "");
  assert.ok(last.includes(`event ${upTo}`), `${last} should have ${upTo}`);
}

for (const lost of ["nothing", "journal.db-wal", "epochs", "journal.db"]) {
  Deno.test(`killed with -9 while it reserves: no epoch comes twice (${lost} lost)`, () =>
    withJournal(async (path, folder) => {
      let highest = 0;
      for (const blocks of [1, 40, 7]) {
        for (const [from, upTo] of await reserveAndKill(path, blocks)) {
          assert.ok(from > highest && upTo > from, `${from}…${upTo} after ${highest}`);
          highest = upTo;
        }
        if (lost === "nothing") assertRemembers(path, highest);
        if (lost !== "nothing") Deno.removeSync(`${folder}/${lost}`);
      }
      const { store, health } = JournalStore.open(path);
      assert.equal(health.ok, true);
      const start = store.firstEpoch("web");
      assert.ok(start.lastUsed >= highest);
      assert.equal(start.unproven, false);
      store.close();
    }));
}
