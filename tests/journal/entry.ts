/** The part of the program's entry point that these tests need: which thread this is. */
import { JOURNAL_WORKER } from "../../control/journal/protocol.ts";
import { runJournalWorker } from "../../control/journal/worker.ts";

if ((globalThis as { name?: string }).name === JOURNAL_WORKER) runJournalWorker();
