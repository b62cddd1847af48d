/** The kernel rules on the real kernel, with real frames: what a lease allows, and what nothing does without one. */
import assert from "node:assert/strict";
import { markOf, STEP } from "../../control/switch/ruleset.ts";
import { ENOBUFS } from "../../kernel_ffi/errno.ts";
import { parseMac } from "../../kernel_ffi/address.ts";
import { queuesOf } from "../../control/switch/ruleset_spec.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import {
  arpRequest,
  BROADCAST,
  CLIENT4,
  CLIENT6,
  CLIENT_MAC,
  clientFrame,
  firstBytes,
  OWN_MAC,
  PEER_MAC,
  QUEUES,
  RulesFixture,
  sendTo,
  SLOT,
  solicitation,
  speaksAs,
  VIP4,
  VIP6,
} from "./rules_fixture.ts";
import { arp, discovery, ETHERTYPE, frame, until } from "./wire.ts";

type Change = ConstructorParameters<typeof RulesFixture>[0];

function kernelTest(name: string, body: (fixture: RulesFixture) => void | Promise<void>, change: Change = {}): void {
  Deno.test(name, () =>
    inFreshNamespace(async () => {
      const fixture = new RulesFixture(change);
      try {
        await body(fixture);
      } finally {
        fixture.close();
      }
    }));
}

kernelTest("a lease is taken only after a question, refreshed only while it lives, and lapses", async (node) => {
  assert.equal(node.order("refresh"), ENOBUFS);
  assert.equal(node.order("take"), ENOBUFS);
  assert.equal(node.rules.leaseLeftMs(SLOT), null);
  assert.equal(node.order("arm"), 0);
  assert.equal(node.order("take"), 0);
  assert.notEqual(node.rules.leaseLeftMs(SLOT), null);
  assert.equal(node.order("take"), ENOBUFS, "one question licenses one take");
  assert.equal(node.order("refresh"), 0);
  await until("the lapse", () => node.rules.leaseLeftMs(SLOT) === null);
  assert.equal(node.order("refresh"), ENOBUFS);
  assert.equal(node.order("take"), ENOBUFS);
}, { leaseMs: 40 });

kernelTest("a refresh gives the lease its whole time again", async (node) => {
  node.takeLease();
  await until("half of the lease", () => node.rules.leaseLeftMs(SLOT)! < 4950);
  node.order("refresh");
  assert.ok(node.rules.leaseLeftMs(SLOT)! > 4950);
});

kernelTest("the licence of a question runs out", async (node) => {
  assert.equal(node.order("arm"), 0);
  await until(
    "the end of the licence",
    () => !run("nft", "list", "set", "netdev", "segue", `arm_${SLOT}`).includes("expires"),
  );
  assert.equal(node.order("take"), ENOBUFS);
}, { leaseMs: 40 });

kernelTest("drop ends the lease at once, hold arms a take", (node) => {
  node.takeLease();
  assert.equal(node.order("drop"), 0);
  assert.equal(node.rules.leaseLeftMs(SLOT), null);
  assert.equal(node.order("refresh"), ENOBUFS);
  assert.equal(node.order("hold"), 0);
  assert.equal(node.order("take"), 0);
  assert.notEqual(node.rules.leaseLeftMs(SLOT), null);
});

kernelTest("marks of unknown steps and of slots that live elsewhere do not leave", (node) => {
  const bytes = frame(PEER_MAC, OWN_MAC, ETHERTYPE.segue, new Uint8Array(46));
  node.takeLease();
  node.far.received();
  for (const mark of [markOf(0x80, SLOT), markOf(0x01, SLOT), markOf(STEP.refresh, SLOT + 1), 0x5e9e0000, 0x5e9effff]) {
    assert.equal(node.own.send(bytes, mark), ENOBUFS, `mark 0x${mark.toString(16)}`);
  }
  assert.equal(node.far.received().filter((it) => it[12] === 0x88).length, 0);
  // Neither of segue's nor the same to it but for the last bits.
  for (const mark of [0, 0x5e9d0007, 0x1234]) assert.equal(node.own.send(bytes, mark), 0);
  assert.equal(node.far.received().filter((it) => it[12] === 0x88).length, 3);
});

kernelTest("a step's frame itself reaches the peer", (node) => {
  node.far.received();
  node.takeLease();
  for (const step of ["refresh", "hold", "unhold", "pass", "unpass", "drop"] as const) {
    assert.equal(node.order(step), 0, step);
  }
  assert.equal(node.far.received().filter((it) => it[12] === 0x88 && it[13] === 0xb5).length, 8);
});

kernelTest("without the lease the kernel answers no question, with it each", (node) => {
  const answers = () => {
    node.far.received();
    node.far.send(arpRequest());
    node.far.send(solicitation());
    return node.far.received().map(speaksAs).filter((it) => it !== null).sort();
  };
  assert.deepEqual(answers(), []);
  node.takeLease();
  assert.deepEqual(answers(), ["advertisement", "arp"]);
  node.order("drop");
  assert.deepEqual(answers(), []);
});

kernelTest("without the lease nothing leaves as the address, with it everything", (node) => {
  const sockets = [node.bind(VIP4), node.bind(VIP6)];
  const announcement = arp(1, OWN_MAC, VIP4, VIP4);
  const answer = arp(2, OWN_MAC, VIP4, VIP4);
  const allNodes = parseMac("33:33:00:00:00:01")!;
  const advertisement = (from: Uint8Array) =>
    frame(
      allNodes,
      OWN_MAC,
      ETHERTYPE.ipv6,
      discovery(136, from, new Uint8Array([0xff, 2, ...new Uint8Array(13), 1]), VIP6),
    );
  const speak = () => {
    node.far.received();
    const results = [
      node.own.send(frame(BROADCAST, OWN_MAC, ETHERTYPE.arp, announcement)),
      node.own.send(frame(BROADCAST, OWN_MAC, ETHERTYPE.arp, answer)),
      node.own.send(advertisement(VIP6)),
      // Under a source of its own, but about the address.
      node.own.send(advertisement(CLIENT6)),
    ];
    sendTo(sockets[0]!, CLIENT4, 4000, new Uint8Array(4));
    sendTo(sockets[1]!, CLIENT6, 4000, new Uint8Array(4));
    return { results, heard: node.far.received().map(speaksAs).filter((it) => it !== null) };
  };
  assert.deepEqual(speak(), { results: [ENOBUFS, ENOBUFS, ENOBUFS, ENOBUFS], heard: [] });
  assert.equal(node.rules.counters().get(SLOT)!.muted, 6);
  node.takeLease();
  const heard = ["arp", "arp", "advertisement", "advertisement", "ipv4", "ipv6"];
  assert.deepEqual(speak(), { results: [0, 0, 0, 0], heard });
  assert.equal(node.rules.counters().get(SLOT)!.muted, 6);
});

kernelTest("a probe with the mark ARM leaves without any lease", (node) => {
  const probe = frame(BROADCAST, OWN_MAC, ETHERTYPE.arp, arp(1, OWN_MAC, new Uint8Array(4), VIP4));
  node.far.received();
  assert.equal(node.own.send(probe, markOf(STEP.arm, SLOT)), 0);
  assert.equal(node.far.received().length, 1);
  assert.equal(node.order("take"), 0, "it licensed a take");
});

kernelTest("without the lease nothing comes in to the address, with it everything", (node) => {
  const sockets = [node.bind(VIP4), node.bind(VIP6)];
  const knock = () => {
    node.far.send(clientFrame(1));
    node.far.send(clientFrame(2, { v6: true }));
    return sockets.map(firstBytes);
  };
  assert.deepEqual(knock(), [[], []]);
  assert.deepEqual(node.rules.counters().get(SLOT), { passed: 0, served: 0, dropped: 2, muted: 0, seen: 0 });
  node.takeLease();
  assert.deepEqual(knock(), [[1], [2]]);
  assert.deepEqual(node.rules.counters().get(SLOT), { passed: 0, served: 2, dropped: 2, muted: 0, seen: 0 });
});

kernelTest("other addresses of the node are none of the gate's business", (node) => {
  node.far.received();
  node.far.send(
    frame(BROADCAST, CLIENT_MAC, ETHERTYPE.arp, arp(1, CLIENT_MAC, CLIENT4, new Uint8Array([10, 77, 0, 1]))),
  );
  assert.equal(node.far.received().filter((it) => it[13] === 0x06).length, 1);
});

kernelTest("on another interface the address is mute with and without the lease, and routed with it only", (node) => {
  const socket = node.bind(VIP4);
  const ask = () => {
    node.farOther.received();
    node.farOther.send(arpRequest());
    node.farOther.send(solicitation());
    node.farOther.send(frame(BROADCAST, CLIENT_MAC, ETHERTYPE.arp, arp(2, CLIENT_MAC, VIP4, CLIENT4)));
    node.farOther.send(frame(parseMac("02:00:00:00:00:11")!, CLIENT_MAC, ETHERTYPE.ipv4, clientFrame(5).slice(14)));
    return { said: node.farOther.received().map(speaksAs).filter((it) => it !== null), heard: firstBytes(socket) };
  };
  assert.deepEqual(ask(), { said: [], heard: [] });
  node.takeLease();
  assert.deepEqual(ask(), { said: [], heard: [5] });
  run("ip", "route", "add", "10.99.0.9/32", "via", "10.88.0.9");
  run("ip", "neigh", "add", "10.88.0.9", "lladdr", "02:00:00:00:00:09", "dev", "veth1", "nud", "permanent");
  const answerByRoute = () => {
    node.farOther.received();
    sendTo(socket, new Uint8Array([10, 99, 0, 9]), 4000, new Uint8Array(4));
    return node.farOther.received().map(speaksAs).filter((it) => it !== null);
  };
  assert.deepEqual(answerByRoute(), ["ipv4"]);
  node.order("drop");
  assert.deepEqual(answerByRoute(), []);
});

kernelTest("a foreign mark comes through unharmed, in and out", (node) => {
  run("nft", "add table inet other; add chain inet other in { type filter hook prerouting priority 0; }");
  run("nft", "add rule inet other in meta mark 0x1234 counter");
  run(
    "nft",
    'add table netdev other; add chain netdev other out { type filter hook egress device "veth0" priority 600; }',
  );
  run("nft", "add rule netdev other out meta mark 0x4321 counter");
  node.takeLease();
  const socket = node.bind(VIP4);
  node.far.send(clientFrame(1), 0x1234);
  assert.deepEqual(firstBytes(socket), [1]);
  assert.match(run("nft", "list", "table", "inet", "other"), /counter packets 1 /);
  const answer = frame(CLIENT_MAC, OWN_MAC, ETHERTYPE.arp, arp(2, OWN_MAC, VIP4, CLIENT4));
  assert.equal(node.own.send(answer, 0x4321), 0);
  assert.match(run("nft", "list", "table", "netdev", "other"), /counter packets 1 /);
});

kernelTest("pass sends packets on to the peer, in order and under the own MAC, and a take ends it", (node) => {
  const socket = node.bind(VIP4);
  node.takeLease();
  assert.equal(node.order("pass"), 0);
  node.far.received();
  for (let i = 0; i < 200; i++) node.far.send(clientFrame(i, { v6: i % 2 === 1 }));
  const passed = node.far.received().filter((it) => it[13] === 0x00 || it[13] === 0xdd);
  assert.deepEqual(passed.map((it) => it[it[13] === 0 ? 42 : 62]), Array.from({ length: 200 }, (_, i) => i));
  for (const it of passed) {
    assert.deepEqual(it.slice(0, 6), PEER_MAC);
    assert.deepEqual(it.slice(6, 12), OWN_MAC);
  }
  assert.equal(node.rules.counters().get(SLOT)!.passed, 200);
  assert.deepEqual(firstBytes(socket), []);
  // What the peer passed on stays here: the two would play ping-pong.
  node.far.send(clientFrame(9, { by: PEER_MAC }));
  assert.deepEqual(firstBytes(socket), [9]);
  // What was not sent to this node is not passed on: the peer got it by itself.
  const foreign = clientFrame(8);
  foreign.set(BROADCAST);
  node.far.received();
  node.far.send(foreign);
  assert.equal(node.far.received().filter((it) => it[13] === 0).length, 0);
  firstBytes(socket);

  assert.equal(node.order("arm"), 0);
  assert.equal(node.order("take"), 0);
  node.far.send(clientFrame(10));
  assert.deepEqual(firstBytes(socket), [10]);
  assert.equal(node.order("pass"), 0);
  assert.equal(node.order("unpass"), 0);
  node.far.send(clientFrame(11));
  assert.deepEqual(firstBytes(socket), [11]);
});

kernelTest("while passing without the lease, questions stay unanswered and stragglers are passed on", (node) => {
  node.takeLease();
  node.order("pass");
  node.order("drop");
  node.far.received();
  node.far.send(arpRequest());
  node.far.send(clientFrame(1));
  const heard = node.far.received();
  assert.equal(heard.length, 1);
  assert.deepEqual(heard[0]!.slice(0, 6), PEER_MAC);
});

kernelTest("hold lets packets in without a lease, and no answer out", (node) => {
  const socket = node.bind(VIP4);
  assert.equal(node.order("hold"), 0);
  node.far.received();
  node.far.send(clientFrame(1));
  node.far.send(arpRequest());
  sendTo(socket, CLIENT4, 4000, new Uint8Array(4));
  assert.deepEqual(firstBytes(socket), [1], "no address is held in the other table, so it goes through");
  assert.equal(node.far.received().length, 0);
  assert.equal(node.order("unhold"), 0);
  node.far.send(clientFrame(2));
  assert.deepEqual(firstBytes(socket), []);
});

kernelTest("the node talks to itself as it likes", (node) => {
  const service = node.bind(VIP4);
  const client = node.bind(new Uint8Array([127, 0, 0, 1]), 4001);
  node.rules.setHold(["web"], 2000);
  assert.equal(sendTo(client, new Uint8Array([127, 0, 0, 1]), 4001, new Uint8Array([3])), 0);
  assert.deepEqual(firstBytes(client), [3]);
  const inside = node.bind(VIP4, 4002);
  assert.equal(sendTo(inside, VIP4, 9000, new Uint8Array([4])), 0);
  assert.deepEqual(firstBytes(service), [4]);
});

kernelTest("two service interfaces: each slot lives on its own, and its addresses are mute on the other", (node) => {
  const other4 = new Uint8Array([10, 88, 0, 100]);
  run("ip", "addr", "add", "10.88.0.100/32", "dev", "veth1");
  node.takeLease();
  assert.equal(node.order("arm", 8), ENOBUFS, "slot 8 lives on veth1");
  const question = frame(BROADCAST, CLIENT_MAC, ETHERTYPE.arp, arp(1, CLIENT_MAC, CLIENT4, other4));
  const answers = (wire: typeof node.far, request: Uint8Array<ArrayBuffer>) => {
    wire.received();
    wire.send(request);
    return wire.received().filter((it) => it[13] === 0x06).length;
  };
  assert.equal(answers(node.far, arpRequest()), 1);
  assert.equal(answers(node.farOther, arpRequest()), 0);
  assert.equal(answers(node.farOther, question), 0);
  assert.equal(answers(node.far, question), 0);
}, {
  interfaces: [
    {
      name: "veth0",
      mac: OWN_MAC,
      peerMac: PEER_MAC,
      slots: [{ slot: SLOT, group: "web", queues: QUEUES, v4: [VIP4], v6: [VIP6] }],
    },
    {
      name: "veth1",
      mac: parseMac("02:00:00:00:00:11")!,
      peerMac: null,
      slots: [{ slot: 8, group: "db", queues: queuesOf(1), v4: [new Uint8Array([10, 88, 0, 100])], v6: [] }],
    },
  ],
  others: [],
});
