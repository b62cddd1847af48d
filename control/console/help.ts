/** What the keys do, in the footer and on a page of its own. Pure. */
import { type Row, row, rowText, span, textWidth, wrapText } from "./row.ts";

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
  return row(
    ...keys.flatMap(([key, label], i) => [span(`${i === 0 ? " " : "  "}${key} `, "title"), span(label, "dim")]),
  );
}

/** As many keys as fit whole; the last two, help and quit, are left out last. */
export function fittingKeys(keys: readonly (readonly [string, string])[], columns: number): Row {
  const shown = [...keys];
  const tooWide = () => textWidth(rowText(keysRow(shown))) > columns;
  while (shown.length > 2 && tooWide()) shown.splice(-3, 1);
  while (shown.length > 1 && tooWide()) shown.shift();
  return keysRow(shown);
}

const HELP: readonly (readonly [string, string])[] = [
  ["", "The first line says whether all is well, who serves, and what happened last."],
  ["↑ ↓ j k", "move; Page Up, Page Down, Home, End go further"],
  ["Tab", "to the next part of the screen; to another node's output"],
  ["Enter", "details: a switch's steps and why, a path, a group, a service's output"],
  ["Esc", "back"],
  ["s", "plan a switchover of the group under the cursor; asks first"],
  ["m", "maintenance on or off; asks first"],
  ["/", "show only what has these letters; Esc takes it away"],
  ["Ctrl-L", "draw the screen anew"],
  ["q, Ctrl-C", "quit; the daemons go on"],
  ["", ""],
  ["● ○", "primary, or up; not primary, or not known"],
  ["✖ ▲", "an alarm; a warning: it works, but the pair is not whole"],
  ["▁▂▅█", "round-trip times, the last minute; full: eight times the usual"],
  ["×", "heartbeats did not come"],
  ["lease", "how long its kernel lets it speak without another heartbeat"],
  ["epoch", "number of a group's reign; each takeover has a higher one"],
  ["LSN, lag", "the state's position, and how far the peer's copy is behind it"],
  ["held", "packets waiting for the end of a switch, of all that ever did"],
  ["", "Times of day are UTC, as in the journal."],
];

/** Broken into lines that fit. */
export function helpRows(columns: number): Row[] {
  const width = Math.max(20, columns - KEY_COLUMNS - 3);
  return HELP.flatMap(([key, text]) =>
    key === ""
      ? wrapText(text, width + KEY_COLUMNS).map((line) => row("  ", line))
      : wrapText(text, width).map((line, i) => row("  ", span((i === 0 ? key : "").padEnd(KEY_COLUMNS), "title"), line))
  );
}

const KEY_COLUMNS = 10;
