/**
 * The state's file: `deno run -A tests/bench/state_store.ts [--rows 1000000] [--folder DIR] [--ms 2000]`. Prints JSON: rows a second by size of the
 * batch that shares one commit (synchronous=FULL), into a small table and into one of `rows` rows; and what a cold start takes to read them
 * into the memory of the main thread, through the journal's thread. Keys of 16 bytes, values of 32, keys in no order.
 */
import { parseArgs } from "node:util";
import { encodeRows } from "../../control/core/state/packed.ts";
import { GroupTable } from "../../control/core/state/table.ts";
import { JournalClient } from "../../control/journal/client.ts";
import { StateStore } from "../../control/journal/state_store.ts";

const { values: flags } = parseArgs({
  options: {
    rows: { type: "string", default: "1000000" },
    folder: { type: "string", default: "/tmp" },
    ms: { type: "string", default: "2000" },
    load: { type: "string" },
  },
});
const wanted = Number(flags.rows), runMs = Number(flags.ms);
if (flags.load !== undefined) {
  console.log(JSON.stringify(await load(flags.load)));
  Deno.exit();
}
const folder = Deno.makeTempDirSync({ dir: flags.folder, prefix: "segue-bench-" });
const value = new Uint8Array(32).fill(1);
let lsn = 0;

function keyOf(n: number): string {
  return `k${String(Number(BigInt(n) * 2_654_435_761n % 1_000_000_007n)).padStart(15, "0")}`;
}

/** One commit; rows of keys that are there already with `among`, else new ones. */
function commit(store: StateStore, count: number, among = 0): void {
  const rows = Array.from({ length: count }, () => {
    lsn++;
    return { key: keyOf(among > 0 ? (Math.imul(lsn, 48_271) >>> 0) % among : lsn), lsn, epoch: 1, value };
  });
  const { bytes } = encodeRows(rows, 0, 16 * 1024 * 1024);
  store.add([
    { kind: "rows", group: "web", packed: bytes },
    { kind: "position", group: "web", floor: 0, lsn, copying: false },
  ], store.sequence + 1);
  while (store.flush());
  if (store.durable !== store.sequence) throw new Error(`bench: ${store.health().text}`);
}

function rowsPerSecond(store: StateStore, among: number): Record<string, number> {
  const found: Record<string, number> = {};
  for (const count of [1, 10, 100, 1000]) {
    const start = performance.now();
    let rows = 0;
    while (performance.now() - start < runMs) {
      commit(store, count, among);
      rows += count;
    }
    found[`batch_${count}`] = Math.round(rows / (performance.now() - start) * 1000);
  }
  return found;
}

/** What the disk itself can do: 4 KiB written and flushed, one after another. */
function flushesPerSecond(): number {
  using file = Deno.openSync(`${folder}/flush`, { write: true, create: true });
  const page = new Uint8Array(4096), start = performance.now();
  let count = 0;
  for (; performance.now() - start < runMs; count++) {
    file.writeSync(page);
    file.syncDataSync();
  }
  return Math.round(count / (performance.now() - start) * 1000);
}

async function load(from: string) {
  const { client } = await JournalClient.start(new URL("../journal/entry.ts", import.meta.url), `${from}/journal.db`);
  const start = performance.now();
  const table = new GroupTable();
  let pieces = 0, largest = 0;
  for await (const piece of (await client.state.load("web")).chunks) {
    table.applyPacked(piece);
    pieces++;
    largest = Math.max(largest, piece.length);
  }
  const ms = Math.round(performance.now() - start);
  await client.close();
  return { rows: table.keys, ms, pieces, largest_piece: largest };
}

try {
  const flushes = flushesPerSecond();
  const store = StateStore.open(`${folder}/state.db`);
  const small = rowsPerSecond(store, 20_000);
  const filling = performance.now(), before = lsn;
  while (lsn < before + wanted) commit(store, Math.min(4000, before + wanted - lsn));
  const fill = Math.round((lsn - before) / (performance.now() - filling) * 1000);
  const large = rowsPerSecond(store, wanted);
  const log = Deno.statSync(`${folder}/state.db-wal`).size;
  const checking = performance.now();
  store.verify();
  const checkMs = Math.round(performance.now() - checking);
  store.close();
  // As a daemon starts: in a process that has done nothing else.
  const args = ["run", "-A", "--no-check", new URL(import.meta.url).pathname, "--load", folder];
  const child = await new Deno.Command(Deno.execPath(), { args, stderr: "inherit" }).output();
  const loaded = JSON.parse(new TextDecoder().decode(child.stdout));
  console.log(JSON.stringify(
    {
      bench: "state_store",
      disk_flushes_per_s: flushes,
      small_table_rows_per_s: small,
      new_rows_by_4000_per_s: fill,
      large_table_rows_per_s: large,
      load: loaded,
      check_ms: checkMs,
      file_bytes: Deno.statSync(`${folder}/state.db`).size,
      log_bytes: log,
    },
    null,
    2,
  ));
} finally {
  Deno.removeSync(folder, { recursive: true });
}
