/** Things to remember, and a folder to remember them in. */
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { JournalStore } from "../../control/journal/store.ts";
import type { NodeEvent, SwitchReceipt } from "../../control/core/vocabulary.ts";

export function sampleEvent(n: number, group = "web"): NodeEvent {
  return {
    at: new Date(1e12 + n).toISOString(),
    level: "info",
    kind: "sample",
    group,
    text: `event ${n}`,
    detail: { n },
  };
}

export function sampleReceipt(epoch: number, over: Partial<SwitchReceipt> = {}): SwitchReceipt {
  return {
    group: "web",
    node: "a",
    kind: "failover",
    outcome: "done",
    reason: "silence of 10.2 ms, 2 probes unanswered",
    fromEpoch: epoch - 1,
    epoch,
    at: new Date(1e12 + epoch).toISOString(),
    durationUs: 6400.5,
    steps: [{ step: "suspect", atUs: 0 }, { step: "take", atUs: 5123.25 }],
    packets: { passed: 1, held: 2, heldByPeer: 3, released: 4, returned: 5, dropped: 6 },
    ...over,
  };
}

/** What a killed daemon leaves behind. */
export const CRASHED_FILES: readonly string[] = ["journal.db", "journal.db-wal", "epochs"];

/**
 * A database of an earlier run, and a log of the last one, copied into a folder as they are while it runs; the highest epoch that was
 * reserved for the group "web".
 */
export function leaveCrashed(path: string, left: string): number {
  const first = JournalStore.open(path).store;
  first.firstEpoch("web");
  for (let n = 0; n < 100; n++) first.add({ id: first.nextId, type: "event", event: sampleEvent(n) });
  first.close();
  const second = JournalStore.open(path).store;
  second.firstEpoch("web");
  second.addEvent(sampleEvent(100));
  const highest = second.reserve("web", 0);
  for (const name of CRASHED_FILES) Deno.copyFileSync(path.replace("journal.db", name), `${left}/${name}`);
  second.close();
  return highest;
}

/** Calls `body` with the path of a journal in a fresh folder, which is gone afterwards. */
export async function withJournal(body: (path: string, folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "japi-journal-" });
  try {
    await body(join(folder, "journal.db"), folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

/** Names in a folder that contain `part`. */
export function namesWith(folder: string, part: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.includes(part)).sort();
}

/** Overwrites a piece of a file with bytes that mean nothing. */
export function damage(path: string, offset: number, length: number): void {
  const file = Deno.openSync(path, { write: true });
  file.seekSync(offset, Deno.SeekMode.Start);
  const noise = Uint8Array.from({ length }, (_, i) => (i * 37 + 11) & 0xff);
  file.writeSync(noise);
  file.close();
}

/** What can have become of a database of some pages, each enough to make it useless. */
export const BLOWS: readonly (readonly [what: string, hurt: (path: string) => void])[] = [
  ["its header is damaged", (path: string) => damage(path, 0, 100)],
  ["it is empty", (path: string) => Deno.truncateSync(path, 0)],
  ["it is cut off in the middle of a page", (path: string) => Deno.truncateSync(path, 5000)],
  ["it is not a database", (path: string) => Deno.writeTextFileSync(path, "hello\n".repeat(1000))],
  ["it is the database of something else", (path: string) => {
    Deno.removeSync(path);
    const db = new DatabaseSync(path);
    db.exec("CREATE TABLE foreign_table (a)");
    db.close();
  }],
];
