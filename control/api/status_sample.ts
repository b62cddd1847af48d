/** A snapshot with something in each field, for tests. */
import type { GroupSnapshot, SwitchSnapshot } from "../core/messages.ts";

export const SAMPLE_GROUP: GroupSnapshot = {
  name: "web",
  role: "primary",
  epoch: 12,
  lease: { held: true, left_ms: 18.4 },
  addresses: [
    { address: "10.77.0.100", interface: "veth0", active: true },
    { address: "fd00:77::100", interface: "veth0", active: true },
  ],
  services: [{ name: "echo", state: "running", healthy: true }],
  state: { lsn: 0, peer_lsn: 0 },
  last_switch: {
    group: "web",
    node: "a",
    kind: "failover",
    outcome: "done",
    reason: "silence of 10.2 ms, 2 probes unanswered",
    fromEpoch: 11,
    epoch: 12,
    at: "2001-09-09T01:46:40.012Z",
    durationUs: 6400.5,
    steps: [{ step: "suspect", atUs: 0 }, { step: "take", atUs: 5123.25 }],
    packets: { passed: 1, held: 2, heldByPeer: 3, released: 4, returned: 5, dropped: 6 },
  },
  held: { now: 0, total: 55, released: 54, dropped: 1 },
  packets: { served: 1000, passed: 19, dropped: 2, muted: 3 },
  peer_role: "standby",
  eligible: true,
  eligible_reason: "",
  stragglers: [{ address: "10.77.0.9", packets: 120, seconds: 5 }],
};

export const SAMPLE_SNAPSHOT: SwitchSnapshot = {
  node: "a",
  pair: "edge",
  version: "0.1.0",
  uptime_ms: 3_600_000 * 3 + 60_000 * 12,
  paths: [
    {
      local: "10.78.0.1:4790",
      remote: "10.78.0.2:4790",
      kind: "udp",
      state: "up",
      rtt_us: 120.4,
      loss: 0,
      last_heard_ms: 2,
    },
    { local: "veth0", remote: "veth0", kind: "frame", state: "down", rtt_us: null, loss: 1, last_heard_ms: null },
  ],
  peer: { name: "b", state: "alive", last_heard_ms: 2, version: "0.1.0" },
  groups: [SAMPLE_GROUP],
  alarms: [{ kind: "oneWay", since: "2026-01-02T03:04:05.000Z", text: "heartbeats reach the peer by one path only" }],
  rejected: { badTag: 3, replayed: 0 },
  counters: {
    heartbeats_sent: 1,
    heartbeats_received: 2,
    probes_sent: 3,
    probes_answered: 4,
    suspicions: 5,
    lease_lapses: 6,
    late_wakes: 7,
    late_wake_max_us: 8000,
    send_errors: 9,
    rules_repaired: 10,
  },
};
