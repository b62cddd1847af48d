/** The rules of a shared wire on the real kernel: who hears the virtual MAC, who speaks of it, and that nobody speaks from it. */
import assert from "node:assert/strict";
import { parseIp } from "../../kernel_ffi/address.ts";
import { HoldQueue } from "../../kernel_ffi/nfqueue.ts";
import { ShadowQueue } from "../../kernel_ffi/nfqueue_shadow.ts";
import { virtualMacs } from "../../control/switch/virtual_mac.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import {
  arpRequest,
  CLIENT4,
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
  VIP4,
  VIP6,
} from "./rules_fixture.ts";
import { checksum, ETHERTYPE, frame, udp } from "./wire.ts";

const { mac: VMAC, passedMac } = virtualMacs("pair", "web", "veth0", null);
const shared = { mac: VMAC, passedMac };
const slots = [{ slot: SLOT, group: "web", queues: QUEUES, v4: [VIP4], v6: [VIP6], shared }];

function kernelTest(name: string, body: (node: RulesFixture) => void): void {
  Deno.test(name, () =>
    inFreshNamespace(() => {
      const node = new RulesFixture({
        interfaces: [{ name: "veth0", mac: OWN_MAC, peerMac: PEER_MAC, slots }],
      });
      try {
        body(node);
      } finally {
        node.close();
      }
    }));
}

/** The same frame as a client's to the node, for another MAC. */
function to(mac: Uint8Array, first: number, options: Parameters<typeof clientFrame>[1] = {}) {
  const bytes = clientFrame(first, options);
  bytes.set(mac);
  return bytes;
}

const has = (bytes: Uint8Array, at: number, part: Uint8Array) => part.every((byte, i) => bytes[at + i] === byte);

/** What left the node, but for its own chatter; none of it may come from a virtual MAC. */
function spoken(node: RulesFixture): Uint8Array[] {
  const frames = node.far.received();
  for (const bytes of frames) {
    assert.ok(!has(bytes, 6, VMAC) && !has(bytes, 6, passedMac), "a virtual MAC was sent from");
  }
  return frames;
}

kernelTest("frames for the virtual MAC are served with the lease and by nobody else", (node) => {
  const v4 = node.bind(VIP4), v6 = node.bind(VIP6);
  const send = (first: number) => {
    node.far.send(to(VMAC, first));
    node.far.send(to(VMAC, first, { v6: true }));
  };
  send(1);
  assert.deepEqual([firstBytes(v4), firstBytes(v6)], [[], []], "no lease");
  node.takeLease();
  send(2);
  assert.deepEqual([firstBytes(v4), firstBytes(v6)], [[2], [2]]);
  node.order("drop");
  send(3);
  assert.deepEqual([firstBytes(v4), firstBytes(v6)], [[], []], "the lease is gone");
  assert.equal(node.rules.counters().get(SLOT)!.seen, 6, "all of them were seen");
});

kernelTest("without rules the kernel is deaf to the virtual MAC: a flush makes no second owner", (node) => {
  const v4 = node.bind(VIP4);
  node.takeLease();
  run("nft", "flush", "ruleset");
  node.far.send(to(VMAC, 1));
  assert.deepEqual(firstBytes(v4), []);
});

kernelTest("what is only routed through the node is gated by the virtual MAC", (node) => {
  run("sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv4.conf.all.rp_filter=0");
  run("ip", "neigh", "add", "10.88.0.9", "lladdr", "02:00:00:00:00:19", "dev", "veth1", "nud", "permanent");
  const send = (first: number) =>
    node.far.send(
      frame(
        VMAC,
        CLIENT_MAC,
        ETHERTYPE.ipv4,
        udp(CLIENT4, 4000, parseIp("10.88.0.9")!, 53, new Uint8Array([first, 1, 2, 3])),
      ),
    );
  const routed = () =>
    node.farOther.received().filter((bytes) => bytes[12] === 8 && bytes[13] === 0).map((it) => it[42]);
  send(1);
  assert.deepEqual(routed(), []);
  node.takeLease();
  send(2);
  assert.deepEqual(routed(), [2]);
});

kernelTest("ARP speaks of the virtual MAC, from the node's own", (node) => {
  node.far.send(arpRequest());
  assert.deepEqual(spoken(node).filter((it) => it[13] === 6), [], "no lease, no word");
  node.takeLease();
  node.far.send(arpRequest());
  const [answer, ...rest] = spoken(node).filter((it) => it[12] === 8 && it[13] === 6);
  assert.deepEqual(rest, []);
  assert.ok(
    has(answer!, 0, CLIENT_MAC) && has(answer!, 6, OWN_MAC) && has(answer!, 22, VMAC) && has(answer!, 28, VIP4),
  );
  // An own question as the address must not teach the asked one the node's MAC either.
  assert.equal(sendTo(node.bind(VIP4, 4444), parseIp("10.77.0.50")!, 9, new Uint8Array([1])), 0);
  const [question] = spoken(node).filter((it) => it[12] === 8 && it[13] === 6 && it[21] === 1);
  assert.ok(has(question!, 22, VMAC) && has(question!, 28, VIP4));
});

/** Of an ICMPv6 message in an Ethernet frame: 0 where the checksum is right (RFC 4443 2.3). */
function icmpError(bytes: Uint8Array): number {
  const length = bytes[18]! << 8 | bytes[19]!;
  const pseudo = [...bytes.subarray(22, 54), 0, 58, length >> 8, length & 0xff];
  return checksum(new Uint8Array([...pseudo, ...bytes.subarray(54, 54 + length)]));
}

kernelTest("neighbour discovery speaks of the virtual MAC, with a right checksum", (node) => {
  node.takeLease();
  node.far.send(solicitation());
  const [answer] = spoken(node).filter((it) => it[12] === 0x86 && it[54] === 136);
  assert.ok(has(answer!, 6, OWN_MAC) && has(answer!, 62, VIP6), "an advertisement of the address");
  assert.deepEqual([...answer!.subarray(78, 80)], [2, 1], "with the option of its MAC");
  assert.ok(has(answer!, 80, VMAC));
  assert.equal(icmpError(answer!), 0);
  assert.equal(sendTo(node.bind(VIP6, 4444), parseIp("fd00:77::50")!, 9, new Uint8Array([1])), 0);
  const [question] = spoken(node).filter((it) => it[12] === 0x86 && it[54] === 135 && has(it, 22, VIP6));
  assert.deepEqual([...question!.subarray(78, 80)], [1, 1]);
  assert.ok(has(question!, 80, VMAC));
  assert.equal(icmpError(question!), 0);
});

kernelTest("the shadow keeps what comes without a lease; the old part goes, the rest is served in order", (node) => {
  const queue = new ShadowQueue(QUEUES.shadow, 1000);
  try {
    const v4 = node.bind(VIP4);
    node.rules.setShadowed([VMAC]);
    for (const first of [1, 2, 3]) node.far.send(to(VMAC, first));
    queue.drain();
    const old = queue.highest;
    for (const first of [4, 5]) node.far.send(to(VMAC, first));
    queue.drain();
    assert.deepEqual([queue.packets, queue.bytes, queue.lost], [5, 5 * 32, 0]);
    assert.deepEqual(firstBytes(v4), [], "nothing is served meanwhile");
    queue.drop(old);
    node.takeLease();
    node.far.send(to(VMAC, 6));
    queue.drain();
    queue.release(queue.highest);
    assert.deepEqual(firstBytes(v4), [4, 5, 6], "what comes after the lease does not overtake");
    node.rules.setShadowed([]);
    node.far.send(to(VMAC, 7));
    assert.deepEqual(firstBytes(v4), [7]);
  } finally {
    queue.close();
  }
});

kernelTest("IPv6 in the shadow, and its length", (node) => {
  const queue = new ShadowQueue(QUEUES.shadow, 1000);
  try {
    const v6 = node.bind(VIP6);
    node.rules.setShadowed([VMAC]);
    node.far.send(to(VMAC, 1, { v6: true }));
    queue.drain();
    assert.deepEqual([queue.packets, queue.bytes], [1, 52]);
    node.takeLease();
    queue.release(queue.highest);
    assert.deepEqual(firstBytes(v6), [1]);
  } finally {
    queue.close();
  }
});

kernelTest("a shadow whose daemon has died is a shut gate", (node) => {
  const v4 = node.bind(VIP4);
  node.rules.setShadowed([VMAC]);
  node.far.send(to(VMAC, 1));
  assert.deepEqual(firstBytes(v4), []);
});

kernelTest("held are the virtual MAC and what the peer passes on, apart", (node) => {
  const queues = [QUEUES.passed, QUEUES.direct].map((queue) =>
    new HoldQueue(queue, { maxLength: 100, copyPackets: true })
  );
  const [passed, direct] = queues as [HoldQueue, HoldQueue];
  try {
    const v4 = node.bind(VIP4);
    node.order("hold");
    node.rules.setHold(["web"], 2000);
    for (const first of [1, 2, 3, 4]) node.far.send(to(VMAC, first));
    for (const first of [2, 3]) node.far.send(to(passedMac, first, { by: PEER_MAC }));
    assert.deepEqual([passed.drain(), direct.drain()], [2, 4]);
    node.takeLease();
    passed.releaseAll();
    // 1 was served by the old node, 2 and 3 came by it as well.
    direct.releaseSome((packet) => packet[28]! > 3);
    assert.deepEqual(firstBytes(v4), [2, 3, 4]);
    assert.equal(direct.sifted, 3);
    node.order("unhold");
    node.rules.setHold([], 2000);
    node.far.send(to(passedMac, 5, { by: PEER_MAC }));
    node.far.send(to(VMAC, 6));
    assert.deepEqual(firstBytes(v4), [6], "without a hold what is passed on has come by itself");
  } finally {
    for (const queue of queues) queue.close();
  }
});

kernelTest("the old node passes on to the MAC that says so, from its own", (node) => {
  node.takeLease();
  node.order("pass");
  node.far.received();
  node.far.send(to(VMAC, 9));
  const [onward, ...rest] = spoken(node).filter((it) => it[12] === 8 && it[13] === 0);
  assert.deepEqual(rest, []);
  assert.ok(has(onward!, 0, passedMac) && has(onward!, 6, OWN_MAC));
  assert.equal(onward![42], 9);
  assert.equal(node.rules.counters().get(SLOT)!.passed, 1);
});
