/**
 * Watching a group's state: every row above an LSN in the order of writes, then each write as it happens. A watcher that reads slowly gets later
 * versions in place of earlier ones, never a gap.
 */
import type { StateRow } from "../core/state/row.ts";
import type { GroupState } from "../state/group_state.ts";
import { valueFields } from "./value_fields.ts";
import { sseStream } from "./sse_writer.ts";

/** Rows at a time; a client that does not read gets no more until it does. */
const PAGE = 256;
const QUEUE_MAX = 2 * PAGE;

export function stateStream(
  state: GroupState,
  since: number,
  prefix: string,
  closing: AbortSignal,
): ReadableStream<Uint8Array> {
  return sseStream(closing, QUEUE_MAX, (writer) => {
    const { table } = state.replica;
    let lsn = since, told = -1, ended = false;
    // Deleted keys below the floor are forgotten: who knows only less has to begin anew.
    if (since > 0 && since < table.floor) {
      writer.write(`event: reset\ndata: ${JSON.stringify({ floor: table.floor })}\n\n`);
      lsn = 0;
    }
    let going = false;
    const go = () => {
      // What is written may be read at once, and ask for more before it is noted here.
      if (going) return;
      going = true;
      send();
      going = false;
    };
    const send = () => {
      while (!ended && writer.hasRoom) {
        const rows = table.rowsAbove(lsn, PAGE);
        for (const row of rows) if (row.key.startsWith(prefix)) writer.write(eventOf(row));
        if (rows.length === 0) break;
        lsn = rows.at(-1)!.lsn;
      }
      if (ended || !writer.hasRoom || told === state.replica.lsn) return;
      told = state.replica.lsn;
      writer.write(`id: ${Math.max(lsn, told)}\nevent: synced\ndata: ${JSON.stringify({ lsn: told })}\n\n`);
    };
    const unwatch = state.watch(() => {
      // A table that begins anew has no writes above the watcher's any more.
      if (table.lsn < lsn && !state.replica.copying) writer.end();
      else go();
    });
    writer.onRoom(go);
    writer.onEnd(() => {
      ended = true;
      unwatch();
    });
    go();
  });
}

function eventOf({ key, lsn, epoch, value }: StateRow): string {
  const kind = value === null ? "delete" : "put";
  return `id: ${lsn}\nevent: ${kind}\ndata: ${JSON.stringify({ key, lsn, epoch, ...valueFields(value) })}\n\n`;
}
