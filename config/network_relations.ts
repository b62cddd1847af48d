/** Nodes, paths and addresses: what must be there, what must differ, what must match. */
import { GROUPS_MAX, LINKS_MAX } from "../control/core/heartbeat.ts";
import { formatEndpoint, isLinkLocal6, parseIp, streamEndpoint, unusableReason } from "./address.ts";
import type { GroupDraft, PairDraft, Placed } from "./draft.ts";
import { formatDuration as t } from "./duration.ts";
import type { Endpoint } from "./model.ts";
import type { KeyPath } from "./problem.ts";
import type { NODE } from "./schema.ts";
import type { Report } from "./table.ts";
import { mergeTiming } from "./timing_relations.ts";

/** A lease slot's number is one byte of the mark, and 0 is no slot. */
export const SLOTS_MAX = 255;
const PORT_MAX = 65_535;

export function checkNetwork(report: Report, draft: PairDraft): void {
  checkNodes(report, draft);
  checkPaths(report, draft);
  checkStreamPorts(report, draft.nodes);
  checkGroups(report, draft);
  checkAddresses(report, draft.groups);
  checkVirtualMacs(report, draft.groups);
  checkCounts(report, draft);
}

function checkNodes(report: Report, { nodes, timing }: PairDraft): void {
  const place = nodes[2]?.path ?? nodes[0]?.path ?? ["node"];
  if (nodes.length !== 2) {
    const count = ["is no node", "is only one node"][nodes.length] ?? `are ${nodes.length} nodes`;
    report.error(place, `there ${count}; a pair has two`, "write [[node]] twice");
  }
  checkUnique(report, nodes.map(({ path, keys }) => ({ path: [...path, "name"], text: keys.name })), "node");
  for (const { path, keys } of nodes) {
    if (keys.paths?.length === 0) {
      report.error([...path, "paths"], "is empty", "at least one address and port; two networks are better than one");
    }
  }
  for (const node of nodes) checkFence(report, node, timing);
  const [first, second] = nodes;
  if (!first?.keys.paths || !second?.keys.paths) return;
  const [a, b] = [first.keys.paths, second.keys.paths];
  if (a.length !== b.length) {
    report.error(
      [...second.path, "paths"],
      `node "${second.keys.name ?? "?"}" has ${b.length} paths and node "${first.keys.name ?? "?"}" has ${a.length}`,
      "path i of one node talks to path i of the other: the same number, in the same order",
    );
    return;
  }
  for (const [index, endpoint] of a.entries()) {
    if (familyOf(endpoint) === familyOf(b[index]!)) continue;
    report.error(
      [...second.path, "paths", index],
      `${formatEndpoint(b[index]!)} is IPv${familyOf(b[index]!)}, its other end ${formatEndpoint(endpoint)} is IPv${
        familyOf(endpoint)
      }`,
      "path i of one node talks to path i of the other",
    );
  }
}

/** A switch may have to wait so long for a power switch. */
const FENCE_MAX_US = 600_000_000;

/** A machine boots in more than this: who starts first would have the other one switched off. */
const FENCE_START_WAIT_US = 10_000_000;

function checkFence(report: Report, { path, keys }: Placed<typeof NODE>, timing: PairDraft["timing"]): void {
  const us = keys.fence_timeout;
  const { startWaitUs } = mergeTiming(timing);
  if (keys.fence !== undefined && startWaitUs < FENCE_START_WAIT_US) {
    report.warning(
      [...path, "fence"],
      `a node that starts and hears nobody for start_wait, ${t(startWaitUs)}, has the other one fenced`,
      'start_wait = "1m" under [timing], or as long as the slower node takes to boot: both may have lost their power',
    );
  }
  if (us === undefined) return;
  const at = [...path, "fence_timeout"];
  if (keys.fence === undefined && !report.positions.has([...path, "fence"])) {
    report.error(at, "means nothing without fence", 'fence = ["/usr/local/sbin/power", "off", "a"]');
  }
  if (us < 1_000 || us > FENCE_MAX_US) report.error(at, `${t(us)} is not from 1ms to ${t(FENCE_MAX_US)}`, "");
}

function familyOf(endpoint: Endpoint): 4 | 6 {
  return endpoint.host.includes(":") ? 6 : 4;
}

function checkPaths(report: Report, { nodes, groups }: PairDraft): void {
  const seen = new Map<string, string>();
  for (const { path, keys } of nodes) {
    for (const [index, endpoint] of (keys.paths ?? []).entries()) {
      const at = [...path, "paths", index];
      const text = formatEndpoint(endpoint);
      const owner = `node "${keys.name ?? "?"}"`;
      const other = seen.get(text);
      if (other !== undefined) {
        report.error(at, `${text} is there twice: also at ${other}`, "each path has its own address or port");
      } else seen.set(text, owner);
      checkPathHost(report, at, endpoint, groups);
    }
  }
}

/** Each path needs two ports: its own, and the next one for data. */
function checkStreamPorts(report: Report, nodes: readonly Placed<typeof NODE>[]): void {
  for (const { path, keys } of nodes) {
    const endpoints = keys.paths ?? [];
    for (const [index, endpoint] of endpoints.entries()) {
      const at = [...path, "paths", index];
      const data = streamEndpoint(endpoint);
      if (data.port > PORT_MAX) {
        report.error(
          at,
          `${formatEndpoint(endpoint)} leaves no port for data`,
          `the next one is for data: at most ${PORT_MAX - 1}`,
        );
      }
      const text = formatEndpoint(data);
      if (!endpoints.some((other) => formatEndpoint(other) === text)) continue;
      report.error(
        at,
        `${text} is a path, and the port of this one's data`,
        "paths of one address are at least two ports apart",
      );
    }
  }
}

function checkPathHost(report: Report, at: KeyPath, { host }: Endpoint, groups: readonly GroupDraft[]): void {
  const address = parseIp(host)!;
  const unusable = unusableReason(address);
  if (unusable) report.error(at, `${host} ${unusable}`, "an address of the node itself");
  if (isLinkLocal6(address)) {
    report.error(
      at,
      `${host} is link-local and means nothing without an interface`,
      "use a unique local address (fd00::/8)",
    );
  }
  const group = groups.find(({ addresses }) => addresses.some(({ keys }) => keys.address?.text === host));
  if (group) {
    const name = group.keys.name ?? "?";
    report.error(at, `${host} is a virtual address of group "${name}"`, "a path needs an address that never moves");
  }
}

function checkGroups(report: Report, { nodes, groups }: PairDraft): void {
  if (groups.length === 0) {
    report.error(["group"], "there is no group", "write [[group]] with a name and at least one address");
  }
  checkUnique(report, groups.map(({ path, keys }) => ({ path: [...path, "name"], text: keys.name })), "group");
  const names = nodes.map(({ keys }) => keys.name).filter((name) => name !== undefined);
  for (const { path, keys, addresses, shared } of groups) {
    if (keys.prefer !== undefined && names.length === nodes.length && !names.includes(keys.prefer)) {
      const known = [...new Set(names)].map((name) => `"${name}"`).join(" or ");
      report.error([...path, "prefer"], `"${keys.prefer}" is not a node of this pair`, known && `write ${known}`);
    }
    if (keys.wire !== "shared" && Object.keys(shared.keys).length > 0) {
      report.error(shared.path, 'means nothing without wire = "shared"', 'write wire = "shared", or take it away');
    }
    if (addresses.length === 0 && !report.problems.some((p) => p.key.startsWith(`group[${path[1]}].addresses`))) {
      const hint = 'addresses = [{ address = "10.77.0.100/32", interface = "eth0" }]';
      report.error([...path, "addresses"], "there is no address to keep alive", hint);
    }
  }
}

/** Two groups with one MAC on one network could not be told apart. */
function checkVirtualMacs(report: Report, groups: readonly GroupDraft[]): void {
  const owners = new Map<string, string>();
  for (const { keys: group, addresses, shared } of groups) {
    const { mac } = shared.keys;
    if (mac === undefined) continue;
    const owner = `group "${group.name ?? "?"}"`;
    for (const name of new Set(addresses.map(({ keys }) => keys.interface))) {
      const other = owners.get(`${name} ${mac}`);
      if (other !== undefined) {
        report.error(
          [...shared.path, "mac"],
          `${mac} is the MAC of ${other} on ${name} already`,
          "each group has its own",
        );
      } else owners.set(`${name} ${mac}`, owner);
    }
  }
}

function checkAddresses(report: Report, groups: readonly GroupDraft[]): void {
  const owners = new Map<string, string>();
  for (const { keys: group, addresses } of groups) {
    const owner = `group "${group.name ?? "?"}"`;
    for (const { path, keys } of addresses) {
      if (keys.interface === "lo") {
        report.error([...path, "interface"], '"lo" reaches no client', "the interface that clients come in by");
      }
      if (!keys.address) continue;
      const { text, prefixLength, family } = keys.address;
      const other = owners.get(text);
      if (other !== undefined) {
        report.error(
          [...path, "address"],
          `${text} is there twice: also in ${other}`,
          "an address moves with one group",
        );
      } else owners.set(text, owner);
      const full = family === 4 ? 32 : 128;
      if (prefixLength === full) continue;
      report.warning(
        [...path, "address"],
        `${text}/${prefixLength} brings a route to its whole network, on both nodes`,
        `"${text}/${full}", unless the nodes have no other address in that network`,
      );
    }
  }
}

function checkCounts(report: Report, { nodes, groups }: PairDraft): void {
  if (groups.length > GROUPS_MAX) {
    report.error(groups[GROUPS_MAX]!.path, `there are ${groups.length} groups; at most ${GROUPS_MAX} fit`, "");
  }
  const interfaces = new Set<string>();
  let slots = 0;
  for (const { addresses } of groups) {
    const own = new Set(addresses.map(({ keys }) => keys.interface).filter((name) => name !== undefined));
    slots += own.size;
    for (const name of own) interfaces.add(name);
  }
  if (slots > SLOTS_MAX) {
    report.error(["group"], `${slots} leases (one for each group and interface); at most ${SLOTS_MAX} fit`, "");
  }
  const paths = Math.max(0, ...nodes.map(({ keys }) => keys.paths?.length ?? 0));
  if (paths + interfaces.size > LINKS_MAX) {
    report.error(
      ["node"],
      `${paths} paths + ${interfaces.size} service interfaces = ${paths + interfaces.size} links; ` +
        `at most ${LINKS_MAX} fit into a heartbeat`,
      "fewer paths, or fewer interfaces",
    );
  }
}

/** Names of one kind that must differ. */
export function checkUnique(
  report: Report,
  names: readonly { readonly path: KeyPath; readonly text: string | undefined }[],
  what: string,
): void {
  const seen = new Set<string>();
  for (const { path, text } of names) {
    if (text === undefined) continue;
    if (seen.has(text)) report.error(path, `there is a ${what} "${text}" already`, "each has a name of its own");
    seen.add(text);
  }
}
