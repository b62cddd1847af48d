/** What is on the screen: every row of it, of exactly the window's width. Pure. */
import { durationText } from "../api/units.ts";
import { detailScreen } from "./details.ts";
import { dialogRows } from "./dialogs.ts";
import { DASHBOARD_KEYS, HELP_ROWS, keysRow } from "./help.ts";
import { groupsOf } from "./pair.ts";
import { cut, fitRow, type Row, row, type Span, span, textWidth } from "./row.ts";
import {
  agoText,
  alarmSection,
  groupSection,
  type Item,
  MARGIN,
  nodeSection,
  pathSection,
  type Section,
  timelineSection,
} from "./sections.ts";
import { answers, type ConsoleState } from "./state.ts";
import { troublesOf } from "./troubles.ts";

/** From this width on the timeline stands beside everything else. */
const WIDE_COLUMNS = 120;
/** Rows for the alarms at the most, as a share of the window. */
const ALARM_SHARE = 0.3;

export interface Screen {
  readonly columns: number;
  readonly rows: readonly Row[];
  /** Two stacks of rows side by side below the top, in a wide window; otherwise `left` is all there is. */
  readonly left: readonly Row[];
  readonly leftColumns: number;
  readonly right: readonly Row[] | null;
  readonly top: readonly Row[];
  readonly bottom: readonly Row[];
}

export function screenOf(state: ConsoleState): Screen {
  const { columns, rows } = state;
  const bottom = bottomRows(state).slice(-Math.max(1, rows - 2)).map((it) => fitRow(it, columns));
  const top = [fitRow(headline(state), columns)].slice(0, Math.max(0, rows - bottom.length));
  const height = Math.max(0, rows - top.length - bottom.length);
  const body = state.mode.kind === "dashboard" || state.mode.kind === "filter"
    ? dashboard(state, height)
    : { left: fill(bodyRows(state, height), height, columns), leftColumns: columns, right: null };
  const all = body.right === null
    ? body.left
    : body.left.map((left, i) => ({ spans: [...left.spans, ...GAP, ...body.right![i]!.spans] }));
  return { columns, top, bottom, ...body, rows: [...top, ...all, ...bottom] };
}

const GAP: readonly Span[] = [span(" │ ", "dim")];
export const GAP_TEXT = GAP[0]!.text;

/** Who serves, whether all is well, what happened last: what an operator wants to know at three in the morning. */
export function headline(state: ConsoleState): Row {
  const troubles = troublesOf(state);
  const bad = troubles.filter(({ tone }) => tone === "bad").length, warn = troubles.length - bad;
  const clock = new Date(state.nowMs).toISOString().slice(11, 19);
  const spans = [span(" segue ", "title"), ...verdict(state, bad, warn), ...servesSpans(state), ...lastSpans(state)];
  const used = spans.reduce((sum, { text }) => sum + textWidth(text), 0), right = `${clock}Z `;
  const space = state.columns - used - right.length;
  return space < 1 ? row(...spans) : row(...spans, " ".repeat(space), span(right, "dim"));
}

function verdict(state: ConsoleState, bad: number, warn: number): Span[] {
  if (bad > 0) return [span(`✖ ${bad} ${bad === 1 ? "ALARM" : "ALARMS"}`, "bad")];
  if (groupsOf(state).some(({ settled }) => !settled)) return [span("▲ a switch", "warn")];
  if (!state.daemons.some(answers)) return [span("asking …", "warn")];
  if (warn > 0) return [span(`▲ ${warn} ${warn === 1 ? "warning" : "warnings"}`, "warn")];
  return [span("✔ all is well", "good")];
}

function servesSpans(state: ConsoleState): Span[] {
  const groups = groupsOf(state);
  if (groups.length === 0) return [];
  const owned = new Map<string, string[]>(), moving = groups.filter(({ settled }) => !settled);
  for (const { name, owners } of groups.filter(({ settled }) => settled)) {
    const key = owners.join(" and ");
    owned.set(key, [...owned.get(key) ?? [], name]);
  }
  return [
    ...[...owned].flatMap(([who, names]) => [span(" · ", "dim"), serves(who, names.join(", "))]),
    ...moving.flatMap(({ name }) => [span(" · ", "dim"), span(`${name} is moving`, "warn")]),
  ];
}

function serves(who: string, what: string): Span {
  if (who === "") return span(`nobody serves ${what}`, "bad");
  return who.includes(" ") ? span(`${who} both serve ${what}`, "bad") : span(`${who} serves ${what}`, "strong");
}

/** The last time that a group moved: of the two receipts of a switch, the one of the node that took over. */
function lastSpans({ timeline, nowMs }: ConsoleState): Span[] {
  for (const it of timeline) {
    if (it.type !== "entry" || it.entry.type !== "switch") continue;
    const { kind, node, outcome, at, duration_us: us } = it.entry;
    if (outcome !== "done" || (kind !== "switchover" && kind !== "failover")) continue;
    const ago = agoText(Math.max(0, nowMs - Date.parse(at)));
    return [span(` · last: ${kind} to ${node} in ${durationText(us)}, ${ago}`)];
  }
  return [];
}

type Body = Pick<Screen, "left" | "leftColumns" | "right">;

function dashboard(state: ConsoleState, height: number): Body {
  const { columns } = state;
  if (columns < WIDE_COLUMNS) {
    const sections = [...statusSections(state, columns), timelineSection(state)];
    return { left: stack(state, sections, height, columns), leftColumns: columns, right: null };
  }
  const leftColumns = Math.floor((columns - GAP_TEXT.length) * 0.54),
    rightColumns = columns - GAP_TEXT.length - leftColumns;
  return {
    left: stack(state, statusSections(state, leftColumns), height, leftColumns),
    leftColumns,
    right: stack(state, [timelineSection(state)], height, rightColumns),
  };
}

function statusSections(state: ConsoleState, width: number): Section[] {
  const alarms = alarmSection(state);
  const rest = [nodeSection(state, width - MARGIN), pathSection(state, width), groupSection(state)];
  return alarms.items.length === 0 ? rest : [alarms, ...rest];
}

/** All items in the order of the screen, for the cursor. */
export function itemsOf(state: ConsoleState): readonly (readonly string[])[] {
  const wide = state.columns;
  return [...statusSections(state, wide), timelineSection(state)]
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
  const selected = selectedItem(state);
  const wanted = sections.map(({ items, empty }) => 1 + Math.max(items.length, empty === "" ? 0 : 1));
  const caps = sections.map(({ name }, i) =>
    name === "alarms" ? Math.min(wanted[i]!, Math.max(2, Math.floor(height * ALARM_SHARE))) : wanted[i]!
  );
  const heights = shareRows(height, caps, sections.map(({ name }) => LEAST[name]));
  const rows = sections.flatMap((section, i) => sectionRows(section, heights[i]!, selected));
  return fill(rows, height, width);
}

/** Rows, with the title, below which a section is of no use. */
const LEAST: Readonly<Record<Section["name"], number>> = { alarms: 2, nodes: 2, paths: 2, groups: 2, timeline: 4 };

/** Each gets its least first, from the front; then what it wants, from the front. Pure. */
export function shareRows(height: number, wanted: readonly number[], least: readonly number[]): number[] {
  let left = height;
  const heights = wanted.map((want, i) => {
    const got = Math.min(left, want, least[i]!);
    left -= got;
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

function titleRow(title: string): Row {
  return row(span(`─ ${title} `, "title"), span("─".repeat(400), "dim"));
}

function itemRow({ id, row: it }: Item, selected: boolean): Row {
  return {
    spans: [selected && id !== "" ? span("▸ ", "title") : span("  "), ...it.spans],
    ...(selected ? { selected } : {}),
  };
}

/** Exactly this many rows of this width; titles run to the edge without a mark. */
function fill(rows: readonly Row[], height: number, width: number): Row[] {
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

function bodyRows(state: ConsoleState, height: number): Row[] {
  const { mode, columns } = state;
  switch (mode.kind) {
    case "help":
      return window([titleRow("HELP"), ...HELP_ROWS], mode.offset, height);
    case "detail": {
      const { title, rows } = detailScreen(state, mode.item, columns);
      return [titleRow(title), ...window(rows, mode.offset, height - 1)];
    }
    case "plan":
    case "maintenance": {
      const { title, rows } = dialogRows(state, columns);
      return [titleRow(title), ...window(rows, mode.kind === "plan" ? mode.offset : 0, height - 1)];
    }
    case "dashboard":
    case "filter":
      return [];
    default:
      return mode satisfies never;
  }
}

/** The part of a long text that is in view; what is below it is counted. */
function window(rows: readonly Row[], offset: number, height: number): Row[] {
  const first = Math.max(0, Math.min(offset, rows.length - height));
  const part = rows.slice(first, first + height);
  const below = rows.length - first - height;
  return below > 0 ? [...part.slice(0, -1), row(span(`  … ${below + 1} more lines`, "dim"))] : part;
}

function bottomRows(state: ConsoleState): Row[] {
  const { extra, mode, filter } = state;
  const rows = extra.lines.map((line) => row(" ", span(line, "strong")));
  if (extra.keys.length > 0) rows.push(keysRow(extra.keys.map(({ key, label }) => [key, label])));
  if (mode.kind === "filter") {
    rows.push(row(span(" / ", "title"), `${filter}▏`, span("   Enter keeps it, Esc takes it away", "dim")));
  } else if (mode.kind === "dashboard") {
    const shown = filter === "" ? [] : [span(` only “${cut(filter, 20)}” ·`, "warn")];
    rows.push({ spans: [...shown, ...keysRow(DASHBOARD_KEYS).spans] });
  } else rows.push(keysRow(modeKeys(state)));
  return rows;
}

function modeKeys({ mode }: ConsoleState): readonly (readonly [string, string])[] {
  const asks = (mode.kind === "plan" && mode.stage.kind === "planned") ||
    (mode.kind === "maintenance" && mode.stage.kind === "asking");
  if (asks) return [["y", "yes, do it"], ["n", "no"], ["Esc", "back"]];
  return [["↑↓", "scroll"], ["Esc", "back"], ["q", "quit"]];
}
