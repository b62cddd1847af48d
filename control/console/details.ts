/** Everything that is known of one item. Pure. */
import { receiptFromJson } from "../api/json.ts";
import type { EntryJson, ReceiptJson, StatusJson } from "../api/json.ts";
import { packetsText, receiptTitle } from "../api/receipt_text.ts";
import { wireText } from "../api/wire_text.ts";
import { durationText, spanText } from "../api/units.ts";
import { slices } from "./history.ts";
import { groupsOf, nodesOf, pathsOf } from "./pair.ts";
import { barRows, sparkline } from "./pictures.ts";
import { type Row, row, type Span, span, type Tone, wrapText } from "./row.ts";
import { agoText, figuresOf, nodesId, roleTone } from "./sections.ts";
import type { ConsoleState } from "./state.ts";
import { pathId, pathName, serviceId, troublesOf } from "./troubles.ts";

export interface Page {
  readonly title: string;
  readonly rows: readonly Row[];
}

const LABEL = 12;

/** A line with a name in front. */
export function field(label: string, ...values: readonly (string | Span)[]): Row {
  return row("  ", span(label.padEnd(LABEL), "dim"), ...values);
}

/** A text that may need several lines. */
export function fieldRows(label: string, text: string, width: number, tone: Tone = "plain"): Row[] {
  return wrapText(text, Math.max(10, width - LABEL - 3)).map((line, i) =>
    field(i === 0 ? label : "", span(line, tone))
  );
}

export function detailScreen(state: ConsoleState, id: string, width: number): Page {
  return nodesPage(state, id) ?? pathPage(state, id, width) ?? groupPage(state, id, width) ??
    servicePage(state, id, width) ?? happeningPage(state, id, width) ?? troublePage(state, id, width) ??
    { title: "GONE", rows: [row("  ", "It is not there any more. Esc goes back.")] };
}

function nodesPage(state: ConsoleState, id: string): Page | null {
  const nodes = nodesOf(state);
  const at = nodes.findIndex((node) => nodesId(node) === id);
  if (at < 0) return null;
  const shown = nodes.slice(at, at + 2);
  const rows = shown.flatMap(({ name, status, daemon, lost, heard }) => [
    row(
      "  ",
      span(name, "strong"),
      daemon === null ? "  in the words of its peer" : `  ${state.daemons[daemon]!.runDir}`,
    ),
    ...(lost === null ? [] : [field("daemon", span(lost, "bad"))]),
    ...(status === null ? [] : statusRows(status)),
    ...(heard === null ? [] : [
      field(
        "peer says",
        `${heard.state}, ${heard.last_heard_ms === null ? "never heard" : agoText(heard.last_heard_ms)}`,
      ),
    ]),
    row(),
  ]);
  return { title: `NODES ${shown.map(({ name }) => name).join(" and ")}`, rows };
}

function statusRows({ version, uptime_ms, counters, rejected, journal, peer }: StatusJson): Row[] {
  const dropped = Object.entries(rejected).filter(([, count]) => count > 0).map(([reason, n]) => `${reason} ${n}`);
  const counts = [
    field("heartbeats", `${counters.heartbeats_sent} sent, ${counters.heartbeats_received} received`),
    field("probes", `${counters.probes_sent} sent, ${counters.probes_answered} answered`),
    field("suspicions", `${counters.suspicions}, lapses of a lease ${counters.lease_lapses}`),
    field("late wakes", `${counters.late_wakes}, the worst ${durationText(counters.late_wake_max_us)}`),
    field("errors", `${counters.send_errors} while sending, rules repaired ${counters.rules_repaired}`),
  ];
  return [
    field("version", `segue ${version}, up ${spanText(uptime_ms)}`),
    field("peer", `${peer.name} is ${peer.state}`),
    ...counts,
    field("dropped", dropped.length === 0 ? "no datagram" : dropped.join(", ")),
    field("journal", span(journal.text, journal.ok ? "plain" : "bad"), span(`  ${journal.path}`, "dim")),
  ];
}

function pathPage(state: ConsoleState, id: string, width: number): Page | null {
  const path = pathsOf(state).find((it) => pathId(it) === id);
  if (path === undefined) return null;
  const columns = Math.max(10, width - 4);
  const rows = path.sides.flatMap(({ node, path: it, history }) => {
    const times = history.flatMap(({ rttUs }) => rttUs === null ? [] : [rttUs]).sort((a, b) => a - b);
    const at = (share: number) => durationText(times[Math.min(times.length - 1, Math.floor(times.length * share))]!);
    return [
      row("  ", span(node, "strong"), `  ${it.local} to ${it.remote}`),
      field("state", span(it.state, it.state === "up" ? "good" : "bad"), `  ${heardText(it.last_heard_ms)}`),
      field("round trip", it.rtt_us === null ? "not measured" : durationText(it.rtt_us)),
      ...(times.length === 0 ? [] : [field("last minute", `least ${at(0)}, median ${at(0.5)}, most ${at(1)}`)]),
      field("loss", `${(it.loss * 100).toFixed(1)} %`),
      row("  ", ...sparkline(slices(history, state.nowMs, columns))),
      row("  ", span(`a minute ago${"now".padStart(Math.max(4, columns - 12))}`, "dim")),
      row(),
    ];
  });
  return { title: `PATH ${pathName(path)}`, rows };
}

function heardText(ms: number | null): string {
  return ms === null ? "never heard" : ms < 1000 ? `heard ${Math.round(ms)} ms ago` : `heard ${spanText(ms)} ago`;
}

function groupPage(state: ConsoleState, id: string, width: number): Page | null {
  const view = groupsOf(state).find(({ pair, name }) => `group:${pair}/${name}` === id);
  if (view === undefined) return null;
  const rows = view.sides.flatMap(({ node, group }) => [
    row("  ", span(node, "strong"), "  ", span(group.role, roleTone(group.role)), `  epoch ${group.epoch}`),
    field("lease", group.lease.held ? `held, ${Math.round(group.lease.left_ms ?? 0)} ms left` : "none"),
    field("peer", group.peer_role ?? "not heard"),
    ...(group.eligible ? [] : fieldRows("not eligible", group.eligible_reason, width, "warn")),
    ...group.addresses.map((it, i) =>
      field(i === 0 ? "addresses" : "", `${it.address} on ${it.interface}, ${it.active ? "active" : "waiting"}`)
    ),
    ...group.services.map((it, i) =>
      field(
        i === 0 ? "services" : "",
        `${it.name} ${it.state}${it.healthy === null ? "" : it.healthy ? ", healthy" : ", not healthy"}`,
      )
    ),
    field("state", `LSN ${group.state.lsn}, the peer's copy ${group.state.peer_lsn}`),
    ...figuresOf(group).map((figure) => field("", figure)),
    field(
      "held",
      `${group.held.now} now, ${group.held.total} in all, released ${group.held.released}, dropped ${group.held.dropped}`,
    ),
    ...[wireText(group)].flatMap((text) => text === null ? [] : [field("wire", text)]),
    field(
      "packets",
      `served ${group.packets.served}, passed on ${group.packets.passed}, stopped ${group.packets.dropped} coming and ` +
        `${group.packets.muted} going`,
    ),
    ...(group.last_switch === null ? [] : [row(), ...receiptRows(group.last_switch, width)]),
    row(),
  ]);
  return { title: `GROUP ${view.name}`, rows };
}

function servicePage(state: ConsoleState, id: string, width: number): Page | null {
  for (const view of groupsOf(state)) {
    for (const { node, group } of view.sides) {
      const service = group.services.find(({ name }) => serviceId(view.pair, view.name, name) === id);
      if (service === undefined) continue;
      const words = view.sides.flatMap((side) =>
        side.group.services.filter(({ name }) => name === service.name).map((it) =>
          field(side.node, it.state, it.healthy === null ? "" : it.healthy ? ", healthy" : span(", not healthy", "bad"))
        )
      );
      return {
        title: `SERVICE ${service.name} of ${view.name}`,
        rows: [...words, row(), ...outputRows(state, id, node, width)],
      };
    }
  }
  return null;
}

function outputRows(state: ConsoleState, id: string, node: string, width: number): Row[] {
  const output = state.outputs.get(id);
  if (output === undefined || output.kind === "asked") return [row("  ", span("asking for its output …", "dim"))];
  if (output.kind === "none") return [row("  ", span(output.text, "dim"))];
  if (output.lines.length === 0) return [row("  ", span("it has printed nothing", "dim"))];
  return [
    row("  ", span(`last lines on ${node}`, "dim")),
    ...output.lines.flatMap((line) => wrapText(line, width - 4, "  ")).map((line) => row("  ", line)),
  ];
}

function happeningPage(state: ConsoleState, id: string, width: number): Page | null {
  const it = state.timeline.find((happening) => happening.id === id);
  if (it === undefined) return null;
  const front = [field("at", it.at), field("node", it.node)];
  if (it.type === "said") return { title: "EVENT", rows: [...front, ...fieldRows("", it.text, width)] };
  return it.entry.type === "switch"
    ? { title: "SWITCH", rows: [...front, ...receiptRows(it.entry, width)] }
    : { title: "EVENT", rows: [...front, ...eventRows(it.entry, width)] };
}

function eventRows(event: Extract<EntryJson, { type: "event" }>, width: number): Row[] {
  const detail = event.detail === undefined
    ? []
    : Object.entries(event.detail).flatMap(([name, value]) =>
      fieldRows(name, typeof value === "string" ? value : JSON.stringify(value) ?? "", width)
    );
  return [
    field("kind", `${event.kind}, ${event.level}`),
    ...(event.group === undefined ? [] : [field("group", event.group)]),
    ...fieldRows("text", event.text, width, event.level === "alarm" ? "bad" : "plain"),
    ...detail,
  ];
}

/** A receipt with its steps as bars. @param shown how many of them have been played */
export function receiptRows(json: ReceiptJson, width: number, shown = json.steps.length): Row[] {
  const receipt = receiptFromJson(json);
  const bars = barRows(receipt.steps, width - 4, shown).map(({ spans }) => ({ spans: [span("  "), ...spans] }));
  return [
    row("  ", span(receiptTitle(receipt), receipt.outcome === "done" ? "strong" : "bad")),
    ...fieldRows("reason", receipt.reason, width),
    field("at", receipt.at),
    row(),
    ...bars,
    row(),
    ...fieldRows("packets", packetsText(receipt.packets), width),
  ];
}

function troublePage(state: ConsoleState, id: string, width: number): Page | null {
  const it = troublesOf(state).find((trouble) => trouble.id === id);
  if (it === undefined) return null;
  const since = it.since === "" ? [] : [field("since", it.since)];
  return { title: it.label.toUpperCase(), rows: [...since, ...fieldRows("", it.text, width, it.tone)] };
}
