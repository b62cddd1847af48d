/** What is on the screen: every row of it, of exactly the window's width. Pure. */
import { dashboard, fill, GAP, titleRow } from "./dashboard.ts";
import { detailScreen } from "./details.ts";
import { dialogRows } from "./dialogs.ts";
import { headline } from "./headline.ts";
import { DASHBOARD_KEYS, helpRows, keysRow } from "./help.ts";
import { cut, fitRow, type Row, row, span } from "./row.ts";
import type { ConsoleState } from "./state.ts";

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

function bodyRows(state: ConsoleState, height: number): Row[] {
  const { mode, columns } = state;
  switch (mode.kind) {
    case "help":
      return window([titleRow("HELP"), ...helpRows(columns)], mode.offset, height);
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
