/** The parts of the dashboard: lists of rows, each about an item that the cursor can stand on. Pure. */
import { receiptFromJson } from "../api/json.ts";
import type { EntryJson } from "../api/json.ts";
import { receiptTitle } from "../api/receipt_text.ts";
import { durationText, spanText } from "../api/units.ts";
import type { Role } from "../core/vocabulary.ts";
import { slices } from "./history.ts";
import { groupsOf, type GroupView, nodesOf, type NodeView, pathsOf, type PathView } from "./pair.ts";
import { LOSS_SHOWN, sparkline } from "./pictures.ts";
import { cell, fitRow, type Row, row, rowText, type Span, span, textWidth, type Tone } from "./row.ts";
import { isObject } from "./rehearsal.ts";
import { answers, type ConsoleState, type Happening } from "./state.ts";
import { pathId, pathName, serviceId, type Trouble, troublesOf } from "./troubles.ts";

export interface Item {
  /** What the cursor and the details mean by it; "" where the cursor does not stop. */
  readonly id: string;
  readonly row: Row;
}

export interface Section {
  readonly name: "alarms" | "nodes" | "paths" | "groups" | "timeline";
  readonly title: string;
  readonly items: readonly Item[];
  /** Said where there is no item. */
  readonly empty: string;
}

/** Room for the cursor in front of each row. */
export const MARGIN = 2;
const SPARK_MIN = 10;
const SPARK_MAX = 60;

export function alarmSection(state: ConsoleState): Section {
  const items = filtered(state, troublesOf(state).map((it) => ({ id: it.id, row: troubleRow(it, state.nowMs) })));
  return { name: "alarms", title: "ALARMS", items, empty: "" };
}

function troubleRow({ tone, label, text, since }: Trouble, nowMs: number): Row {
  const when = since === "" ? "" : `since ${clockText(since, nowMs)}  `;
  return row(span(`${tone === "bad" ? "✖" : "▲"} ${cell(label, 7)} `, tone), span(when, "dim"), span(text, tone));
}

/** Two nodes side by side: who is primary for what, epoch, lease left. */
export function nodeSection(state: ConsoleState, width: number): Section {
  const nodes = nodesOf(state), groups = groupsOf(state);
  const items: Item[] = [];
  for (let i = 0; i < nodes.length; i += 2) {
    const pair = nodes.slice(i, i + 2);
    const blocks = pair.map((node) => nodeRows(node, groups, state));
    const half = Math.max(0, Math.floor((width - 3) / 2));
    for (let line = 0; line < Math.max(...blocks.map((rows) => rows.length)); line++) {
      const [left, right] = blocks.map((rows) => rows[line] ?? row());
      const spans = [...fitRow(left!, half).spans, span(" │ ", "dim"), ...(right?.spans ?? [])];
      items.push({ id: line === 0 ? nodesId(pair[0]!) : "", row: { spans } });
    }
  }
  return { name: "nodes", title: "PAIR", items, empty: "" };
}

/** Of the line with this node, and of its details. */
export function nodesId({ pair, name }: Pick<NodeView, "pair" | "name">): string {
  return `nodes:${pair}/${name}`;
}

function nodeRows(node: NodeView, groups: readonly GroupView[], state: ConsoleState): Row[] {
  const rows = [row(span(`${node.name} `, "strong"), nodeWords(node))];
  for (const group of groups.filter(({ pair }) => pair === node.pair)) {
    rows.push(row(span(`${cell(group.name, nameWidth(groups))} `), ...roleSpans(node, group, state)));
  }
  return rows;
}

function nodeWords({ daemon, lost, status, heard }: NodeView): Span {
  // The whole of it stands among the alarms.
  if (daemon !== null && lost !== null) return span(/^no \w+/.exec(lost)?.[0] ?? "does not answer", "bad");
  if (status !== null) {
    const peer = heard === null || heard.state === "alive" ? "" : ` · its peer says ${heard.state}`;
    return span(`up ${spanText(status.uptime_ms)} · segue ${status.version}${peer}`, peer === "" ? "dim" : "warn");
  }
  if (daemon !== null) return span("asking …", "dim");
  if (heard === null) return span("not heard of", "bad");
  const ago = heard.last_heard_ms === null ? "never heard" : `heard ${agoText(heard.last_heard_ms)}`;
  return span(`peer · ${heard.state} · ${ago}`, heard.state === "alive" ? "dim" : "bad");
}

function roleSpans(node: NodeView, group: GroupView, { daemons }: ConsoleState): Span[] {
  const role = group.roles.get(node.name);
  const side = group.sides.find((it) => it.node === node.name);
  if (role === undefined) return [span("○ ", "dim"), span(node.lost === null ? "not known" : "not heard", "dim")];
  const tone = roleTone(role);
  const mark = role === "primary" ? "●" : "○";
  const spans = [span(`${mark} ${(role === "primary" ? "PRIMARY" : role).padEnd(7)}  `, tone)];
  if (side === undefined || !answers(daemons[side.daemon]!)) return spans;
  const { lease, epoch } = side.group;
  spans.push(span(`epoch ${epoch}`));
  if (lease.held) {
    spans.push(span(lease.left_ms === null ? " lease held" : ` lease ${Math.round(lease.left_ms)} ms`, "good"));
  }
  return spans;
}

export function roleTone(role: Role): Tone {
  if (role === "primary") return "good";
  return role === "standby" ? "plain" : role === "fenced" ? "bad" : "warn";
}

function nameWidth(groups: readonly { readonly name: string }[]): number {
  return Math.min(16, Math.max(3, ...groups.map(({ name }) => textWidth(name))));
}

export function pathSection(state: ConsoleState, width: number): Section {
  const paths = pathsOf(state);
  const names = paths.map(pathName);
  const nameColumns = Math.min(Math.max(0, ...names.map(textWidth)), Math.max(12, Math.floor(width / 3)));
  const items = paths.map((path, i) => ({
    id: pathId(path),
    row: pathRow(path, names[i]!, nameColumns, width, state),
  }));
  return { name: "paths", title: "PATHS", items: filtered(state, items), empty: "no paths are known" };
}

function pathRow(path: PathView, name: string, nameColumns: number, width: number, { nowMs }: ConsoleState): Row {
  const states = path.sides.map((side) => side.path.state);
  const up = states.every((state) => state === "up"), down = states.includes("down");
  const front = [
    span(up ? "● " : down ? "✖ " : "○ ", up ? "good" : down ? "bad" : "warn"),
    span(`${cell(name, nameColumns)}  `),
    ...path.sides.map((side) => sideSpan(side, path.sides.length > 1)),
  ];
  const used = front.reduce((sum, { text }) => sum + textWidth(text), 0);
  const columns = Math.min(SPARK_MAX, width - MARGIN - used);
  if (columns < SPARK_MIN) return row(...front);
  // The worst that either side has seen.
  const seen = path.sides.flatMap(({ history }) => history);
  return row(...front, ...sparkline(slices(seen, nowMs, columns)));
}

function sideSpan({ node, path }: PathView["sides"][number], named: boolean): Span {
  const name = named ? `${node} ` : "";
  if (path.state === "down") {
    const heard = path.last_heard_ms === null ? "never up" : `down ${spanText(path.last_heard_ms)}`;
    return span(`${name}${cell(heard, FIGURES)}  `, "bad");
  }
  const rtt = path.rtt_us === null ? "-" : durationText(path.rtt_us);
  const text = `${cell(rtt, 7)} ${cell(`${Math.round(path.loss * 100)} %`, 5)}`;
  return span(`${name}${cell(text, FIGURES)}  `, path.loss < LOSS_SHOWN ? "plain" : "bad");
}

/** Columns for round-trip time and loss. */
const FIGURES = 13;

export function groupSection(state: ConsoleState): Section {
  const groups = groupsOf(state);
  const items = groups.flatMap((group) => [
    { id: `group:${group.pair}/${group.name}`, row: groupRow(group, nameWidth(groups)) },
    ...serviceItems(group),
  ]);
  return { name: "groups", title: "GROUPS", items: filtered(state, items), empty: "no groups are known" };
}

function groupRow(view: GroupView, nameColumns: number): Row {
  const owner = view.sides.find(({ node }) => node === view.owners[0]) ?? view.sides[0]!;
  const { addresses, state, held } = owner.group;
  const where = !view.settled
    ? span("moving", "warn")
    : view.owners.length === 0
    ? span("✖ nobody", "bad")
    : span(`on ${view.owners.join(", ")}`, view.owners.length === 1 ? "good" : "bad");
  const lag = Math.max(0, state.lsn - state.peer_lsn);
  const parts = [
    addresses.map(({ address }) => address).join(" "),
    ...(state.lsn > 0 ? [`LSN ${state.lsn}${lag > 0 ? ` lag ${lag}` : ""}`] : []),
    ...figuresOf(owner.group),
    `held ${held.now}${held.total > 0 ? ` of ${held.total}` : ""}`,
    ...(held.dropped > 0 ? [`dropped ${held.dropped}`] : []),
  ];
  return row(span(`${cell(view.name, nameColumns)}  `, "strong"), where, `  ${parts.join(" · ")}`);
}

/** Flows and connections, where this daemon counts them. */
export function figuresOf(group: unknown): string[] {
  if (!isObject(group)) return [];
  return ["flows", "connections"].flatMap((name) => {
    const value = group[name];
    if (typeof value === "number") return [`${name} ${value}`];
    if (!isObject(value)) return [];
    const counts = Object.entries(value).filter(([, count]) => typeof count === "number");
    return counts.length === 0 ? [] : [`${name} ${counts.map(([word, count]) => `${count} ${word}`).join(", ")}`];
  });
}

function serviceItems({ pair, name, sides }: GroupView): Item[] {
  const names = [...new Set(sides.flatMap(({ group }) => group.services.map((service) => service.name)))];
  return names.map((service) => {
    const spans = sides.flatMap(({ node, group }) => {
      const it = group.services.find((one) => one.name === service);
      if (it === undefined) return [];
      const health = it.healthy === null ? "" : it.healthy ? " ✔" : " ✖ not healthy";
      return [span(`  ${node} ${it.state}${health}`, it.healthy === false ? "bad" : it.healthy ? "good" : "plain")];
    });
    return { id: serviceId(pair, name, service), row: row(`  ${service}`, ...spans) };
  });
}

export function timelineSection(state: ConsoleState): Section {
  const named = new Set(state.timeline.map(({ node }) => node)).size > 1;
  const items = state.timeline.map((it) => ({ id: it.id, row: happeningRow(it, state.nowMs, named) }));
  return { name: "timeline", title: "TIMELINE", items: filtered(state, items), empty: "nothing has happened yet" };
}

export function happeningRow(it: Happening, nowMs: number, named: boolean): Row {
  const front = span(`${clockText(it.at, nowMs)}  ${named ? `${cell(it.node, 4)} ` : ""}`, "dim");
  if (it.type === "said") return row(front, span(it.text, "title"));
  return row(front, ...entrySpans(it.entry));
}

function entrySpans(entry: EntryJson): Span[] {
  if (entry.type === "event") {
    const tone = ({ info: "dim", notice: "plain", alarm: "bad" } as const)[entry.level] ?? "plain";
    return [span(entry.text, tone)];
  }
  const tone = entry.outcome === "done" ? entry.kind === "failover" ? "warn" : "good" : "bad";
  return [span(receiptTitle(receiptFromJson(entry)), tone), span(`: ${entry.reason}`, "dim")];
}

/** Items whose text has what the operator filters by. */
function filtered({ filter }: ConsoleState, items: readonly Item[]): readonly Item[] {
  if (filter === "") return items;
  const wanted = filter.toLowerCase();
  return items.filter(({ row }) => rowText(row).toLowerCase().includes(wanted));
}

/** Time of an ISO 8601 text (UTC, as everywhere in segue): `14:02:11` today, `24 14:02` with the day otherwise. */
export function clockText(iso: string, nowMs: number): string {
  const today = new Date(nowMs).toISOString().slice(0, 10);
  return iso.startsWith(today) ? iso.slice(11, 19) : `${iso.slice(8, 10)} ${iso.slice(11, 16)}`;
}

export function agoText(ms: number): string {
  return ms < 1000 ? "just now" : `${spanText(ms)} ago`;
}
