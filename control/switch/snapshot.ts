/** Everything that status, metrics and the console want to know, taken between two turns of the loop. */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { type GroupSnapshot, NO_STATE, type PathSnapshot, type SwitchSnapshot } from "../core/messages.ts";
import { formatMac } from "../../kernel_ffi/address.ts";
import { gatewayReachable } from "../core/gateway.ts";
import { able, type GroupState, leased, peerAlive } from "../core/group.ts";
import { onSharedWire } from "../core/shared_wire.ts";
import type { SwitchContext } from "./context.ts";
import type { Link } from "./links.ts";
import type { PlannedGroup } from "./plan.ts";
import type { SlotCounters } from "./rules.ts";

export function takeSnapshot(c: SwitchContext, startUs: number): SwitchSnapshot {
  const now = monotonicUs();
  // Hold, leases and counters are the kernel's; what it says now is what is shown.
  const counters = c.readCounters();
  return {
    node: c.plan.name,
    pair: c.pair,
    version: c.ownBeat.software,
    uptime_ms: Math.round((now - startUs) / 1000),
    paths: c.links.all.map((link) => pathOf(c, link, now)),
    peer: {
      name: c.plan.peerName,
      state: peerState(c),
      last_heard_ms: msSince(c.node.heardUs, now),
      version: c.node.peerSoftware === "" ? null : c.node.peerSoftware,
    },
    keys: c.keys.status(),
    groups: c.plan.groups.map((group) => groupOf(c, group, counters, now)),
    alarms: [...c.alarms.values()],
    rejected: { ...c.rejected },
    counters: { ...c.counters },
  };
}

function peerState(c: SwitchContext): SwitchSnapshot["peer"]["state"] {
  if (c.node.heardUs === -Infinity) return "unknown";
  if (!peerAlive(c.node)) return "silent";
  return c.node.compatible ? "alive" : "incompatible";
}

function msSince(us: number, now: number): number | null {
  return us === -Infinity ? null : Math.round((now - us) / 100) / 10;
}

function pathOf(c: SwitchContext, link: Link, now: number): PathSnapshot {
  const { stats } = link;
  const ends = link.kind === "udp" ? { local: endpoint(link.local), remote: endpoint(link.remote) } : {
    local: link.name,
    remote: link.peerMac === null ? "" : [...link.peerMac].map((byte) => byte.toString(16).padStart(2, "0")).join(":"),
  };
  const heard = now - stats.heardUs <= c.node.limits.aliveUs;
  return {
    ...ends,
    kind: link.kind,
    state: stats.heardUs === -Infinity
      ? (link.kind === "udp" && link.socket === null ? "down" : "unknown")
      : heard
      ? "up"
      : "down",
    rtt_us: Number.isNaN(stats.rttUs) ? null : Math.round(stats.rttUs),
    loss: Math.round(stats.loss * 1000) / 1000,
    last_heard_ms: msSince(stats.heardUs, now),
  };
}

function endpoint(it: { readonly host: string; readonly port: number }): string {
  return it.host.includes(":") ? `[${it.host}]:${it.port}` : `${it.host}:${it.port}`;
}

function wireOf(planned: PlannedGroup, g: GroupState): Pick<GroupSnapshot, "wire"> {
  if (!planned.shared) return {};
  const rate = (seen: number) => seen === 0 ? null : seen - 1;
  return {
    wire: {
      in_force: onSharedWire(g) ? "shared" : "announce",
      seen: rate(g.seen),
      peer_seen: g.peerKnown ? rate(g.peer.seen) : null,
      macs: planned.slots.map((slot) => formatMac(slot.virtual!.mac)),
    },
  };
}

function shadowOf(c: SwitchContext, group: number, now: number): Pick<GroupSnapshot, "shadow"> {
  const counts = c.shadow?.counts(group);
  if (!counts) return {};
  const { shadowed: total, waiting, bytes, oldestUs, ...others } = counts;
  return {
    shadow: {
      now: waiting,
      bytes,
      oldest_ms: oldestUs < 0 ? 0 : Math.round((now - oldestUs) / 100) / 10,
      total,
      ...others,
    },
  };
}

/** Of a node that could serve, but does not know whether the peer's copy of the state is newer: it waits, a short while. */
const NOT_COMPARED = "nobody serves, and its state has not been compared with the peer's yet";

/** What status says of the node's right to serve the group. */
export function eligibility(g: GroupState): Pick<GroupSnapshot, "eligible" | "eligible_reason"> {
  const waits = g.eligible && g.apartUs !== -1 && g.role !== "primary";
  return { eligible: g.eligible && !waits, eligible_reason: waits ? NOT_COMPARED : g.eligibleReason };
}

function groupOf(
  c: SwitchContext,
  planned: PlannedGroup,
  counters: ReadonlyMap<number, SlotCounters>,
  now: number,
): GroupSnapshot {
  const g = c.node.groups[planned.index]!;
  const left = planned.slots.map((slot) => c.rules.leaseLeftMs(slot.id));
  const packets = { served: 0, passed: 0, dropped: 0, muted: 0 };
  for (const slot of planned.slots) {
    const counted = counters.get(slot.id);
    if (counted === undefined) continue;
    for (const name of ["served", "passed", "dropped", "muted"] as const) packets[name] += counted[name];
  }
  const hold = c.holds.each[planned.index]!, held = hold.counts();
  return {
    name: g.name,
    role: g.role,
    epoch: g.epoch,
    lease: {
      held: left.every((ms) => ms !== null),
      left_ms: left.includes(null) ? null : Math.min(...left.map((ms) => ms ?? 0)),
    },
    addresses: planned.config.addresses.map((it) => ({
      address: `${it.address}/${it.prefixLength}`,
      interface: it.interface,
      active: leased(g),
    })),
    services: planned.config.services.map((it) => ({ name: it.name, state: "not managed", healthy: null })),
    state: NO_STATE,
    last_switch: c.receipts.last(planned.index),
    held: {
      now: hold.waiting,
      total: held.held,
      released: held.released,
      dropped: held.dropped,
    },
    ...wireOf(planned, g),
    ...shadowOf(c, planned.index, now),
    packets,
    peer_role: g.peerKnown ? g.peer.role : null,
    able: able(c.node, g),
    peer_able: g.peerKnown ? g.peer.able : null,
    ...eligibility(g),
    gateway: g.gateway === null ? null : {
      address: g.gateway.address,
      reachable: gatewayReachable(g.gateway),
      last_heard_ms: msSince(g.gateway.heardUs, c.node.nowUs),
    },
    stragglers: c.stragglers[planned.index]!,
  };
}
