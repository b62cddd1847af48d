/** Frames on a veth pair: what leaves arrives, passes the egress hook, and nothing of one's own comes back. */
import assert from "node:assert/strict";
import { encodeGratuitousArpRequest } from "../../kernel_ffi/arp.ts";
import { ENETDOWN, ENOBUFS, ENODEV, KernelError } from "../../kernel_ffi/errno.ts";
import { ETHERTYPE_ARP, ETHERTYPE_EXPERIMENTAL, writeEthernetHeader } from "../../kernel_ffi/ethernet.ts";
import { FrameSocket, SEND_ONLY } from "../../kernel_ffi/frames.ts";
import { encodeUnsolicitedAdvertisement } from "../../kernel_ffi/ndp.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { inFreshNamespace, run } from "./namespace.ts";
import { MAC_HERE, MAC_THERE, makePair, packetsOf } from "./veth.ts";

const GROUP = Uint8Array.of(0x03, 0x53, 0x45, 0x47, 0x55, 0x45);
const MARK = 0x5e9e0001;

function frameTo(destination: Uint8Array, source = MAC_HERE, etherType = ETHERTYPE_EXPERIMENTAL) {
  const frame = new Uint8Array(100).fill(0x55);
  writeEthernetHeader(frame, destination, source, etherType);
  return frame;
}

function open(name: string, multicast?: Uint8Array, etherType = ETHERTYPE_EXPERIMENTAL): FrameSocket {
  return new FrameSocket({ interface: name, etherType, ...(multicast === undefined ? {} : { multicast }) });
}

/** The next frame, waited for at most a second. */
function receive(socket: FrameSocket): Uint8Array {
  const poller = new Poller();
  poller.set(socket.fd);
  assert.equal(poller.wait(1e6), 1, "nothing came within a second");
  const buffer = new Uint8Array(2048);
  const length = socket.receive(buffer);
  assert.ok(length >= 0, `receive: ${length}`);
  return buffer.subarray(0, length);
}

Deno.test("a frame arrives as it was sent, and not at its sender", () =>
  inFreshNamespace(() => {
    makePair();
    const [a, b] = [open("va"), open("vb")];
    assert.deepEqual([a.mac, b.mac], [MAC_HERE, MAC_THERE]);
    const frame = frameTo(MAC_THERE);
    assert.equal(a.send(frame, 60, 0), 0);
    assert.deepEqual(receive(b), frame.subarray(0, 60));
    const buffer = new Uint8Array(100);
    assert.equal(a.receive(buffer), -1);
    assert.equal(b.receive(buffer), -1);
    assert.equal(b.send(frameTo(MAC_HERE, MAC_THERE), 100, 0), 0);
    assert.equal(receive(a).length, 100);
    for (const socket of [a, b]) socket.close();
  }));

Deno.test("a group is heard by its members, other EtherTypes and other nodes' frames by nobody", () =>
  inFreshNamespace(() => {
    makePair();
    const a = open("va");
    const member = open("vb", GROUP);
    assert.match(run("ip", "maddr", "show", "dev", "vb"), /03:53:45:47:55:45/);
    run("ip", "link", "set", "vb", "promisc", "on");
    assert.equal(a.send(frameTo(Uint8Array.of(2, 9, 9, 9, 9, 9)), 60, 0), 0);
    assert.equal(a.send(frameTo(MAC_THERE, MAC_HERE, 0x88b6), 60, 0), 0);
    assert.equal(a.send(frameTo(GROUP), 61, 0), 0);
    assert.equal(receive(member).length, 61, "the first that is heard is the group's");
    member.close();
    assert.doesNotMatch(run("ip", "maddr", "show", "dev", "vb"), /03:53:45:47:55:45/);
    a.close();
  }));

Deno.test("the egress hook sees the frame with its mark, and its refusal is told", () =>
  inFreshNamespace(() => {
    makePair();
    run(
      "nft",
      `table netdev t { counter refreshed {}; counter plain {}; counter urgent {}; chain out { type filter hook egress device va priority 0;
       meta mark 0x5e9e0002 drop
       ether type ${ETHERTYPE_EXPERIMENTAL} meta priority 7 counter name urgent
       ether type ${ETHERTYPE_EXPERIMENTAL} meta mark ${MARK} counter name refreshed
       ether type ${ETHERTYPE_EXPERIMENTAL} meta mark 0 counter name plain
      }; }`,
    );
    const [a, b] = [open("va"), open("vb")];
    const frame = frameTo(MAC_THERE);
    for (const mark of [0, MARK, MARK, 0, MARK]) assert.equal(a.send(frame, 60, mark), 0);
    assert.equal(a.send(frame, 60, 0x5e9e0002), ENOBUFS);
    assert.equal(a.send(frame, 60, MARK), 0);
    assert.deepEqual(["refreshed", "plain", "urgent"].map((name) => packetsOf("netdev", "t", name)), [4, 2, 6]);
    for (let i = 0; i < 6; i++) receive(b);
    assert.equal(b.receive(frame), -1, "what was refused did not leave");
    for (const socket of [a, b]) socket.close();
  }));

Deno.test("a send-only socket announces, rules know ARP and ND by their type, and it hears nothing", () =>
  inFreshNamespace(() => {
    makePair();
    run(
      "nft",
      `table netdev t { counter arps {}; counter advertisements {}; chain out { type filter hook egress device va priority 0;
       arp saddr ip 10.77.0.100 counter name arps
       icmpv6 type nd-neighbor-advert @th,64,128 0xfd000077000000000000000000000100 counter name advertisements
      }; }`,
    );
    const announcer = open("va", undefined, SEND_ONLY);
    const listener = open("vb", undefined, ETHERTYPE_ARP);
    const arp = encodeGratuitousArpRequest(announcer.mac, Uint8Array.of(10, 77, 0, 100));
    assert.equal(announcer.send(arp, arp.length, 0), 0);
    assert.deepEqual(receive(listener), arp);
    const service = Uint8Array.of(0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    const advertisement = encodeUnsolicitedAdvertisement(announcer.mac, service);
    assert.equal(announcer.send(advertisement, advertisement.length, 0), 0);
    assert.deepEqual([packetsOf("netdev", "t", "arps"), packetsOf("netdev", "t", "advertisements")], [1, 1]);
    const other = open("vb");
    assert.equal(other.send(frameTo(MAC_HERE, MAC_THERE), 60, 0), 0);
    assert.equal(announcer.receive(new Uint8Array(100)), -1);
    for (const socket of [announcer, listener, other]) socket.close();
  }));

Deno.test("neighbours learn from the announcements", () =>
  inFreshNamespace(() => {
    makePair();
    run("ip", "addr", "add", "10.77.0.2/24", "dev", "vb");
    run("ip", "-6", "addr", "add", "fd00:77::2/64", "dev", "vb", "nodad");
    const old = "02:00:5e:00:00:ff";
    run("ip", "neigh", "replace", "10.77.0.100", "lladdr", old, "dev", "vb", "nud", "reachable");
    run("ip", "neigh", "replace", "fd00:77::100", "lladdr", old, "dev", "vb", "nud", "reachable");
    const announcer = open("va", undefined, SEND_ONLY);
    const arp = encodeGratuitousArpRequest(announcer.mac, Uint8Array.of(10, 77, 0, 100));
    const service = Uint8Array.of(0xfd, 0, 0, 0x77, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0);
    const advertisement = encodeUnsolicitedAdvertisement(announcer.mac, service);
    assert.equal(announcer.send(arp, arp.length, 0), 0);
    assert.equal(announcer.send(advertisement, advertisement.length, 0), 0);
    for (const address of ["10.77.0.100", "fd00:77::100"]) {
      assert.match(run("ip", "neigh", "show", address, "dev", "vb"), /02:00:5e:00:00:0a/);
    }
    announcer.close();
  }));

for (const etherType of [ETHERTYPE_EXPERIMENTAL, SEND_ONLY]) {
  Deno.test(`a socket (EtherType ${etherType}) outlives its interface going down and up`, () =>
    inFreshNamespace(() => {
      makePair();
      const [a, b] = [open("va", undefined, etherType), open("vb")];
      const frame = frameTo(MAC_THERE);
      run("ip", "link", "set", "va", "down");
      assert.equal(a.send(frame, 60, 0), ENETDOWN);
      run("ip", "link", "set", "va", "up");
      assert.equal(a.send(frame, 60, 0), 0, "no error of the past");
      assert.equal(receive(b).length, 60);
      for (const socket of [a, b]) socket.close();
    }));
}

Deno.test("receive tells once that the interface went down, and goes on when it is up", () =>
  inFreshNamespace(() => {
    makePair();
    const [a, b] = [open("va"), open("vb")];
    const buffer = new Uint8Array(100);
    run("ip", "link", "set", "va", "down");
    assert.equal(a.receive(buffer), -2);
    assert.equal(a.lastErrno, ENETDOWN);
    assert.equal(a.receive(buffer), -1);
    run("ip", "link", "set", "va", "up");
    assert.equal(b.send(frameTo(MAC_HERE, MAC_THERE), 60, 0), 0);
    assert.equal(receive(a).length, 60);
    for (const socket of [a, b]) socket.close();
  }));

Deno.test("without carrier frames are swallowed", () =>
  inFreshNamespace(() => {
    makePair();
    const a = open("va");
    run("ip", "link", "set", "vb", "down");
    assert.equal(a.send(frameTo(MAC_THERE), 60, 0), 0);
    a.close();
  }));

Deno.test("an interface that was made anew needs a new socket", () =>
  inFreshNamespace(() => {
    makePair();
    const a = open("va");
    run("ip", "link", "del", "va");
    makePair();
    assert.notEqual(a.send(frameTo(MAC_THERE), 60, 0), 0);
    a.close();
    const again = open("va");
    assert.equal(again.send(frameTo(MAC_THERE), 60, 0), 0);
    again.close();
  }));

Deno.test("an interface that is not there is named in the error", () =>
  inFreshNamespace(() => {
    assert.throws(
      () => open("nowhere0"),
      (error) => error instanceof KernelError && error.errno === ENODEV && error.message.includes("nowhere0"),
    );
  }));
