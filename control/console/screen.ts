/** What is on the screen: every row of it, of exactly the window's width. Pure. */
import { dashboard, fill, GAP } from "./dashboard.ts";
import { detailScreen } from "./details.ts";
import { dialogRows } from "./dialogs.ts";
import { type Page, titleRow } from "./fields.ts";
import { headline } from "./headline.ts";
import { DASHBOARD_KEYS, fittingKeys, helpRows, keysRow } from "./help.ts";
import { cut, fitRow, type Row, row, rowText, span, textWidth } from "./row.ts";
import { groupsOf } from "./pair.ts";
import { nextNode, serviceOf } from "./service_page.ts";
import { answers, type ConsoleState } from "./state.ts";

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
  const bottom = bottomOf(state).map((it) => fitRow(it, columns));
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

function bodyRows(state: ConsoleState, height: number): Row[] {
  const page = pageRows(state);
  if (page === null) return [];
  const head = [titleRow(page.title), ...page.head ?? []].slice(0, Math.max(1, height - 1));
  const room = Math.max(0, height - head.length), offset = "offset" in state.mode ? state.mode.offset : 0;
  return [...head, ...(page.fromEnd === true ? windowFromEnd : window)(page.rows, offset, room)];
}

/** Null on the dashboard. */
function pageRows(state: ConsoleState): Page | null {
  const { mode, columns } = state;
  switch (mode.kind) {
    case "help":
      return { title: "HELP", rows: helpRows(columns) };
    case "detail":
      return detailScreen(state, mode.item, columns);
    case "plan":
    case "maintenance":
      return dialogRows(state, columns);
    case "dashboard":
    case "filter":
      return null;
    default:
      return mode satisfies never;
  }
}

/** How far what is shown in place of the dashboard can be scrolled, and from where. */
export function pageOf(state: ConsoleState): { readonly room: number; readonly fromEnd: boolean } {
  const page = pageRows(state);
  if (page === null) return { room: 0, fromEnd: false };
  const height = Math.max(0, state.rows - 1 - bottomOf(state).length) - 1 - (page.head?.length ?? 0);
  return { room: Math.max(0, page.rows.length - Math.max(0, height)), fromEnd: page.fromEnd === true };
}

/** The part of a long text that is in view; what is below it is counted. */
function window(rows: readonly Row[], offset: number, height: number): Row[] {
  const first = Math.max(0, Math.min(offset, rows.length - height));
  const part = rows.slice(first, first + height);
  const below = rows.length - first - height;
  return below > 0 ? [...part.slice(0, -1), moreRow(below + 1, "more")] : part;
}

/** The same from the end of the text: what is above is counted. @param offset lines back from the end */
function windowFromEnd(rows: readonly Row[], offset: number, height: number): Row[] {
  const first = Math.max(0, rows.length - height - offset);
  const part = rows.slice(first, first + height);
  return first > 0 && height > 0 ? [moreRow(first + 1, "earlier"), ...part.slice(1)] : part;
}

function moreRow(count: number, what: string): Row {
  return row(span(`  … ${count} ${what} ${count === 1 ? "line" : "lines"}`, "dim"));
}

/** As many of the lines at the bottom as the window has room for. */
function bottomOf(state: ConsoleState): Row[] {
  return bottomRows(state).slice(-Math.max(1, state.rows - 2));
}

function bottomRows(state: ConsoleState): Row[] {
  const { extra, mode, filter, columns } = state;
  const rows = extra.lines.map((line) => row(" ", span(line, "strong")));
  if (extra.keys.length > 0) rows.push(keysRow(extra.keys.map(({ key, label }) => [key, label])));
  if (mode.kind === "filter") {
    rows.push(row(span(" / ", "title"), `${filter}▏`, span("   Enter keeps it, Esc takes it away", "dim")));
  } else if (mode.kind === "dashboard") {
    const shown = filter === "" ? [] : [span(` only “${cut(filter, 20)}” ·`, "warn")];
    const keys = filter === "" ? DASHBOARD_KEYS : [["Esc", "all"] as const, ...DASHBOARD_KEYS];
    rows.push({ spans: [...shown, ...fittingKeys(keys, columns - textWidth(rowText({ spans: shown }))).spans] });
  } else rows.push(fittingKeys(modeKeys(state), columns));
  return rows;
}

function modeKeys(state: ConsoleState): readonly (readonly [string, string])[] {
  const { mode } = state;
  if (mode.kind === "plan" && mode.stage.kind === "planned") {
    const others = groupsOf(state).length > 1 ? [["Tab", "another group"] as const] : [];
    return [["y", "yes, do it"], ["n", "no"], ...others, ["Esc", "back"]];
  }
  if (mode.kind === "maintenance" && mode.stage.kind === "asking") {
    const others = state.daemons.filter(answers).length > 1 ? [["Tab", "another node"] as const] : [];
    return [["y", "yes, do it"], ["n", "no"], ...others, ["Esc", "back"]];
  }
  const view = mode.kind === "detail" ? serviceOf(state, mode.item) : null;
  const other = view === null || view.sides.length < 2 ? [] : [["Tab", `output on ${nextNode(view)}`] as const];
  return [["↑↓", "scroll"], ...other, ["Esc", "back"], ["q", "quit"]];
}
