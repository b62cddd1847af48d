/** The dashboard: sections below each other, in a wide window the timeline at their side. Pure. */
import { titleRow } from "./fields.ts";
import { lastMove } from "./headline.ts";
import { fitRow, type Row, row, type Span, span, textWidth } from "./row.ts";
import {
  alarmSection,
  groupSection,
  type Item,
  MARGIN,
  nodeSection,
  pathSection,
  type Section,
  timelineSection,
} from "./sections.ts";
import type { ConsoleState } from "./state.ts";
import { receiptRows } from "./switch_page.ts";

/** From this width on the timeline stands beside everything else. */
const WIDE_COLUMNS = 132;
/** Rows for the alarms at the most, as a share of the window. */
const ALARM_SHARE = 0.3;
/** Beside the timeline nothing gains by more room than this. */
const LEFT_SHARE = 0.54;
/** A node's role, epoch and lease are whole in half of this. */
const LEFT_COLUMNS_MIN = 76;
const LEFT_COLUMNS_MAX = 100;

export const GAP: readonly Span[] = [span(" │ ", "dim")];
export const GAP_TEXT = GAP[0]!.text;

/** Two stacks of rows side by side, or `left` alone. */
export interface Body {
  readonly left: readonly Row[];
  readonly leftColumns: number;
  readonly right: readonly Row[] | null;
}

export function dashboard(state: ConsoleState, height: number): Body {
  const { columns } = state;
  if (columns < WIDE_COLUMNS) {
    const sections = [...statusSections(state, columns, height), timelineSection(state)];
    return { left: stack(state, sections, height, columns), leftColumns: columns, right: null };
  }
  const share = Math.floor((columns - GAP_TEXT.length) * LEFT_SHARE);
  const leftColumns = Math.max(LEFT_COLUMNS_MIN, Math.min(LEFT_COLUMNS_MAX, share));
  const left = sectionStack(state, statusSections(state, leftColumns, height), height);
  return {
    left: fill([...left, ...lastMoveRows(state, height - left.length, leftColumns)], height, leftColumns),
    leftColumns,
    right: stack(state, [timelineSection(state)], height, columns - GAP_TEXT.length - leftColumns),
  };
}

/** The last move as a chart of its steps, where there is room for it. */
function lastMoveRows(state: ConsoleState, height: number, width: number): Row[] {
  const last = lastMove(state);
  if (last === null) return [];
  const rows = [row(), titleRow("LAST MOVE"), ...receiptRows(last, width)];
  return rows.length <= height ? rows : [];
}

function statusSections(state: ConsoleState, width: number, height: number): Section[] {
  const alarms = alarmSection(state, width, alarmRows(height) - 1);
  const rest = [nodeSection(state, width - MARGIN), pathSection(state, width), groupSection(state)];
  return alarms.items.length === 0 ? rest : [alarms, ...rest];
}

/** Rows for the alarms, with their title. */
function alarmRows(height: number): number {
  return Math.max(2, Math.floor(height * ALARM_SHARE));
}

/** All items in the order of the screen, for the cursor. */
export function itemsOf(state: ConsoleState): readonly (readonly string[])[] {
  return [...statusSections(state, state.columns, state.rows), timelineSection(state)]
    .map(({ items }) => items.filter(({ id }) => id !== "").map(({ id }) => id));
}

/** The item under the cursor: the chosen one while it is there, else the first group, else the first of all. */
export function selectedItem(state: ConsoleState): string | null {
  const ids = itemsOf(state).flat();
  if (state.selected !== null && ids.includes(state.selected)) return state.selected;
  return ids.find((id) => id.startsWith("group:")) ?? ids[0] ?? null;
}

/** Sections below each other, each with a title; what has no room is counted. */
function stack(state: ConsoleState, sections: readonly Section[], height: number, width: number): Row[] {
  return fill(sectionStack(state, sections, height), height, width);
}

function sectionStack(state: ConsoleState, sections: readonly Section[], height: number): Row[] {
  const selected = selectedItem(state);
  const wanted = sections.map(({ items, empty }) => 1 + Math.max(items.length, empty === "" ? 0 : 1));
  const caps = sections.map(({ name }, i) => name === "alarms" ? Math.min(wanted[i]!, alarmRows(height)) : wanted[i]!);
  const at = sections.findIndex(({ items }) => items.some(({ id }) => id === selected));
  const least = sections.map(({ name }, i) => i === at ? Math.min(caps[i]!, AT_CURSOR) : LEAST[name]);
  const heights = shareRows(height, caps, least, at);
  return sections.flatMap((section, i) => sectionRows(section, heights[i]!, selected));
}

/** Rows, with the title, below which a section is of no use. */
const LEAST: Readonly<Record<Section["name"], number>> = { alarms: 2, nodes: 2, paths: 2, groups: 2, timeline: 4 };

/** Rows, with the title, of the part in which the cursor stands: what is beside it is seen, too. */
const AT_CURSOR = 4;

/**
 * Each gets its least first, from the front; then what it wants, from the front. Pure.
 * @param at the one that is never left out; negative: none is
 */
export function shareRows(height: number, wanted: readonly number[], least: readonly number[], at = -1): number[] {
  // A title and a line.
  const kept = Math.min(height, at < 0 ? 0 : Math.min(2, least[at]!));
  let left = height - kept;
  const heights = wanted.map((want, i) => {
    const got = Math.min(left + (i === at ? kept : 0), want, least[i]!);
    left -= i === at ? Math.max(0, got - kept) : got;
    return got;
  });
  for (const [i, want] of wanted.entries()) {
    const more = Math.min(left, want - heights[i]!);
    heights[i]! += more;
    left -= more;
  }
  return heights;
}

function sectionRows({ title, items, empty }: Section, height: number, selected: string | null): Row[] {
  if (height <= 0) return [];
  const room = height - 1;
  const cursor = items.findIndex(({ id }) => id === selected);
  // The cursor stays in view; a row of what is hidden is kept free at the end.
  const hidden = items.length > room;
  const shown = hidden ? Math.max(1, room - 1) : room;
  const first = Math.max(0, Math.min(items.length - shown, cursor - shown + 1));
  const rows = items.slice(first, first + Math.min(shown, room)).map((item) => itemRow(item, item.id === selected));
  if (items.length === 0 && room > 0 && empty !== "") rows.push(row(" ".repeat(MARGIN), span(empty, "dim")));
  const more = items.length - shown;
  if (hidden && room > shown) rows.push(row(" ".repeat(MARGIN), span(`… ${more} more`, "dim")));
  return [titleRow(hidden && room <= shown ? `${title} … ${more} more` : title), ...rows];
}

function itemRow({ id, row: made }: Item, selected: boolean): Row {
  const it = made();
  return {
    spans: [selected && id !== "" ? span("▸ ", "title") : span("  "), ...it.spans],
    ...(selected ? { selected } : {}),
  };
}

/** Exactly this many rows of this width; titles run to the edge without a mark. */
export function fill(rows: readonly Row[], height: number, width: number): Row[] {
  return Array.from(
    { length: height },
    (_, i) => fitRow(rows[i] === undefined ? row() : trimRule(rows[i]!, width), width),
  );
}

function trimRule(it: Row, width: number): Row {
  const last = it.spans.at(-1);
  if (last === undefined || !/^─+$/.test(last.text)) return it;
  const used = it.spans.slice(0, -1).reduce((sum, { text }) => sum + textWidth(text), 0);
  return { ...it, spans: [...it.spans.slice(0, -1), { ...last, text: last.text.slice(0, Math.max(0, width - used)) }] };
}
