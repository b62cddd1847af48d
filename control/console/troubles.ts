/** What is not as it should be, the worst first: alarms of the daemons, and what follows from their words together. Pure. */
import { spanText } from "../api/units.ts";
import { isObject } from "./rehearsal.ts";
import { alarmsOf, groupsOf, type GroupView, nodesOf, type NodeView, pathsOf, type PathView } from "./pair.ts";
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
    ...alarmsOf(state).map(({ id, node, alarm }) => trouble(id, "bad", "ALARM", `${node}: ${alarm.text}`, alarm.since)),
    ...nodes.flatMap((node) => silentTrouble(node, state)),
    ...groups.flatMap(groupTroubles),
    ...pathTroubles(pathsOf(state)),
    ...nodes.flatMap(maintenanceNote),
  ];
  return [...all.filter(({ tone }) => tone === "bad"), ...all.filter(({ tone }) => tone === "warn")];
}

function trouble(id: string, tone: Trouble["tone"], label: string, text: string, since = ""): Trouble {
  return { id, tone, label, text, since };
}

function lostTrouble({ daemon, name, lost, status }: NodeView): Trouble[] {
  if (daemon === null || lost === null) return [];
  // Before its first word only its socket has a name.
  const who = status === null ? "" : `${name}: `;
  return [trouble(`lost:${daemon}`, "bad", "LOST", `${who}${lost}, trying again`)];
}

function ownerTrouble({ pair, name, owners, roles, settled }: GroupView): Trouble[] {
  if (!settled) return [];
  const id = `owner:${pair}/${name}`;
  if (owners.length > 1) {
    return [trouble(id, "bad", "ALARM", `${name}: ${owners.join(" and ")} both say that they are primary`)];
  }
  if (owners.length === 1) return [];
  const said = [...roles].map(([node, role]) => `${node} is ${role}`).join(", ");
  return [trouble(id, "bad", "ALARM", `${name}: nobody serves it as far as is heard (${said})`)];
}

function silentTrouble({ status }: NodeView, { daemons }: ConsoleState): Trouble[] {
  if (status === null || status.peer.state === "alive") return [];
  const daemon = daemons.find((it) => it.status === status);
  if (daemon === undefined || daemon.lost !== null) return [];
  const { name, state, last_heard_ms: heard } = status.peer;
  const since = heard === null ? "never heard" : `heard ${spanText(heard)} ago`;
  return [trouble(`peer:${status.pair}/${name}`, "warn", "peer", `${status.node} says: ${name} is ${state}, ${since}`)];
}

function groupTroubles({ pair, name, sides }: GroupView): Trouble[] {
  return sides.flatMap(({ node, group }) => [
    ...group.eligible || group.role === "primary" ? [] : [
      trouble(
        `eligible:${pair}/${name}/${node}`,
        "warn",
        "group",
        `${name} cannot be primary on ${node}: ${group.eligible_reason}`,
      ),
    ],
    ...group.services.filter(({ healthy }) => healthy === false).map((service) =>
      trouble(
        serviceId(pair, name, service.name),
        "warn",
        "service",
        `${name}: ${service.name} on ${node} is ${service.state}, not healthy`,
      )
    ),
  ]);
}

export function serviceId(pair: string, group: string, service: string): string {
  return `service:${pair}/${group}/${service}`;
}

export function pathId({ pair, key }: Pick<PathView, "pair" | "key">): string {
  return `path:${pair}/${key}`;
}

/** Of a pair all of whose paths are down that has been said: its peer is silent. */
function pathTroubles(paths: readonly PathView[]): Trouble[] {
  const some = new Set(paths.filter((path) => downSides(path).length === 0).map(({ pair }) => pair));
  return paths.filter((path) => some.has(path.pair) && downSides(path).length > 0).map((path) =>
    trouble(pathId(path), "warn", "path", `${pathName(path)} is down, says ${downSides(path).join(" and ")}`)
  );
}

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

function maintenanceNote({ name, status, lost }: NodeView): Trouble[] {
  if (lost !== null || maintenanceOf(status) !== true) return [];
  return [trouble(`maintenance:${name}`, "warn", "note", `${name} is in maintenance`)];
}
