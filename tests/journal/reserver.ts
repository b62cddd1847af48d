/**
 * A program that reserves epochs until it is killed: prints each block as soon as it has been told that it may use it,
 * and has an event written before.
 */
import { JournalStore } from "../../control/journal/store.ts";
import { sampleEvent } from "./samples.ts";

const { store } = JournalStore.open(Deno.args[0]!);
const out = new TextEncoder();
let from = store.firstEpoch("web").lastUsed;
for (;;) {
  const upTo = store.reserve("web", 0, 3);
  store.addEvent(sampleEvent(upTo));
  Deno.stdout.writeSync(out.encode(`${from + 1} ${upTo}\n`));
  from = upTo;
}
