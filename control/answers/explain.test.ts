import assert from "node:assert/strict";
import { explain, isExplainable, isSwitch } from "./explain.ts";
import type { Cause } from "./explanation.ts";
import { machineSample, SAMPLE_EVIDENCE, SampleJournal } from "./sample_entries.ts";

const PEER = SAMPLE_EVIDENCE.peer!;
const STOPPED = { lapse: { agoUs: 0, ageUs: 70_000 }, wakes: { withinUs: 1e7, late: 1, maxUs: 68_000 } };

/** What stands in the journal, which entry is asked for, and what must come out. */
interface Case {
  readonly cause: Cause;
  readonly journal: SampleJournal;
  /** The last entry if not given. */
  readonly id?: number;
  readonly says?: RegExp;
  readonly cannotKnow?: RegExp;
}

const journal = () => new SampleJournal();

const CASES: Readonly<Record<string, Case>> = {
  "an operator, at the new primary": {
    cause: "operator",
    journal: journal().switch({ kind: "switchover", reason: "an operator asked" }, { asked: "operator" }),
    says: /at this node/,
  },
  "an operator, at the old primary, as the new one knows": {
    cause: "operator",
    journal: journal().switch({ kind: "switchover", reason: "a handed over" }, { asked: "peer" }),
    says: /asked for it at a/,
  },
  "the old primary cannot tell an operator there from preference": {
    cause: "peer-asked",
    journal: journal().switch({ kind: "handover", reason: "b asked to take over" }, { asked: "peer" }),
    cannotKnow: /whether an operator asked there/,
  },
  "preference": {
    cause: "preempt",
    journal: journal().switch({ kind: "switchover" }, { asked: "preempt" }),
  },
  "the peer stops": {
    cause: "peer-stopping",
    journal: journal().switch({ kind: "switchover" }, {
      asked: "peer",
      peer: { ...PEER, stopping: true, able: false },
    }),
    says: /SIGTERM/,
  },
  "this node stops": {
    cause: "stopping",
    journal: journal().switch({ kind: "handover" }, { asked: "stop" }),
  },
  "a track of this node": {
    cause: "service-failed",
    journal: journal().alarm("eligible web", "web: may not be served here: no carrier on t0").switch(
      { kind: "handover" },
      { asked: "unfit" },
    ),
    says: /no carrier on t0/,
  },
  "a track of the peer": {
    cause: "peer-service-failed",
    journal: journal().switch({ kind: "switchover" }, { asked: "peer", peer: { ...PEER, able: false } }),
    cannotKnow: /own journal/,
  },
  "power": {
    cause: "power-off",
    journal: journal().switch({}, { hints: [{ text: "no carrier on veth1", agoUs: 200 }] }),
    says: /no carrier on veth1: 200 µs before the switch began/,
    cannotKnow: /lives on with all its links down/,
  },
  "power, and the kernel tells of the carrier afterwards": {
    cause: "power-off",
    journal: journal().switch({}).wait(800).event("carrier-lost", "no carrier on veth1"),
    id: 1,
    says: /no carrier on veth1: the kernel told so afterwards/,
  },
  "a killed daemon": {
    cause: "daemon-killed",
    journal: journal().switch({}, { hints: [{ text: "port unreachable at 10.78.0.1: …", agoUs: 900 }] }),
    says: /its kernel lives/,
  },
  "a killed daemon, whose port was closed after the takeover": {
    cause: "daemon-killed",
    journal: journal().switch({}).wait(300).event(
      "peer-gone",
      "port unreachable at 10.78.0.1: the peer's daemon is gone",
    ),
    id: 1,
    says: /port unreachable at 10\.78\.0\.1: the peer's daemon is gone: the kernel told so afterwards/,
  },
  "power, and a port that nobody listens on yet when the machine is back": {
    cause: "power-off",
    journal: journal().switch({}, { hints: [{ text: "no carrier on veth1", agoUs: 200 }] }).wait(2000)
      .event("peer-gone", "port unreachable at 10.78.0.1: the peer's daemon is gone"),
    id: 1,
  },
  "a port that was dead before the last heartbeat says nothing": {
    cause: "silence",
    journal: journal().switch({}, { hints: [{ text: "port unreachable at 10.78.0.1: …", agoUs: 500_000 }] }),
  },
  "a stopped peer, once it is back": {
    cause: "daemon-stopped",
    journal: journal().switch({}).wait(2000).event("peer-back", "a is heard again", {
      detail: { silentUs: 2_005_000, sameRun: true },
    }),
    id: 1,
    says: /did not run for 2.0[0-9] s/,
  },
  "a peer that restarted": {
    cause: "silence",
    journal: journal().switch({}).wait(9000).event("peer-back", "a is heard again", {
      detail: { silentUs: 9_005_000, sameRun: false },
    }),
    id: 1,
    says: /a new run of its daemon was heard/,
  },
  "a peer that was cut off": {
    cause: "cut-off",
    journal: journal().switch({}, { hints: [{ text: "no carrier on veth1", agoUs: 200 }] }).wait(3000).event(
      "peer-back",
      "a is heard again",
      { detail: { silentUs: 3_005_000, sameRun: true } },
    ),
    id: 1,
  },
  "nothing but silence": {
    cause: "silence",
    journal: journal().switch({}),
    cannotKnow: /crashed, hangs, or is cut off/,
  },
  "a silence that began later belongs to something else": {
    cause: "silence",
    journal: journal().switch({}).wait(60_000).event("peer-back", "a is heard again", {
      detail: { silentUs: 500_000, sameRun: true },
    }),
    id: 1,
  },
  "the peer's LAN port": {
    cause: "lan-port-down",
    journal: journal().switch(
      { reason: "nobody served and a consented" },
      { peer: { ...PEER, role: "fenced", able: false } },
    ).wait(1500).alarm("silent frame veth0", "nothing comes from a on frame veth0"),
    id: 1,
    says: /frame veth0/,
  },
  "the peer gave up and did not say why": {
    cause: "peer-unfit",
    journal: journal().switch(
      { reason: "nobody served and a consented" },
      { peer: { ...PEER, role: "fenced", able: false } },
    ),
    cannotKnow: /own journal/,
  },
  "this node's LAN port": {
    cause: "lan-port-down",
    journal: journal().fenced("no carrier on veth0: web cannot be served here", {}),
  },
  "stopped": {
    cause: "daemon-stopped",
    journal: journal().fenced("the lease on veth0 had lapsed", { ...STOPPED, machine: [machineSample()] }),
    says: /woke 68.0 ms too late.*did not wait for a processor/,
    cannotKnow: /who stopped it/,
  },
  "starved by other programs": {
    cause: "daemon-starved",
    journal: journal().fenced("the lease on veth0 had lapsed", {
      ...STOPPED,
      machine: [machineSample({ busy: 1, runDelayUs: 61_000 })],
    }),
    says: /ready to run and had no processor/,
  },
  "starved by the host": {
    cause: "daemon-starved",
    journal: journal().fenced("the lease on veth0 had lapsed", {
      ...STOPPED,
      machine: [machineSample({ steal: 0.08 })],
    }),
    says: /the host of this virtual machine took 80.0 ms/,
  },
  "stopped or starved, on a kernel that does not count": {
    cause: "daemon-stopped",
    journal: journal().fenced("the lease on veth0 had lapsed", {
      ...STOPPED,
      machine: [machineSample({ runDelayUs: null })],
    }),
    cannotKnow: /which of the two/,
  },
  "a lapse that no late wake explains": {
    cause: "lease-lapse",
    journal: journal().fenced("the lease on veth0 had lapsed", { lapse: STOPPED.lapse }),
  },
  "a retake after a lapse": {
    cause: "daemon-stopped",
    journal: journal().fenced("the lease on veth0 had lapsed", { ...STOPPED, machine: [machineSample()] }).switch({
      kind: "retake",
      reason: "nobody served and a consented",
    }),
    says: /took the address again: nobody served and a consented/,
  },
  "flushed rules": {
    cause: "rules-flushed",
    journal: journal().fenced("another program removed the rules", {}).switch({ kind: "retake" }),
  },
  "flushed rules of a standby": {
    cause: "rules-flushed",
    journal: journal().alarm(
      "rules-repaired",
      "another program removed segue's rules; the gate was put back in 500 µs",
    ),
  },
  "a stopped node whose first word on waking is the new primary's": {
    cause: "daemon-stopped",
    journal: journal().switch({ kind: "yield", reason: "b is primary with epoch 3, ours was 2" }, {
      wakes: { withinUs: 10_000_000, late: 1, maxUs: 980_000 },
    }),
    says: /980 ms too late.*had taken over/,
  },
  "two owners": {
    cause: "two-primaries",
    journal: journal().switch({ kind: "yield", reason: "a is primary with epoch 6, ours was 5" }),
  },
  "called off": {
    cause: "called-off",
    journal: journal().switch({
      kind: "switchover",
      outcome: "aborted",
      reason: "an operator asked",
      steps: [{ step: "hold", atUs: 0 }, { step: "called off: it took too long", atUs: 30_000 }],
    }),
    says: /called off: it took too long\. The old primary serves on/,
  },
  "a start alone": {
    cause: "start",
    journal: journal().switch({ kind: "start", reason: "no peer heard since the start" }, {
      peer: null,
      silenceUs: null,
    }),
    cannotKnow: /whether a was off/,
  },
  "a cable": {
    cause: "path-lost",
    journal: journal().alarm("silent path 10.78.0.2", "nothing comes from a on path 10.78.0.2", {
      detail: { hints: [{ text: "no carrier on veth1", agoUs: 1_400_000 }] },
    }),
    says: /no carrier on veth1, 1.4 s before/,
  },
  "a reign given up without peer and gateway": {
    cause: "isolated",
    journal: journal().fenced(
      "cut off: a silent for 45.1 ms, and the gateway 10.77.0.254 on veth0 left 2 questions unanswered",
    ),
    says: /took itself for the one that is cut off/,
    cannotKnow: /whether the network is cut beside this node/,
  },
  "a takeover that was not allowed": {
    cause: "isolated",
    journal: journal().alarm(
      "isolated",
      "web: not taken over, this node is cut off: a silent for 45.1 ms, and the gateway …",
    ),
  },
  "a reign given up without the arbiter's key": {
    cause: "no-key",
    journal: journal().fenced(
      "cut off: a has not answered for 351.2 ms, and the arbiter's key is not ours: a has the arbiter's key",
    ),
    says: /without which it must not serve/,
    cannotKnow: /whether the peer was dead or only cut off/,
  },
  "an arbiter that cannot be asked": {
    cause: "no-key",
    journal: journal().alarm("arbiter", "the arbiter cannot be asked, and without hearing a … : no answer"),
    says: /Nothing moves for that while the nodes hear each other/,
  },
  "a peer that could not be fenced": {
    cause: "fence-failed",
    journal: journal().alarm(
      "fence",
      "a is silent and could not be fenced, so nothing is taken over from it: exit code 3",
    ),
    cannotKnow: /whether the peer is off/,
  },
  "a gateway that does not answer": {
    cause: "isolated",
    journal: journal().alarm("gateway web", "web: the gateway 10.77.0.254 does not answer on veth0"),
    says: /Nothing moves for that while the nodes hear each other/,
  },
  "filtered heartbeats": {
    cause: "heartbeats-filtered",
    journal: journal().alarm("heartbeats-lost", "a is not heard on any path, but its address answers probes"),
  },
  "two configurations": {
    cause: "config-mismatch",
    journal: journal().alarm("incompatible", "a runs with another configuration of this pair"),
    says: /segue check prints a digest/,
  },
  "neighbours that have not followed": {
    cause: "stale-neighbours",
    journal: journal().alarm("stragglers web", "web: 10.77.0.9 still sends to a: 120 packets in 5 s"),
  },
};

for (const [name, { cause, journal, id = journal.lastId, says, cannotKnow }] of Object.entries(CASES)) {
  Deno.test(`the cause is named: ${name}`, () => {
    const explanation = explain(journal.entries, id);
    assert.equal(explanation.cause, cause);
    assert.ok(explanation.sentences.length > 0);
    if (says !== undefined) assert.match(explanation.sentences.join("\n"), says);
    if (cannotKnow !== undefined) assert.match(explanation.cannot_know.join("\n"), cannotKnow);
  });
}

Deno.test("a failover is told with its numbers", () => {
  const evidence = { machine: [machineSample({ busy: 0.5 })], hints: [{ text: "no carrier on veth1", agoUs: 6100 }] };
  const { title, sentences } = explain(journal().switch({}, evidence).entries, 1);
  assert.equal(title, "web: failover on b done in 4.20 ms, epoch 4 → 5");
  assert.deepEqual(sentences.slice(1), [
    "Clients met a gap of about 10.5 ms: from the old primary's last sign of life until this node spoke as the address. " +
    "What they sent in it is lost.",
    "b heard nothing from a for 10.3 ms before it took the address; when it became suspicious the next heartbeat was overdue on " +
    "2 of 2 links: frame veth0 heard 6.30 ms ago, 4.30 ms overdue; path 10.78.0.2 heard 6.31 ms ago, 4.31 ms overdue.",
    "no carrier on veth1: 6.10 ms before the switch began.",
    "It asked the network 2 times who has the address, and none was answered.",
    "b itself was in time: no late wake of its switch thread in the last 10 s.",
    "The machine in those 1 s: busy up to 50 %, stolen by its host up to 0 %, waiting for disks up to 0 %, the switch thread waited " +
    "200 µs for a processor, something waited for one up to 1 % of a second.",
    "a had said last: primary, epoch 4, able to serve.",
  ]);
});

Deno.test("a receipt without evidence is explained as far as its reason goes, and says so", () => {
  const old = journal().switch({
    reason: "a silent for 5.0 ms (port unreachable at 10.78.0.1: the peer's daemon is gone)",
  }, null);
  const { cause, cannot_know: unknown } = explain(old.entries, 1);
  assert.equal(cause, "daemon-killed");
  assert.match(unknown.at(-1)!, /kept no evidence/);
});

Deno.test("what followed, and what had been predicted, is told too", () => {
  const told = journal().switch({
    kind: "switchover",
    predictedUs: 3000,
    durationUs: 9000,
    predictionMissed: "of a reason",
  }, {
    asked: "operator",
  }).wait(8000).alarm("stragglers web", "web: 10.77.0.9 still sends to a");
  const text = explain(told.entries, 1).sentences.join("\n");
  assert.match(text, /A rehearsal had said 3.0 ms, it took 9.0 ms: of a reason\./);
  assert.match(text, /Afterwards: web: 10.77.0.9 still sends to a\./);
});

Deno.test("a lost reign tells what came of it", () => {
  const lost = journal().fenced("the lease on veth0 had lapsed", STOPPED).switch({ kind: "retake", node: "b" });
  assert.match(explain(lost.entries, 1).sentences.at(-1)!, /What followed here: web: retake on b done/);
  const gone = journal().fenced("the lease on veth0 had lapsed", STOPPED);
  assert.match(explain(gone.entries, 1).sentences.at(-1)!, /if the peer lives, it took over/);
});

Deno.test("what can be explained: switches, lost reigns and alarms", () => {
  const { entries } = journal().switch({}).fenced("x").alarm("incompatible", "x").event("standby", "web: standby");
  assert.deepEqual(entries.map(isExplainable), [true, true, true, false]);
  assert.deepEqual(entries.map(isSwitch), [true, true, false, false]);
  assert.throws(() => explain(entries, 99), /not among those given/);
});
