/** The Prometheus text format, version 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/). Pure. */
import { type Role, ROLES } from "../core/vocabulary.ts";
import type { JournalHealth } from "../journal/entry.ts";
import type { ServiceSnapshot, ShadowSnapshot, StateSnapshot, SwitchSnapshot } from "../core/messages.ts";
import type { PathStats, StreamStats } from "../stream/stats.ts";

export const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number | null];

interface Metric {
  readonly name: string;
  readonly type: "gauge" | "counter";
  readonly help: string;
  readonly samples: readonly Sample[];
}

export function metricsText(snapshot: SwitchSnapshot, journal: JournalHealth, stream: StreamStats | null): string {
  const metrics = [
    ...nodeMetrics(snapshot),
    ...pathMetrics(snapshot),
    ...groupMetrics(snapshot),
    ...serviceMetrics(snapshot),
    ...stateMetrics(snapshot),
    ...streamMetrics(stream),
    ...counterMetrics(snapshot),
    ...journalMetrics(journal),
  ];
  return metrics.map(metricText).join("");
}

function nodeMetrics(s: SwitchSnapshot): Metric[] {
  const heardMs = s.peer.last_heard_ms;
  return [
    gauge("info", "Always 1; who this is.", [[{ node: s.node, pair: s.pair, version: s.version }, 1]]),
    gauge("uptime_seconds", "Since the start of the switch thread.", [[{}, s.uptime_ms / 1e3]]),
    gauge("peer_up", "Whether the peer is heard.", [[{ peer: s.peer.name }, flag(s.peer.state === "alive")]]),
    gauge("peer_last_heard_seconds", "Since the peer was last heard.", [[
      { peer: s.peer.name },
      heardMs === null ? null : heardMs / 1e3,
    ]]),
    gauge("arbiter_up", "Whether the arbiter answers; not there without one, and before that is known.", [[
      {},
      s.arbiter?.reachable === undefined || s.arbiter.reachable === null ? null : flag(s.arbiter.reachable),
    ]]),
    gauge("arbiter_key", "Whether the arbiter's key is this node's.", [[{}, s.arbiter ? flag(s.arbiter.ours) : null]]),
    gauge("arbiter_answer_seconds", "How long its last answer to a claim took.", [[
      {},
      s.arbiter?.answer_ms === undefined || s.arbiter.answer_ms === null ? null : s.arbiter.answer_ms / 1e3,
    ]]),
    gauge("alarm", "1 for each condition that lasts.", s.alarms.map(({ kind }) => [{ kind }, 1])),
  ];
}

function pathMetrics(s: SwitchSnapshot): Metric[] {
  const each = (value: (path: SwitchSnapshot["paths"][number]) => number | null): Sample[] =>
    s.paths.map((path) => [{ local: path.local, remote: path.remote, kind: path.kind }, value(path)]);
  return [
    gauge("path_up", "Whether heartbeats come by this way.", each((path) => flag(path.state === "up"))),
    gauge("path_rtt_seconds", "Round trip.", each((path) => path.rtt_us === null ? null : path.rtt_us / 1e6)),
    gauge("path_loss_ratio", "Share of the last heartbeats that did not come.", each((path) => path.loss)),
  ];
}

function groupMetrics(s: SwitchSnapshot): Metric[] {
  const each = (value: (group: SwitchSnapshot["groups"][number]) => number | null): Sample[] =>
    s.groups.map((group) => [{ group: group.name }, value(group)]);
  const roles = s.groups.flatMap((group) => ROLES.map((role): Sample => roleSample(group.name, group.role, role)));
  const packets = s.groups.flatMap(({ name, packets }) =>
    Object.entries(packets).map(([verdict, count]): Sample => [{ group: name, verdict }, count])
  );
  const held = s.groups.flatMap(({ name, held: { total, released, dropped } }) =>
    Object.entries({ total, released, dropped }).map(([what, count]): Sample => [{ group: name, what }, count])
  );
  const shadows = s.groups.flatMap(({ name, shadow }) => shadow === undefined ? [] : [{ name, shadow }]);
  const kept = shadows.flatMap(({ name, shadow: { total, replayed, served, dropped } }) =>
    Object.entries({ total, replayed, served, dropped }).map(([what, count]): Sample => [{ group: name, what }, count])
  );
  const ofShadow = (value: (shadow: ShadowSnapshot) => number): Sample[] =>
    shadows.map(({ name, shadow }) => [{ group: name }, value(shadow)]);
  return [
    gauge("group_role", "1 for the role that this node has in the group.", roles),
    gauge("group_epoch", "Number of the group's reign.", each((group) => group.epoch)),
    gauge("group_lease", "Whether this kernel may speak as the addresses.", each((group) => flag(group.lease.held))),
    gauge(
      "group_eligible",
      "Whether tracks and services allow this node to be primary.",
      each((g) => flag(g.eligible)),
    ),
    gauge(
      "group_gateway_up",
      "Whether the gateway answers that is asked in isolation; not there without one, and before that is known.",
      each(({ gateway }) => gateway === null || gateway.reachable === null ? null : flag(gateway.reachable)),
    ),
    counter("group_packets_total", "Packets of the addresses by what the kernel did with them.", packets),
    gauge("group_held_packets", "Packets that wait in the kernel now.", each((group) => group.held.now)),
    gauge(
      "group_connections",
      "TCP connections that end in this node at the group's addresses; not there where the kernel does not tell.",
      each((group) => group.connections ?? null),
    ),
    counter("group_hold_packets_total", "Packets that were held for a switch, and what became of them.", held),
    gauge("group_shadow_packets", "Packets of a shared wire that wait now.", ofShadow((it) => it.now)),
    gauge("group_shadow_bytes", "Their bytes.", ofShadow((it) => it.bytes)),
    gauge("group_shadow_oldest_seconds", "Age of the oldest of them.", ofShadow((it) => it.oldest_ms / 1000)),
    counter("group_shadow_packets_total", "Packets that the shadow kept, and what became of them.", kept),
    gauge(
      "group_last_switch_seconds",
      "How long the last switch took.",
      each((g) => seconds(g.last_switch?.durationUs)),
    ),
    gauge("group_last_switch_timestamp_seconds", "When the last switch began.", each((g) => time(g.last_switch?.at))),
  ];
}

function serviceMetrics(s: SwitchSnapshot): Metric[] {
  const each = (value: (service: ServiceSnapshot) => number | null): Sample[] =>
    s.groups.flatMap(({ name: group, services }) =>
      services.map((service): Sample => [{ group, service: service.name }, value(service)])
    );
  return [
    gauge(
      "service_healthy",
      "Whether the service works; not there while it is not meant to run.",
      each(
        ({ healthy }) => healthy === null ? null : flag(healthy),
      ),
    ),
    counter("service_restarts_total", "Times that the service was started again.", each((one) => one.restarts ?? null)),
  ];
}

const SYNC: readonly StateSnapshot["sync"][] = ["alone", "copying", "catching-up", "synced"];

function stateMetrics(s: SwitchSnapshot): Metric[] {
  const each = (value: (state: StateSnapshot) => number): Sample[] =>
    s.groups.map(({ name: group, state }): Sample => [{ group }, value(state)]);
  const sync = s.groups.flatMap(({ name: group, state }) =>
    SYNC.map((one): Sample => [{ group, state: one }, flag(state.sync === one)])
  );
  return [
    gauge("state_lsn", "Number of the last write that this node has.", each(({ lsn }) => lsn)),
    gauge("state_peer_lsn", "Number of the last write that the peer has.", each((state) => state.peer_lsn)),
    gauge("state_durable_lsn", "Number of the last write on this node's disk.", each((state) => state.durable_lsn)),
    gauge("state_keys", "Keys of the group.", each(({ keys }) => keys)),
    gauge("state_bytes", "Bytes of these keys and values.", each(({ bytes }) => bytes)),
    gauge("state_sync", "1 for how the two copies stand.", sync),
  ];
}

/** The stream between the two copies; packets of the present connection begin anew with it. */
function streamMetrics(stream: StreamStats | null): Metric[] {
  const each = (value: (path: PathStats) => number | null): Sample[] =>
    (stream?.paths ?? []).map((path, number) => [{ path: `${number}` }, value(path)]);
  return [
    gauge("stream_up", "Whether the stream to the peer is connected.", [[{}, stream && flag(stream.up)]]),
    counter("stream_connections_total", "Connections since the start.", [[{}, stream && stream.connections]]),
    gauge("stream_path_live", "Whether the path carries data.", each(({ live }) => flag(live))),
    gauge("stream_path_rtt_seconds", "Round trip.", each(({ rttUs }) => rttUs === null ? null : rttUs / 1e6)),
    counter("stream_path_sent_total", "Packets sent by this connection.", each(({ sent }) => sent)),
    counter("stream_path_lost_total", "Packets among them that were given up as lost.", each(({ lost }) => lost)),
    counter("stream_path_received_total", "Packets received by this connection.", each(({ received }) => received)),
    counter("stream_path_errors_total", "Errors of the path's socket.", each(({ errors }) => errors)),
  ];
}

function counterMetrics(s: SwitchSnapshot): Metric[] {
  const c = s.counters;
  const one = (name: string, help: string, value: number) => counter(name, help, [[{}, value]]);
  return [
    one("heartbeats_sent_total", "Datagrams and frames sent.", c.heartbeats_sent),
    one("heartbeats_received_total", "Datagrams and frames that counted.", c.heartbeats_received),
    counter(
      "rejected_total",
      "Datagrams that were dropped, by reason.",
      Object.entries(s.rejected).map(([reason, count]) => [{ reason }, count]),
    ),
    one("probes_sent_total", "Questions about an address, before a takeover.", c.probes_sent),
    one("probes_answered_total", "Answers: the peer's kernel still held the lease.", c.probes_answered),
    one("suspicions_total", "Times that the peer was suspected.", c.suspicions),
    one("lease_lapses_total", "Times that the kernel's lease ran out.", c.lease_lapses),
    one("late_wakes_total", "Times that the switch thread was woken too late.", c.late_wakes),
    gauge("late_wake_max_seconds", "Latest wake.", [[{}, c.late_wake_max_us / 1e6]]),
    one("send_errors_total", "Datagrams that the kernel refused.", c.send_errors),
    one("rules_repaired_total", "Times that the kernel rules were put back.", c.rules_repaired),
  ];
}

function journalMetrics(health: JournalHealth): Metric[] {
  return [
    gauge("journal_ok", "Whether the journal can be written.", [[{}, flag(health.ok)]]),
    gauge("journal_waiting_entries", "Entries that wait in memory for the disk.", [[{}, health.waiting]]),
    counter("journal_dropped_entries_total", "Entries that were lost.", [[{}, health.dropped]]),
  ];
}

function metricText({ name, type, help, samples }: Metric): string {
  const known = samples.filter(([, value]) => value !== null);
  if (known.length === 0) return "";
  const lines = known.map(([labels, value]) => `${name}${labelText(labels)} ${value}\n`);
  return `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n${lines.join("")}`;
}

function labelText(labels: Labels): string {
  const parts = Object.entries(labels).map(([name, value]) => `${name}="${escapeLabel(value)}"`);
  return parts.length === 0 ? "" : `{${parts.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name: `segue_${name}`, type: "gauge", help, samples };
}

function counter(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name: `segue_${name}`, type: "counter", help, samples };
}

function roleSample(group: string, actual: Role, role: Role): Sample {
  return [{ group, role }, flag(actual === role)];
}

function flag(on: boolean): number {
  return on ? 1 : 0;
}

function seconds(us: number | undefined): number | null {
  return us === undefined ? null : us / 1e6;
}

function time(at: string | undefined): number | null {
  const ms = at === undefined ? NaN : Date.parse(at);
  return Number.isNaN(ms) ? null : ms / 1e3;
}
