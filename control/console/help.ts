/** What the keys do, in the footer and on a page of its own. Pure. */
import { type Row, row, span } from "./row.ts";

export const DASHBOARD_KEYS: readonly (readonly [string, string])[] = [
  ["↑↓", "move"],
  ["⏎", "details"],
  ["s", "switchover"],
  ["m", "maintenance"],
  ["/", "filter"],
  ["?", "help"],
  ["q", "quit"],
];

export function keysRow(keys: readonly (readonly [string, string])[]): Row {
  return row(...keys.flatMap(([key, label]) => [span(` ${key} `, "title"), span(`${label} `, "dim")]));
}

const HELP: readonly (readonly [string, string])[] = [
  ["", "The first line says whether all is well, who serves, and what happened last."],
  ["↑ ↓ j k", "move; Page Up, Page Down, Home, End go further"],
  ["Tab", "to the next part of the screen"],
  ["Enter", "details: a switch as a chart of its steps, a path's last minute, a group, a service's output"],
  ["Esc", "back"],
  ["s", "plan a switchover of the group under the cursor: what it would cost; asks before it moves anything"],
  ["m", "maintenance on or off; asks first"],
  ["/", "show only what has these letters; Esc takes the filter away"],
  ["q, Ctrl-C", "quit; the daemons go on"],
  ["", ""],
  ["● ○", "primary, or up; not primary, or not known"],
  ["✖ ▲", "an alarm; a warning: it works, but the pair is not whole"],
  ["▁▂▅█", "round-trip time of the last minute, full from eight times the usual one on"],
  ["×", "heartbeats did not come"],
  ["lease", "how long this node's kernel lets it speak as the addresses without another heartbeat"],
  ["epoch", "number of a group's reign; each takeover has a higher one"],
  ["LSN, lag", "position of the group's state, and how far the other node's copy is behind"],
  ["held", "packets that wait in the kernel for the end of a switch, of all that ever did"],
  ["", "Times of day are UTC, as in the journal."],
];

export const HELP_ROWS: readonly Row[] = HELP.map(([key, text]) =>
  key === "" ? row("  ", text) : row("  ", span(key.padEnd(10), "title"), text)
);
