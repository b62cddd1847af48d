import assert from "node:assert/strict";
import { PROFILES } from "../../config/profiles.ts";
import { SAMPLE_GROUP, SAMPLE_SNAPSHOT } from "../api/status_sample.ts";
import { type GroupSnapshot, NO_STATE, type SwitchSnapshot } from "../core/messages.ts";
import { type RehearsalFacts, rehearse } from "./rehearsal.ts";

function facts(
  group: Partial<GroupSnapshot> = {},
  snapshot: Partial<SwitchSnapshot> = {},
  over: Partial<RehearsalFacts> = {},
): RehearsalFacts {
  return {
    snapshot: { ...SAMPLE_SNAPSHOT, alarms: [], ...snapshot },
    group: { ...SAMPLE_GROUP, ...group },
    timing: PROFILES.lan,
    rehearsedUs: 700,
    history: [],
    connections: 0,
    ...over,
  };
}

Deno.test("from the primary to the standby, whichever this node is", () => {
  const here = rehearse(facts());
  assert.deepEqual([here.from, here.to, here.possible, here.not_ready], ["a", "b", true, []]);
  const there = rehearse(facts({ role: "standby", peer_role: "primary" }));
  assert.deepEqual([there.from, there.to, there.possible], ["b", "a", true]);
  assert.ok(here.predicted_us > PROFILES.lan.drainUs && here.predicted_gap_us <= here.predicted_us);
});

Deno.test("what is not ready, and whether it forbids the move", () => {
  const peer = SAMPLE_SNAPSHOT.peer;
  const noCarrier = { kind: "carrier web", since: "", text: "no carrier on veth0" };
  const cases: [RehearsalFacts, possible: boolean, RegExp][] = [
    [facts({}, { peer: { ...peer, state: "silent" } }), false, /b is not heard/],
    [facts({}, { peer: { ...peer, state: "incompatible" } }), false, /another configuration/],
    [facts({ peer_able: false }), false, /b cannot serve web now/],
    [facts({ peer_role: "suspecting" }), false, /b is suspecting, not standby/],
    [facts({ role: "fenced" }), false, /a is fenced/],
    [facts({ held: { now: 3, total: 3, released: 0, dropped: 0 } }), false, /3 packets are held just now/],
    [
      facts({ role: "standby", peer_role: "primary", able: false }, { alarms: [noCarrier] }),
      false,
      /no carrier on veth0/,
    ],
    [
      facts({ role: "standby", peer_role: "primary", able: false, eligible: false, eligible_reason: "x" }),
      false,
      /web: x$/,
    ],
    [facts({ role: "standby", peer_role: "primary", able: false }), false, /no epoch/],
    [
      facts({ services: [{ name: "echo", state: "starting", healthy: false }] }),
      true,
      /echo is starting and not healthy/,
    ],
    [facts({ state: { ...NO_STATE, lsn: 9, peer_lsn: 7 } }), true, /2 changes of state have not reached b/],
  ];
  for (const [given, possible, text] of cases) {
    const rehearsal = rehearse(given);
    assert.equal(rehearsal.possible, possible, String(text));
    assert.match(rehearsal.not_ready.join("\n"), text);
  }
});

Deno.test("connections that end in the old node do not survive; those at the peer cannot be counted", () => {
  const first = (given: RehearsalFacts) => rehearse(given).does_not[0]!.what;
  assert.match(first(facts({}, {}, { connections: 12 })), /^12 TCP connections that end in a$/);
  assert.match(first(facts({}, {}, { connections: null })), /^TCP connections that end in a$/);
  assert.match(first(facts({ role: "standby", peer_role: "primary" })), /^TCP connections that end in b$/);
  assert.doesNotMatch(first(facts()), /TCP/);
});
