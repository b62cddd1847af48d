/** The first line: who serves, whether all is well, what happened last. Pure. */
import type { ReceiptJson } from "../api/json.ts";
import { durationText } from "../api/units.ts";
import { groupsOf, labelOf } from "./pair.ts";
import { type Row, row, type Span, span, textWidth } from "./row.ts";
import { agoText } from "./sections.ts";
import { answers, type ConsoleState } from "./state.ts";
import { troublesOf } from "./troubles.ts";

/** What an operator wants to know at three in the morning. */
export function headline(state: ConsoleState): Row {
  const troubles = troublesOf(state);
  const bad = troubles.filter(({ tone }) => tone === "bad").length, warn = troubles.length - bad;
  const clock = new Date(state.nowMs).toISOString().slice(11, 19);
  const front = [span(" segue ", "title"), ...verdict(state, bad, warn), ...servesSpans(state)];
  const spans = [...front, ...lastSpans(state, state.columns - widthOf(front))];
  const used = widthOf(spans), right = `${clock}Z `;
  const space = state.columns - used - right.length;
  return space < 1 ? row(...spans) : row(...spans, " ".repeat(space), span(right, "dim"));
}

function widthOf(spans: readonly Span[]): number {
  return spans.reduce((sum, { text }) => sum + textWidth(text), 0);
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
  if (groups.length === 0) {
    const silent = state.daemons.every(({ lost }) => lost !== null);
    return silent ? [span(" · ", "dim"), span("no daemon answers", "bad")] : [];
  }
  const owned = new Map<string, string[]>(), moving = groups.filter(({ settled }) => !settled);
  for (const { pair, name, owners } of groups.filter(({ settled }) => settled)) {
    const key = owners.map((owner) => labelOf(state.daemons, pair, owner)).join(" and ");
    owned.set(key, [...owned.get(key) ?? [], name]);
  }
  return [
    ...[...owned].flatMap((
      [who, names],
    ) => [span(" · ", "dim"), serves(who, names.length > NAMED_MAX ? `${names.length} groups` : names.join(", "))]),
    ...moving.flatMap(({ label }) => [span(" · ", "dim"), span(`${label} is moving`, "warn")]),
  ];
}

/** More are counted: what happened last has to have room, too. */
const NAMED_MAX = 3;

function serves(who: string, what: string): Span {
  if (who === "") return span(`nobody serves ${what}`, "bad");
  return who.includes(" ") ? span(`${who} both serve ${what}`, "bad") : span(`${who} serves ${what}`, "strong");
}

/** As much of it as there is room for. */
function lastSpans(state: ConsoleState, columns: number): Span[] {
  const last = lastMove(state);
  if (last === null) return [];
  const ago = agoText(Math.max(0, state.nowMs - Date.parse(last.at)));
  const what = ` · last: ${last.kind} to ${last.node}`, whole = `${what} in ${durationText(last.duration_us)}, ${ago}`;
  return [span(textWidth(whole) <= columns ? whole : `${what}, ${ago}`)];
}

/**
 * The last time that a group moved: of the two receipts of a switch, the one of the node that took over. The events tell most; after many
 * of them only the status remembers it.
 */
export function lastMove({ timeline, daemons }: ConsoleState): ReceiptJson | null {
  const told = timeline.flatMap((it) => it.type === "entry" && it.entry.type === "switch" ? [it.entry] : []);
  const kept = daemons.flatMap(({ status }) => status?.groups.flatMap(({ last_switch: last }) => last ?? []) ?? []);
  const moves = [...told, ...kept].filter(({ kind, outcome }) =>
    outcome === "done" && (kind === "switchover" || kind === "failover")
  );
  return moves.reduce<ReceiptJson | null>((last, it) => last === null || it.at > last.at ? it : last, null);
}
