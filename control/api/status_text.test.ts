import assert from "node:assert/strict";
import { statusJson } from "./json.ts";
import { statusText } from "./status_text.ts";
import { SAMPLE_GROUP, SAMPLE_SNAPSHOT } from "./status_sample.ts";

const JOURNAL = { ok: true, text: "ok", path: "/x/journal.db", waiting: 0, dropped: 0 };

Deno.test("status of a primary: what is wrong comes first", () =>
  assert.equal(
    statusText(statusJson(SAMPLE_SNAPSHOT, JOURNAL)),
    `\
ALARM  oneWay  since 2026-01-02T03:04:05.000Z  heartbeats reach the peer by one path only

node a of pair edge, segue 0.1.0, up 3 h 12 min
peer b is alive, heard 2 ms ago, segue 0.1.0
keys: both nodes have 1f3a9c02 alone

GROUP  ROLE     EPOCH  LEASE       PEER IS  ELIGIBLE  ADDRESSES
web    primary  12     18 ms left  standby  yes       10.77.0.100 veth0, fd00:77::100 veth0
web: wire shared; frames a second here 1200, at the peer 1198; in the shadow 7 packets, the oldest 1.50 ms old
web: service echo is running, healthy
web: gateway 10.77.0.254 answers, heard 310 ms ago

PATH                             KIND   STATE  RTT     LOSS   HEARD
10.78.0.1:4790 - 10.78.0.2:4790  udp    up     120 µs  0 %    2 ms ago
veth0 - veth0                    frame  down   -       100 %  never

last switch  web: failover on a done in 6.40 ms, epoch 11 → 12, at 2001-09-09T01:46:40.012Z
             silence of 10.2 ms, 2 probes unanswered
dropped datagrams: badTag 3
`,
  ));

Deno.test("status of a node that knows nothing yet, with a journal that fails", () => {
  const snapshot = {
    ...SAMPLE_SNAPSHOT,
    uptime_ms: 900,
    keys: { signs: "1f3a9c02", accepts: ["1f3a9c02"], peer: null },
    alarms: [],
    paths: [],
    rejected: {},
    peer: { name: "b", state: "unknown", last_heard_ms: null, version: null },
    groups: [{
      ...SAMPLE_GROUP,
      role: "starting",
      epoch: 0,
      lease: { held: false, left_ms: null },
      addresses: [],
      services: [],
      last_switch: null,
      peer_role: null,
      eligible: false,
      eligible_reason: "veth0 has no carrier",
      gateway: null,
    }],
  } as const;
  assert.equal(
    statusText(statusJson(snapshot, { ...JOURNAL, ok: false, text: "disk full" })),
    `\
ALARM  journal    disk full

node a of pair edge, segue 0.1.0, up 0 s
peer b is unknown, never heard
keys: signs with 1f3a9c02, has no other; those of b are not known

GROUP  ROLE      EPOCH  LEASE  PEER IS  ELIGIBLE  ADDRESSES
web    starting  0      none   -        no
web: wire shared; frames a second here 1200, at the peer 1198; in the shadow 7 packets, the oldest 1.50 ms old
web cannot be primary here: veth0 has no carrier
`,
  );
});

Deno.test("a switch that was rehearsed stands beside what had been expected of it", () => {
  const last = { ...SAMPLE_GROUP.last_switch!, predictedUs: 3100, predictedGapUs: 2900, predictionMissed: "it waited" };
  const groups = [{ ...SAMPLE_GROUP, last_switch: last }];
  assert.match(
    statusText(statusJson({ ...SAMPLE_SNAPSHOT, groups }, JOURNAL)),
    /\n {13}silence of .*\n {13}expected 3\.10 ms \(clients wait 2\.90 ms\), took 6\.40 ms, because it waited\n/,
  );
});
