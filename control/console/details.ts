/** Everything that is known of one item. Pure. */
import { arbiterText } from "../api/arbiter_text.ts";
import type { GroupJson, StatusJson } from "../api/json.ts";
import { wireText } from "../api/wire_text.ts";
import { durationText, spanText } from "../api/units.ts";
import { field, fieldRows, type Page } from "./fields.ts";
import { slices } from "./history.ts";
import { groupsOf, nodesOf, pathsOf } from "./pair.ts";
import { sparkline } from "./pictures.ts";
import { type Row, row, span } from "./row.ts";
import { agoText, figuresOf, healthText, nodesId, roleTone } from "./sections.ts";
import { servicePage } from "./service_page.ts";
import type { ConsoleState } from "./state.ts";
import { happeningPage, receiptRows } from "./switch_page.ts";
import { pathId, pathName, troublesOf } from "./troubles.ts";

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

function statusRows({ version, uptime_ms, counters, rejected, journal, peer, arbiter }: StatusJson): Row[] {
  const third = arbiterText(arbiter);
  const dropped = Object.entries(rejected).filter(([, count]) => count > 0).map(([reason, n]) => `${reason} ${n}`);
  const counts = [
    field("heartbeats", `${counters.heartbeats_sent} sent, ${counters.heartbeats_received} received`),
    field(
      "probes",
      `${counters.probes_sent} sent; ${peer.name} was heard as an address ${counters.probes_answered} times`,
    ),
    field("suspicions", `${counters.suspicions}, lapses of a lease ${counters.lease_lapses}`),
    field("late wakes", `${counters.late_wakes}, the worst ${durationText(counters.late_wake_max_us)}`),
    field("errors", `${counters.send_errors} while sending, rules repaired ${counters.rules_repaired}`),
  ];
  return [
    field("version", `segue ${version}, up ${spanText(uptime_ms)}`),
    field("peer", `${peer.name} is ${peer.state}`),
    ...(third === null ? [] : [field("arbiter", span(third, arbiter?.reachable ? "plain" : "bad"))]),
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
    ...group.services.map((it, i) => field(i === 0 ? "services" : "", `${it.name} ${it.state}${healthText(it)}`)),
    field("state", stateText(group.state)),
    ...figuresOf(group).map((figure) => field("", figure)),
    field(
      "held",
      `${group.held.now} now, ${group.held.total} in all, released ${group.held.released}, dropped ${group.held.dropped}`,
    ),
    ...[wireText(group)].flatMap((text) => text === null ? [] : fieldRows("wire", text, width)),
    ...fieldRows(
      "packets",
      `served ${group.packets.served}, passed on ${group.packets.passed}, stopped ${group.packets.dropped} coming and ` +
        `${group.packets.muted} going`,
      width,
    ),
    ...group.stragglers.map(({ address, packets, seconds }) =>
      field("stragglers", span(`${address} still sends to ${node}: ${packets} packets in ${seconds} s`, "bad"))
    ),
    ...(group.last_switch === null ? [] : [row(), ...receiptRows(group.last_switch, width)]),
    row(),
  ]);
  return { title: `GROUP ${view.name}`, rows };
}

function stateText({ lsn, peer_lsn: peer, keys, bytes, sync }: GroupJson["state"]): string {
  if (keys === 0 && lsn === 0) return "nothing is kept";
  return `LSN ${lsn}, the peer's copy ${peer} (${sync}); ${keys} keys, ${bytes} bytes`;
}

function troublePage(state: ConsoleState, id: string, width: number): Page | null {
  const it = troublesOf(state).find((trouble) => trouble.id === id);
  if (it === undefined) return null;
  const since = it.since === "" ? [] : [field("since", it.since)];
  return { title: it.label.toUpperCase(), rows: [...since, ...fieldRows("", it.text, width, it.tone)] };
}
