/** What is not as it should be, the worst first: alarms of the daemons, and what follows from their words together. Pure. */
import { spanText } from "../api/units.ts";
import { isObject } from "./rehearsal.ts";
import {
  alarmsOf,
  type AlarmView,
  groupsOf,
  type GroupView,
  nodesOf,
  type NodeView,
  pathsOf,
  type PathView,
} from "./pair.ts";
import type { ConsoleState } from "./state.ts";

export interface Trouble {
  /** Id of an item under the cursor. */
  readonly id: string;
  /** `bad`: clients are or may soon be without service. `warn`: the pair is not whole. */
  readonly tone: "bad" | "warn";
  readonly label: string;
  readonly text: string;
  /** ISO 8601, "" where that is not known. */
  readonly since: string;
}

export function troublesOf(state: ConsoleState): readonly Trouble[] {
  const nodes = nodesOf(state), groups = groupsOf(state);
  const all = [
    ...nodes.flatMap(lostTrouble),
    ...groups.flatMap(ownerTrouble),
    ...alarmsOf(state).map(alarmTrouble),
    ...nodes.flatMap((node) => silentTrouble(node, state)),
    ...groups.flatMap((group) => groupTroubles(group, alarmsOf(state))),
    ...pathTroubles(pathsOf(state), alarmsOf(state)),
    ...nodes.flatMap(maintenanceNote),
  ];
  return [...all.filter(({ tone }) => tone === "bad"), ...all.filter(({ tone }) => tone === "warn")];
}

function trouble(id: string, tone: Trouble["tone"], label: string, text: string, since = ""): Trouble {
  return { id, tone, label, text, since };
}

/** What an operator ordered is a note. */
function alarmTrouble({ id, node, alarm }: AlarmView): Trouble {
  return alarm.kind === MAINTENANCE
    ? trouble(id, "warn", "note", `${node}: ${alarm.text}`)
    : trouble(id, "bad", "ALARM", `${node}: ${alarm.text}`, alarm.since);
}

function lostTrouble({ daemon, label, lost, status }: NodeView): Trouble[] {
  if (daemon === null || lost === null) return [];
  // Before its first word only its socket has a name.
  const who = status === null ? "" : `${label}: `;
  return [trouble(`lost:${daemon}`, "bad", "LOST", `${who}${lost}, trying again`)];
}

function ownerTrouble({ pair, name, label, owners, roles, settled }: GroupView): Trouble[] {
  if (!settled) return [];
  const id = `owner:${pair}/${name}`;
  if (owners.length > 1) {
    return [trouble(id, "bad", "ALARM", `${label}: ${owners.join(" and ")} both say that they are primary`)];
  }
  if (owners.length === 1) return [];
  const said = [...roles].map(([node, role]) => `${node} is ${role}`).join(", ");
  return [trouble(id, "bad", "ALARM", `${label}: nobody serves it as far as is heard (${said})`)];
}

function silentTrouble({ status }: NodeView, { daemons }: ConsoleState): Trouble[] {
  if (status === null || status.peer.state === "alive") return [];
  const daemon = daemons.find((it) => it.status === status);
  if (daemon === undefined || daemon.lost !== null) return [];
  const { name, state, last_heard_ms: heard } = status.peer;
  const since = heard === null ? "never heard" : `heard ${spanText(heard)} ago`;
  return [trouble(`peer:${status.pair}/${name}`, "warn", "peer", `${status.node} says: ${name} is ${state}, ${since}`)];
}

/** What a daemon says as an alarm is not said again as a warning. */
function groupTroubles({ pair, name, label, sides }: GroupView, alarms: readonly AlarmView[]): Trouble[] {
  return sides.flatMap(({ node, group }) => {
    const said = alarms.filter((it) => it.node === node).map(({ alarm }) => alarm.text);
    const isSaid = (text: string) => text !== "" && said.some((it) => it.includes(text));
    return [
      ...group.eligible || group.role === "primary" || isSaid(group.eligible_reason) ? [] : [
        trouble(
          `eligible:${pair}/${name}/${node}`,
          "warn",
          "group",
          `${label} cannot be primary on ${node}: ${group.eligible_reason}`,
        ),
      ],
      ...group.services.filter((it) => it.healthy === false && !isSaid(`service ${it.name}:`)).map((service) =>
        trouble(
          serviceId(pair, name, service.name),
          "warn",
          "service",
          `${label}: ${service.name} on ${node} is ${service.state}, not healthy${
            service.last_error === undefined ? "" : `: ${service.last_error}`
          }`,
        )
      ),
    ];
  });
}

export function serviceId(pair: string, group: string, service: string): string {
  return `service:${pair}/${group}/${service}`;
}

export function pathId({ pair, key }: Pick<PathView, "pair" | "key">): string {
  return `path:${pair}/${key}`;
}

/** Of a pair all of whose paths are down that has been said: its peer is silent. Nor is what a daemon says as an alarm said again. */
function pathTroubles(paths: readonly PathView[], alarms: readonly AlarmView[]): Trouble[] {
  const some = new Set(paths.filter((path) => downSides(path).length === 0).map(({ pair }) => pair));
  const isSaid = ({ kind, sides }: PathView) =>
    sides.some(({ node, path: { local } }) => {
      const name = kind === "frame" ? `frame ${local}` : `path ${local.replace(/:\d+$/, "")}`;
      return alarms.some((it) => it.node === node && it.alarm.text.includes(`${name},`));
    });
  return paths.filter((path) => some.has(path.pair) && !isSaid(path)).flatMap((path) => {
    const down = downSides(path), worst = Math.max(...path.sides.map((side) => side.path.loss));
    const text = down.length > 0
      ? `is down, says ${down.join(" and ")}`
      : worst >= LOSS_WARNED
      ? `loses ${Math.round(worst * 100)} % of the heartbeats`
      : null;
    return text === null ? [] : [trouble(pathId(path), "warn", "path", `${pathName(path)} ${text}`)];
  });
}

/** Share of a path's heartbeats whose loss is worth a warning: a path that comes and goes is none to rely on. */
const LOSS_WARNED = 0.1;

function downSides({ sides }: PathView): string[] {
  return sides.filter(({ path: { state } }) => state === "down").map(({ node }) => node);
}

/** Both ends, without a port that is the same. */
export function pathName({ kind, ends: [local, remote] }: PathView): string {
  if (kind === "frame") return `frames on ${local}`;
  const port = /:\d+$/.exec(local)?.[0];
  const same = port !== undefined && remote.endsWith(port);
  return same ? `${local.slice(0, -port.length)} – ${remote.slice(0, -port.length)}` : `${local} – ${remote}`;
}

/** Whether a daemon says that it is in maintenance; null where it does not know the word. */
export function maintenanceOf(status: unknown): boolean | null {
  if (!isObject(status)) return null;
  const value = status["maintenance"];
  if (typeof value === "boolean") return value;
  return isObject(value) && typeof value["on"] === "boolean" ? value["on"] : null;
}

/** Of a daemon that says it, but not as an alarm. */
function maintenanceNote({ name, status, lost }: NodeView): Trouble[] {
  if (lost !== null || status === null || maintenanceOf(status) !== true) return [];
  if (status.alarms.some(({ kind }) => kind === MAINTENANCE)) return [];
  return [trouble(`alarm:${name}/${MAINTENANCE}`, "warn", "note", `${name} is in maintenance`)];
}

const MAINTENANCE = "maintenance";
