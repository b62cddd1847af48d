/** The parts of the dashboard: lists of rows, each about an item that the cursor can stand on. Pure. */
import { receiptFromJson } from "../api/json.ts";
import type { EntryJson, GroupJson } from "../api/json.ts";
import type { ServiceSnapshot } from "../core/messages.ts";
import { receiptTitle } from "../api/receipt_text.ts";
import { durationText, spanText } from "../api/units.ts";
import type { Role } from "../core/vocabulary.ts";
import { slices } from "./history.ts";
import { groupsOf, type GroupView, nodesOf, type NodeView, pathsOf, type PathView } from "./pair.ts";
import { LOSS_SHOWN, sparkline } from "./pictures.ts";
import { cell, cut, fitRow, type Row, row, rowText, type Span, span, textWidth, type Tone, wrapText } from "./row.ts";
import { isObject } from "./rehearsal.ts";
import { answers, type ConsoleState, type Happening } from "./state.ts";
import { pathId, pathName, serviceId, type Trouble, troublesOf } from "./troubles.ts";

export interface Item {
  /** What the cursor and the details mean by it; "" where the cursor does not stop. */
  readonly id: string;
  /** Made when it is shown: of hundreds of events a dozen are. */
  readonly row: () => Row;
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

/** No filter hides an alarm. Where `rows` are enough for it, long ones go on in a second line. */
export function alarmSection(state: ConsoleState, width: number, rows: number): Section {
  const troubles = troublesOf(state);
  const short = troubles.map((it): Item => ({
    id: it.id,
    row: () => row(...troubleFront(it, state.nowMs), span(it.text, it.tone)),
  }));
  const long = troubles.flatMap((it) => troubleItems(it, state.nowMs, width - MARGIN));
  return { name: "alarms", title: "ALARMS", items: long.length <= rows ? long : short, empty: "" };
}

function troubleFront({ tone, label, since }: Trouble, nowMs: number): Span[] {
  const when = since === "" ? "" : `since ${clockText(since, nowMs)}  `;
  return [span(`${tone === "bad" ? "✖" : "▲"} ${cell(label, 7)} `, tone), span(when, "dim")];
}

function troubleItems(it: Trouble, nowMs: number, width: number): Item[] {
  const front = troubleFront(it, nowMs), used = front.reduce((sum, { text }) => sum + textWidth(text), 0);
  const lines = wrapText(it.text, Math.max(10, width - used));
  return lines.slice(0, 2).map((line, i) => {
    if (i === 0) return { id: it.id, row: () => row(...front, span(line, it.tone)) };
    return { id: "", row: () => row(" ".repeat(used), span(lines.slice(1).join(" "), it.tone)) };
  });
}

/** Two nodes side by side: who is primary for what, epoch, lease left. */
export function nodeSection(state: ConsoleState, width: number): Section {
  const nodes = nodesOf(state), names = groupNames(state);
  const half = Math.max(0, Math.floor((width - 3) / 2));
  const fits = (rows: readonly Row[]) => rows.every((it) => textWidth(rowText(it)) <= half);
  const whole: NodeContext = { state, groups: groupsOf(state), names, short: false };
  const short = !nodes.every((node) => fits(nodeRows(node, whole).slice(1)));
  const items: Item[] = [];
  for (let i = 0; i < nodes.length; i += 2) {
    const pair = nodes.slice(i, i + 2);
    const blocks = pair.map((node) => nodeRows(node, { ...whole, short }));
    for (let line = 0; line < Math.max(...blocks.map((rows) => rows.length)); line++) {
      const [left, right] = blocks.map((rows) => rows[line] ?? row());
      const spans = [...fitRow(left!, half).spans, span(" │ ", "dim"), ...(right?.spans ?? [])];
      items.push({ id: line === 0 ? nodesId(pair[0]!) : "", row: () => ({ spans }) });
    }
  }
  return { name: "nodes", title: "PAIR", items, empty: "" };
}

/** Of the line with this node, and of its details. */
export function nodesId({ pair, name }: Pick<NodeView, "pair" | "name">): string {
  return `nodes:${pair}/${name}`;
}

interface NodeContext {
  readonly state: ConsoleState;
  readonly groups: readonly GroupView[];
  readonly names: readonly GroupName[];
  /** For a narrow window: who is primary, and the lease, are worth more than a word. */
  readonly short: boolean;
}

function nodeRows(node: NodeView, context: NodeContext): Row[] {
  const { state, names } = context;
  return [
    row(span(`${node.label} `, "strong"), nodeWords(node, state)),
    ...names.filter(({ pair }) => pair === node.pair).map(({ name }) =>
      row(span(`${cell(name, nameWidth(names))} `), ...roleSpans(node, name, context))
    ),
  ];
}

interface GroupName {
  readonly pair: string;
  readonly name: string;
}

/** Of daemons that answer, and of those that did. */
function groupNames({ daemons }: ConsoleState): readonly GroupName[] {
  const all = daemons.flatMap(({ status }) =>
    (status?.groups ?? []).map(({ name }): GroupName => ({ pair: status!.pair, name }))
  );
  return all.filter((it, i) => all.findIndex(({ pair, name }) => pair === it.pair && name === it.name) === i);
}

function nodeWords({ daemon, lost, status, heard }: NodeView, { daemons, nowMs }: ConsoleState): Span {
  if (daemon !== null && lost !== null) {
    // The whole of it stands among the alarms.
    const since = daemons[daemon]!.lostAtMs;
    return span(
      `${/^no \w+/.exec(lost)?.[0] ?? "does not answer"}${since === null ? "" : ` for ${spanText(nowMs - since)}`}`,
      "bad",
    );
  }
  if (status !== null) {
    const peer = heard === null || heard.state === "alive" ? "" : ` · its peer says ${heard.state}`;
    return span(`up ${spanText(status.uptime_ms)} · segue ${status.version}${peer}`, peer === "" ? "dim" : "warn");
  }
  if (daemon !== null) return span("asking …", "dim");
  if (heard === null) return span("not heard of", "bad");
  const ago = heard.last_heard_ms === null ? "never heard" : `heard ${agoText(heard.last_heard_ms)}`;
  return span(`peer · ${heard.state} · ${ago}`, heard.state === "alive" ? "dim" : "bad");
}

function roleSpans(node: NodeView, name: string, { groups, short }: NodeContext): Span[] {
  const view = groups.find((it) => it.pair === node.pair && it.name === name);
  const role = view?.roles.get(node.name);
  if (role === undefined) {
    const was = node.status?.groups.find((group) => group.name === name);
    return [
      span("○ ", "dim"),
      span(was === undefined || node.lost === null ? "not known" : `was ${was.role}, epoch ${was.epoch}`, "dim"),
    ];
  }
  const tone = roleTone(role), gap = short ? " " : "  ";
  const spans = [span(`${role === "primary" ? "●" : "○"} ${(role === "primary" ? "PRIMARY" : role).padEnd(7)}`, tone)];
  const side = view?.sides.find((it) => it.node === node.name);
  if (side === undefined) return spans;
  const { lease, epoch } = side.group;
  spans.push(span(`${gap}${short ? "e" : "epoch "}${epoch}`));
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
    row: () => pathRow(path, names[i]!, nameColumns, width, state),
  }));
  return {
    name: "paths",
    title: "PATHS  round trip, loss, the last minute",
    items: filtered(state, items),
    empty: emptyText(state, "path"),
  };
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
  const columns = nameWidth(groups.map(({ label }) => ({ name: label })));
  const items = groups.flatMap((group) => [
    {
      id: `group:${group.pair}/${group.name}`,
      row: () => groupRow(group, columns),
    },
    ...serviceItems(group),
  ]);
  return { name: "groups", title: "GROUPS", items: filtered(state, items), empty: emptyText(state, "group") };
}

function groupRow(view: GroupView, nameColumns: number): Row {
  const owner = view.sides.find(({ node }) => node === view.owners[0]) ?? view.sides[0]!;
  const { addresses, held } = owner.group;
  const where = !view.settled
    ? span("moving", "warn")
    : view.owners.length === 0
    ? span("✖ nobody", "bad")
    : span(`on ${view.owners.join(", ")}`, view.owners.length === 1 ? "good" : "bad");
  return row(
    span(`${cell(view.label, nameColumns)}  `, "strong"),
    where,
    `  ${addresses.map(({ address }) => address).join(" ")}`,
    ...stateSpans(owner.group.state),
    span(` · held ${held.now}${held.total > 0 ? ` of ${held.total}` : ""}`, held.now > 0 ? "warn" : "plain"),
    ...(held.dropped > 0 ? [span(` · dropped ${held.dropped}`, "bad")] : []),
    ...figuresOf(owner.group).map((figure) => span(` · ${figure}`)),
  );
}

/** Position of the state, and how far the peer's copy is behind; nothing where a group keeps none. */
function stateSpans({ lsn, peer_lsn: peer, sync }: GroupJson["state"]): Span[] {
  if (lsn === 0) return [];
  const lag = Math.max(0, lsn - peer);
  // Of a copy that is not there nobody knows how far it is behind.
  const words = sync === "alone"
    ? ["alone"]
    : [...(lag > 0 ? [`lag ${lag}`] : []), ...(sync === "synced" ? [] : [sync])];
  return [span(` · ${[`LSN ${lsn}`, ...words].join(" ")}`, words.length > 0 ? "warn" : "plain")];
}

/** Flows and connections, where this daemon counts them. */
export function figuresOf(group: unknown): string[] {
  if (!isObject(group)) return [];
  return ["flows", "connections"].flatMap((name) => {
    const value = group[name];
    // One that is there is said in few letters: the line is short.
    if (typeof value === "number") return value === 0 ? [] : [`${name === "connections" ? "conns" : name} ${value}`];
    if (!isObject(value)) return [];
    const counts = Object.entries(value).filter(([, count]) => typeof count === "number");
    return counts.length === 0 ? [] : [`${name} ${counts.map(([word, count]) => `${count} ${word}`).join(", ")}`];
  });
}

function serviceItems({ pair, name, sides }: GroupView): Item[] {
  const names = [...new Set(sides.flatMap(({ group }) => group.services.map((service) => service.name)))];
  const columns = Math.min(24, Math.max(...names.map(textWidth)));
  const of = (service: string, { group }: GroupView["sides"][number]) =>
    group.services.find((it) => it.name === service);
  const text = (service: string, side: GroupView["sides"][number]) => {
    const it = of(service, side);
    return it === undefined
      ? ""
      : `${side.node} ${it.state}${it.healthy === null ? "" : it.healthy ? " ✔" : " ✖ not healthy"}`;
  };
  const widths = sides.map((side) => Math.max(...names.map((service) => textWidth(text(service, side)))));
  const spans = (service: string) =>
    sides.map((side, i) => {
      const healthy = of(service, side)?.healthy ?? null;
      return span(`  ${cell(text(service, side), widths[i]!)}`, healthy === false ? "bad" : healthy ? "good" : "plain");
    });
  return names.map((service) => ({
    id: serviceId(pair, name, service),
    row: () => row(`  ${cell(service, columns)}`, ...spans(service)),
  }));
}

/** Behind its state, in words. */
export function healthText({ healthy }: Pick<ServiceSnapshot, "healthy">): string {
  return healthy === null ? "" : healthy ? ", healthy" : ", not healthy";
}

export function timelineSection(state: ConsoleState): Section {
  const named = new Set(state.timeline.map(({ node }) => node)).size > 1;
  const items = state.timeline.map((it) => ({ id: it.id, row: () => happeningRow(it, state.nowMs, named) }));
  return {
    name: "timeline",
    title: "TIMELINE",
    items: filtered(state, items),
    empty: state.filter === "" && state.daemons.some(answers) ? "nothing has happened yet" : emptyText(state, "event"),
  };
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

/** Why there is nothing to show. */
function emptyText({ daemons, filter }: ConsoleState, what: string): string {
  if (filter !== "") return `no ${what} with “${cut(filter, 20)}”`;
  if (daemons.some(answers)) return `there is no ${what}`;
  return daemons.some(({ lost }) => lost === null) ? "asking …" : "not known: no daemon answers";
}

/** Items whose text has what the operator filters by. */
function filtered({ filter }: ConsoleState, items: readonly Item[]): readonly Item[] {
  if (filter === "") return items;
  const wanted = filter.toLowerCase();
  return items.filter(({ row }) => rowText(row()).toLowerCase().includes(wanted));
}

/** Time of an ISO 8601 text (UTC, as everywhere in segue): `14:02:11` today, `24 14:02` with the day otherwise. */
export function clockText(iso: string, nowMs: number): string {
  const today = new Date(nowMs).toISOString().slice(0, 10);
  return iso.startsWith(today) ? iso.slice(11, 19) : `${iso.slice(8, 10)} ${iso.slice(11, 16)}`;
}

export function agoText(ms: number): string {
  return ms < 1000 ? "just now" : `${spanText(ms)} ago`;
}
