/** Tracks: one thing each to watch; a gateway on the group's own network, asked quickly enough to be of use. */
import { parseIp } from "./address.ts";
import type { GroupDraft, PairDraft, Placed } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import { GATEWAY_DEFAULTS, type TRACK, TRACK_DEFAULTS } from "./schema.ts";
import { checkOneOf, checkPace } from "./service_relations.ts";
import type { Report } from "./table.ts";
import { gatewayTimeoutUs, mergeTiming } from "./timing_relations.ts";

const HINT = 'interface = "eth0", exec = ["/usr/local/bin/ok"], or gateway = "10.77.0.254"';

type TrackDraft = Placed<typeof TRACK>;

export function checkTracks(report: Report, draft: PairDraft): void {
  for (const group of draft.groups) {
    const gateways = group.tracks.filter(({ keys }) => keys.gateway !== undefined);
    for (const track of group.tracks) {
      if (isGateway(report, track)) checkGateway(report, track, group, draft);
      else checkTrack(report, track);
    }
    for (const { path } of gateways.slice(1)) {
      report.error(
        [...path, "gateway"],
        "the group has a gateway already",
        "one is asked: the one that clients come by",
      );
    }
  }
}

/** Also one whose address could not be read. */
function isGateway(report: Report, { path, keys }: TrackDraft): boolean {
  return keys.gateway !== undefined || report.positions.has([...path, "gateway"]);
}

function checkTrack(report: Report, { path, keys }: TrackDraft): void {
  checkOneOf(report, path, keys, ["interface", "exec"], HINT);
  if (keys.interface !== undefined && keys.exec === undefined) {
    for (const key of ["every", "timeout", "fall", "rise"] as const) {
      if (keys[key] === undefined) continue;
      report.error([...path, key], "means nothing for an interface: the kernel tells at once", `take ${key} out`);
    }
    return;
  }
  checkPace(report, path, keys, TRACK_DEFAULTS.everyUs, null);
}

function checkGateway(report: Report, track: TrackDraft, group: GroupDraft, draft: PairDraft): void {
  const { path, keys } = track;
  if (keys.exec !== undefined) {
    report.error([...path, "exec"], "gateway and exec stand together; only one of them is meant", "write two tracks");
  }
  if (keys.rise !== undefined) {
    report.error([...path, "rise"], "means nothing for a gateway: one answer is enough", "take rise out");
  }
  const own = [...new Set(group.addresses.map(({ keys }) => keys.interface).filter((name) => name !== undefined))];
  if (keys.interface !== undefined && own.length > 0 && !own.includes(keys.interface)) {
    const hint = `the group's own: ${own.join(", ")}`;
    report.error([...path, "interface"], `no address of the group is on "${keys.interface}"`, hint);
  } else if (keys.interface === undefined && own.length > 1) {
    report.error(path, `the group is on ${own.join(" and ")}`, `say where the gateway is: interface = "${own[0]}"`);
  }
  checkGatewayAddress(report, track, draft);
  checkGatewayPace(report, track, draft);
}

/** Neither node may take itself, or what moves, for a third one. */
function checkGatewayAddress(report: Report, { path, keys }: TrackDraft, { nodes, groups }: PairDraft): void {
  const text = keys.gateway?.text;
  if (text === undefined) return;
  const hint = "a machine besides the two nodes: the router that clients come by";
  if (groups.some(({ addresses }) => addresses.some((it) => it.keys.address?.text === text))) {
    report.error([...path, "gateway"], `${text} is a virtual address of this pair`, hint);
  }
  const paths = nodes.flatMap(({ keys }) => keys.paths ?? []);
  if (paths.some(({ host }) => parseIp(host)?.text === text)) {
    report.error([...path, "gateway"], `${text} is a node of this pair`, hint);
  }
}

function checkGatewayPace(report: Report, { path, keys }: TrackDraft, { timing }: PairDraft): void {
  const times = mergeTiming(timing), { heartbeatUs, suspectUs, deadAfterUs } = times;
  const every = keys.every ?? GATEWAY_DEFAULTS.everyUs, fall = keys.fall ?? GATEWAY_DEFAULTS.fall;
  const timeout = keys.timeout ?? gatewayTimeoutUs(times, fall);
  checkPace(report, path, keys, GATEWAY_DEFAULTS.everyUs, timeout);
  const knows = heartbeatUs + suspectUs + fall * timeout;
  if (knows <= deadAfterUs || timeout > every) return;
  report.warning(
    [...path, keys.timeout !== undefined ? "timeout" : "fall"],
    `a primary that is cut off gives up after heartbeat ${t(heartbeatUs)} + suspect ${t(suspectUs)} + ${fall} × ` +
      `${t(timeout)} = ${t(knows)}, ` +
      `the other node takes over after ${t(deadAfterUs)}: until then both speak, each on its own side`,
    `timeout × fall of at most ${t(Math.max(0, deadAfterUs - suspectUs - heartbeatUs))}, or a longer dead_after`,
  );
}
