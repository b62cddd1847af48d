/**
 * A program that writes state through the journal's thread until it is killed: prints the LSN of what has become durable. The row of LSN
 * N has the key `k(N mod 500)` and the value `N`, and at times one of some KB.
 */
import { GroupTable } from "../../control/core/state/table.ts";
import { JournalClient } from "../../control/journal/client.ts";
import { positionChange, rowsChange, sampleRow } from "./state_samples.ts";

const KEYS = 500;
const entry = new URL("./entry.ts", import.meta.url);
const { client } = await JournalClient.start(entry, Deno.args[0]!);
const out = new TextEncoder();
const table = new GroupTable();
const stored = await client.state.load("web");
for await (const piece of stored.chunks) table.applyPacked(piece);
// Rows above the position are there without those below them: what is to be written again begins at the position.
let lsn = stored.lsn;
const lsnOf = new Map<number, number>();
client.state.onDurable((upTo) => {
  const highest = lsnOf.get(upTo);
  for (const sequence of lsnOf.keys()) if (sequence <= upTo) lsnOf.delete(sequence);
  if (highest !== undefined) Deno.stdout.writeSync(out.encode(`${highest}\n`));
});
for (let n = 0;; n++) {
  const rows = Array.from({ length: 1 + n % 40 }, () => {
    lsn++;
    return sampleRow(`k${lsn % KEYS}`, lsn, lsn % 97 === 0 ? `${lsn}`.padEnd(3000, " ") : `${lsn}`);
  });
  lsnOf.set(client.state.append([rowsChange(rows), positionChange(lsn)], n % 3 > 0), lsn);
  if (n % 4 === 0) await new Promise((resolve) => setTimeout(resolve, n % 3));
}
