/** Life of the kernel rules: put in, changed under a lease, flushed by somebody else, taken away. */
import assert from "node:assert/strict";
import { parseMac } from "../../kernel_ffi/address.ts";
import { ENOBUFS } from "../../kernel_ffi/errno.ts";
import { queuesOf } from "../../control/switch/ruleset_spec.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import {
  arpRequest,
  clientFrame,
  firstBytes,
  OWN_MAC,
  PEER_MAC,
  QUEUES,
  RulesFixture,
  SLOT,
  speaksAs,
  VIP4,
  VIP6,
} from "./rules_fixture.ts";
import { until, Wire } from "./wire.ts";

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

kernelTest("a foreign flush is noticed, and the rules come back without a lease", (node) => {
  node.takeLease();
  node.far.send(clientFrame(1));
  node.rules.readNotifications();
  assert.equal(node.rules.isIntact(), true);
  run("nft", "flush", "ruleset");
  assert.deepEqual(node.rules.readNotifications(), { ownTablesTouched: true });
  assert.equal(node.rules.isIntact(), false);
  assert.equal(node.rules.leaseLeftMs(SLOT), null);
  node.rules.install();
  assert.equal(node.rules.isIntact(), true);
  assert.deepEqual(node.rules.readNotifications(), { ownTablesTouched: false }, "own changes are no alarm");
  assert.equal(node.order("refresh"), ENOBUFS);
  assert.ok(node.rules.lastInstallUs > 0);
});

kernelTest("each foreign change of an own table is noticed", (node) => {
  const changes = [
    ["flush", "chain", "netdev", "segue", `gate_${SLOT}`],
    ["delete", "chain", "netdev", "segue", "egress_veth1"],
    ["delete", "table", "inet", "segue"],
    ["delete", "table", "netdev", "segue"],
    ["flush", "chain", "inet", "segue", "prerouting"],
  ];
  for (const change of changes) {
    node.rules.install();
    node.rules.readNotifications();
    assert.equal(node.rules.isIntact(), true);
    run("nft", ...change);
    assert.deepEqual(node.rules.readNotifications(), { ownTablesTouched: true }, change.join(" "));
    assert.equal(node.rules.isIntact(), false, change.join(" "));
  }
});

kernelTest("changes of other tables are no alarm", (node) => {
  node.rules.readNotifications();
  run("nft", "add table inet segue2; add chain inet segue2 c; add table ip segue; delete table ip segue");
  assert.deepEqual(node.rules.readNotifications(), { ownTablesTouched: false });
  assert.equal(node.rules.isIntact(), true);
});

kernelTest("installing and removing leaves the tables of others as they are, and nothing of its own", (node) => {
  node.rules.remove();
  run("nft", "add table inet other; add chain inet other c { type filter hook input priority 0; policy accept; }");
  run("nft", "add rule inet other c tcp dport 22 counter accept; add table netdev other");
  const before = run("nft", "list", "ruleset");
  node.rules.install();
  node.takeLease();
  node.rules.remove();
  assert.equal(run("nft", "list", "ruleset"), before);
  node.rules.remove();
  assert.equal(run("nft", "list", "ruleset"), before);
  assert.equal(node.rules.isIntact(), false);
  assert.equal(node.rules.leaseLeftMs(SLOT), null);
});

kernelTest("a lease outlives a new time-out, and gets it with the next refresh", (node) => {
  node.takeLease();
  node.rules.setLeaseMs(60);
  assert.ok(node.rules.leaseLeftMs(SLOT)! > 60);
  assert.equal(node.order("refresh"), 0);
  assert.ok(node.rules.leaseLeftMs(SLOT)! <= 60);
  assert.equal(node.rules.isIntact(), true);
  node.rules.install();
  node.takeLease();
  assert.ok(node.rules.leaseLeftMs(SLOT)! <= 60, "the new time-out outlives a repair");
});

kernelTest("nothing is passed on before the peer's MAC is known, and a lease outlives its coming", (node) => {
  const socket = node.bind(VIP4);
  node.takeLease();
  node.order("pass");
  node.far.send(clientFrame(1));
  assert.deepEqual(firstBytes(socket), [1]);
  node.rules.setPeerMac("veth0", PEER_MAC);
  assert.notEqual(node.rules.leaseLeftMs(SLOT), null);
  node.far.received();
  node.far.send(clientFrame(2));
  assert.deepEqual(firstBytes(socket), []);
  assert.deepEqual(node.far.received()[0]!.slice(0, 6), PEER_MAC);
  const replaced = parseMac("02:00:00:00:00:22")!;
  node.rules.setPeerMac("veth0", replaced);
  node.far.send(clientFrame(3));
  assert.deepEqual(node.far.received()[0]!.slice(0, 6), replaced);
  assert.match(run("nft", "list", "set", "inet", "segue", "peers"), /elements = \{ 02:00:00:00:00:22 \}/);
  assert.equal(node.rules.isIntact(), true);
}, {
  interfaces: [{
    name: "veth0",
    mac: OWN_MAC,
    peerMac: null,
    slots: [{ slot: SLOT, group: "web", queues: QUEUES, v4: [VIP4], v6: [VIP6] }],
  }],
});

kernelTest("counters go on over a repair", (node) => {
  node.takeLease();
  node.far.send(clientFrame(1));
  node.rules.install();
  node.far.send(clientFrame(2));
  node.far.send(clientFrame(3));
  assert.deepEqual(node.rules.counters().get(SLOT), { passed: 0, served: 1, dropped: 2, muted: 0, seen: 0 });
});

kernelTest("an interface that appears is gated, also when it goes away and comes back", (node) => {
  for (let round = 0; round < 2; round++) {
    run("ip", "link", "add", "veth2", "type", "veth", "peer", "name", "p2");
    run("ip", "link", "set", "p2", "up");
    run("ip", "link", "set", "veth2", "up");
    node.takeLease();
    node.rules.addInterface("veth2");
    node.rules.addInterface("veth2");
    const wire = new Wire("p2");
    wire.send(arpRequest());
    assert.deepEqual(wire.received().map(speaksAs).filter((it) => it !== null), []);
    wire.close();
    assert.equal(node.rules.isIntact(), true);
    assert.equal(run("nft", "list", "chain", "netdev", "segue", "egress_veth2").match(/ drop/g)?.length, 4);
    run("ip", "link", "delete", "veth2");
    assert.equal(node.rules.isIntact(), true, "its chains are not missed");
  }
  node.rules.install();
  assert.equal(node.rules.isIntact(), true);
});

const OTHER4 = new Uint8Array([10, 77, 0, 101]);
const twoGroups: Change = {
  interfaces: [{
    name: "veth0",
    mac: OWN_MAC,
    peerMac: PEER_MAC,
    slots: [
      { slot: SLOT, group: "web", queues: queuesOf(0), v4: [VIP4], v6: [VIP6] },
      { slot: SLOT + 1, group: "dns", queues: queuesOf(1), v4: [OTHER4], v6: [] },
    ],
  }],
};

kernelTest("a hold is replaced as a whole, and ends by itself", async (node) => {
  const elements = () =>
    run("nft", "list", "table", "inet", "segue").match(/(10\.77\.0\.\d+|fd00:77::\d+)(?= timeout)/g) ?? [];
  node.rules.setHold(["web"], 2000);
  assert.deepEqual(elements(), ["10.77.0.100", "fd00:77::100"]);
  node.rules.setHold(["dns"], 2000);
  assert.deepEqual(elements(), ["10.77.0.101"]);
  node.rules.setHold(["web", "dns"], 2000);
  assert.deepEqual(elements().sort(), ["10.77.0.100", "10.77.0.101", "fd00:77::100"]);
  node.rules.setHold([], 2000);
  assert.deepEqual(elements(), []);
  node.rules.setHold([], 2000);
  node.rules.setHold(["web"], 40);
  await until("the end of the hold", () => elements().length === 0);
}, twoGroups);

kernelTest("what is held is no foreign change, and one of its chains flushed is", (node) => {
  node.rules.setHold(["web", "dns"], 2000);
  assert.equal(node.rules.isIntact(), true);
  // The peer's MAC becomes known in the midst of it.
  node.rules.setPeerMac("veth0", PEER_MAC);
  node.rules.setHold([], 2000);
  assert.equal(node.rules.isIntact(), true);
  node.rules.setHold(["dns"], 2000);
  const { passed, direct } = queuesOf(1);
  for (
    const chain of [`held_${passed}`, `passed_${passed}`, `direct_${direct}`, `queue_${passed}`, `queue_${direct}`]
  ) {
    run("nft", "flush", "chain", "inet", "segue", chain);
    assert.equal(node.rules.isIntact(), false, chain);
    node.rules.install();
    assert.equal(node.rules.isIntact(), true);
    node.rules.setHold(["dns"], 2000);
  }
}, twoGroups);
