/** What several daemons say, put together: nodes, paths and groups, each once. Pure. */
import type { PathSnapshot } from "../core/messages.ts";
import type { Alarm, Role } from "../core/vocabulary.ts";
import type { GroupJson, StatusJson } from "../api/json.ts";
import type { PathHistory } from "./history.ts";
import { answers, type ConsoleState, type Daemon } from "./state.ts";

/** A node in the words of its own daemon, or else in those of its peer's. */
export interface NodeView {
  readonly pair: string;
  readonly name: string;
  /** Its name; where daemons of several pairs are watched, behind that of its pair. */
  readonly label: string;
  /** Index of its own daemon; null where only the peer speaks of it. */
  readonly daemon: number | null;
  readonly lost: string | null;
  readonly status: StatusJson | null;
  /** What its peer says of it; null where the peer's daemon is not watched or does not answer. */
  readonly heard: StatusJson["peer"] | null;
}

export interface GroupView {
  readonly pair: string;
  readonly name: string;
  readonly label: string;
  /** One for each daemon that answers and has the group. */
  readonly sides: readonly { readonly node: string; readonly daemon: number; readonly group: GroupJson }[];
  /** Nodes that are primary by their own word, or by that of a peer that hears them. */
  readonly owners: readonly string[];
  /** By node. */
  readonly roles: ReadonlyMap<string, Role>;
  /**
   * Whether it is certain by now who owns it, or that nobody or more than one does. The daemons' words are of different moments:
   * in the middle of a switch one may say that it is primary already, the other that it is still.
   */
  readonly settled: boolean;
}

/** Longer than it takes until each daemon has been asked again. */
const DOUBT_MS = 1000;

export interface PathView {
  readonly pair: string;
  readonly key: string;
  readonly kind: PathSnapshot["kind"];
  readonly ends: readonly [string, string];
  readonly sides: readonly { readonly node: string; readonly path: PathSnapshot; readonly history: PathHistory }[];
}

export interface AlarmView {
  readonly id: string;
  readonly node: string;
  readonly alarm: Alarm;
}

/** The same for both ends of a path, whoever speaks of it. Frames go between interfaces that mostly have the same name. */
export function pathKey(path: Pick<PathSnapshot, "kind" | "local" | "remote">): string {
  if (path.kind === "frame") return `frame ${path.local}`;
  return [path.kind, ...[path.local, path.remote].sort()].join(" ");
}

/** Nodes in the order of the daemons, a peer without a daemon of its own behind the node that speaks of it. */
export function nodesOf({ daemons }: ConsoleState): readonly NodeView[] {
  const nodes: Omit<NodeView, "label">[] = [];
  const own = new Set(daemons.flatMap(({ status }) => status === null ? [] : [nodeKey(status.pair, status.node)]));
  for (const [index, { status, lost, runDir }] of daemons.entries()) {
    if (status === null) {
      nodes.push({ pair: "", name: folderName(runDir), daemon: index, lost, status: null, heard: null });
      continue;
    }
    const key = nodeKey(status.pair, status.node);
    if (nodes.some((node) => node.daemon !== null && nodeKey(node.pair, node.name) === key)) continue;
    nodes.push({ pair: status.pair, name: status.node, daemon: index, lost, status, heard: heardOf(daemons, status) });
    if (own.has(nodeKey(status.pair, status.peer.name))) continue;
    const heard = lost === null ? status.peer : null;
    nodes.push({ pair: status.pair, name: status.peer.name, daemon: null, lost: null, status: null, heard });
  }
  // The two nodes of a pair stand beside each other, in whatever order their daemons are watched.
  const pairs = [...new Set(nodes.map(({ pair }) => pair))];
  return pairs.flatMap((pair) => nodes.filter((node) => node.pair === pair))
    .map((node) => ({ ...node, label: labelOf(daemons, node.pair, node.name) }));
}

/** Folders that are watched differ at their ends. */
function folderName(folder: string): string {
  return folder.length <= FOLDER_MAX ? folder : `…${folder.slice(1 - FOLDER_MAX)}`;
}

const FOLDER_MAX = 18;

/** A name alone says which, unless daemons of several pairs are watched. */
export function labelOf(daemons: readonly Daemon[], pair: string, name: string): string {
  const several = daemons.some(({ status }) => status !== null && status.pair !== pair);
  return several && pair !== "" ? nodeKey(pair, name) : name;
}

function nodeKey(pair: string, node: string): string {
  return `${pair}/${node}`;
}

function heardOf(daemons: readonly Daemon[], { pair, node }: StatusJson): StatusJson["peer"] | null {
  const other = daemons.find((daemon) =>
    answers(daemon) && daemon.status.pair === pair && daemon.status.peer.name === node
  );
  return other?.status?.peer ?? null;
}

/** Groups of all daemons that answer. */
export function groupsOf({ daemons, doubts, nowMs }: ConsoleState): readonly GroupView[] {
  const groups = new Map<string, { pair: string; name: string; sides: GroupView["sides"][number][] }>();
  for (const [index, daemon] of daemons.entries()) {
    if (!answers(daemon)) continue;
    const { pair, node } = daemon.status;
    for (const group of daemon.status.groups) {
      const key = nodeKey(pair, group.name);
      const view = groups.get(key) ?? { pair, name: group.name, sides: [] };
      if (!view.sides.some((side) => side.node === node)) view.sides.push({ node, daemon: index, group });
      groups.set(key, view);
    }
  }
  return [...groups].map(([key, view]) => {
    const roles = rolesOf(view.sides, daemons);
    const owners = [...roles].filter(([, role]) => role === "primary").map(([node]) => node);
    const settled = owners.length === 1 || nowMs - (doubts.get(key) ?? nowMs) >= DOUBT_MS;
    return { ...view, label: labelOf(daemons, view.pair, view.name), roles, owners, settled };
  });
}

/** The groups without exactly one owner, each since it is so. */
export function doubtsOf(state: ConsoleState): ReadonlyMap<string, number> {
  const open = groupsOf(state).filter(({ owners }) => owners.length !== 1);
  return new Map(open.map(({ pair, name }) => {
    const key = nodeKey(pair, name);
    return [key, state.doubts.get(key) ?? state.nowMs];
  }));
}

function rolesOf(sides: GroupView["sides"], daemons: readonly Daemon[]): Map<string, Role> {
  const roles = new Map<string, Role>(sides.map(({ node, group }) => [node, group.role]));
  for (const { daemon, group } of sides) {
    const peer = daemons[daemon]!.status!.peer;
    // What a silent peer said last says nothing of what it is.
    if (!roles.has(peer.name) && group.peer_role !== null && peer.state === "alive") {
      roles.set(peer.name, group.peer_role);
    }
  }
  return roles;
}

export function pathsOf({ daemons }: ConsoleState): readonly PathView[] {
  const paths = new Map<
    string,
    { pair: string; key: string; path: PathSnapshot; sides: PathView["sides"][number][] }
  >();
  for (const daemon of daemons) {
    if (!answers(daemon)) continue;
    const { pair, node } = daemon.status;
    for (const path of daemon.status.paths) {
      const key = pathKey(path);
      const view = paths.get(`${pair} ${key}`) ?? { pair, key, path, sides: [] };
      view.sides.push({ node, path, history: daemon.histories.get(key) ?? [] });
      paths.set(`${pair} ${key}`, view);
    }
  }
  return [...paths.values()].map(({ path, ...view }) => ({
    ...view,
    kind: path.kind,
    ends: [path.local, path.remote],
  }));
}

/** Alarms of all daemons that answer, and a journal that cannot be written, which is one too. */
export function alarmsOf({ daemons }: ConsoleState): readonly AlarmView[] {
  return daemons.flatMap((daemon) => {
    if (!answers(daemon)) return [];
    const { node, alarms, journal } = daemon.status;
    const own: Alarm[] = journal.ok || alarms.some(({ kind }) => kind === "journal")
      ? []
      : [{ kind: "journal", since: "", text: journal.text }];
    return [...alarms, ...own].map((alarm) => ({ id: `alarm:${node}/${alarm.kind}`, node, alarm }));
  });
}
