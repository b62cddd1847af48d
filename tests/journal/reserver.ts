/** A program that reserves epochs until it is killed: prints each block as soon as it has been told that it may use it. */
import { JournalStore } from "../../control/journal/store.ts";

const { store } = JournalStore.open(Deno.args[0]!);
const out = new TextEncoder();
let from = store.firstEpoch("web").lastUsed;
for (;;) {
  const upTo = store.reserve("web", 0, 3);
  Deno.stdout.writeSync(out.encode(`${from + 1} ${upTo}\n`));
  from = upTo;
}
