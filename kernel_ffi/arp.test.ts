import assert from "node:assert/strict";
import fc from "fast-check";
import {
  ARP_REPLY,
  ARP_REQUEST,
  decodeArp,
  encodeArp,
  encodeArpProbe,
  encodeArpReply,
  encodeArpRequest,
  encodeGratuitousArpReply,
  encodeGratuitousArpRequest,
} from "./arp.ts";
import { BROADCAST_MAC } from "./ethernet.ts";
import {
  ARPING_GRATUITOUS_REPLY,
  ARPING_GRATUITOUS_REQUEST,
  ARPING_PROBE,
  KERNEL_PROBE_REPLY,
  KERNEL_REPLY,
  KERNEL_REQUEST,
  KERNEL_UNSOLICITED_ADVERTISEMENT,
  MAC_A,
  MAC_B,
} from "./golden_frames.ts";

const SERVICE = Uint8Array.of(10, 77, 0, 100);
const A = Uint8Array.of(10, 77, 0, 1);
const B = Uint8Array.of(10, 77, 0, 2);

/**
 * arping fills the target hardware address of a request with ones, the kernel and RFC 5227 2.3 with zeros; nobody reads
 * it.
 */
function withZeroTarget(frame: Uint8Array): Uint8Array {
  const copy = new Uint8Array(frame);
  copy.fill(0, 32, 38);
  return copy;
}

Deno.test("announcements are those of arping", () => {
  assert.deepEqual(encodeGratuitousArpRequest(MAC_A, SERVICE), withZeroTarget(ARPING_GRATUITOUS_REQUEST));
  assert.deepEqual(encodeGratuitousArpReply(MAC_A, SERVICE), ARPING_GRATUITOUS_REPLY);
});

Deno.test("a probe claims no address, a question does", () => {
  assert.deepEqual(encodeArpProbe(MAC_A, B), withZeroTarget(ARPING_PROBE));
  assert.deepEqual(encodeArpProbe(MAC_A, B, A), KERNEL_REQUEST);
  assert.deepEqual(encodeArpRequest(MAC_A, A, B), KERNEL_REQUEST);
  assert.deepEqual(encodeArpRequest(MAC_A, A, B, MAC_B).subarray(0, 6), MAC_B);
});

Deno.test("a reply is that of the kernel", () => {
  assert.deepEqual(encodeArpReply(MAC_B, B, MAC_A, A), KERNEL_REPLY);
});

Deno.test("real frames decode to what tcpdump says of them", () => {
  assert.deepEqual(decodeArp(KERNEL_PROBE_REPLY), {
    operation: ARP_REPLY,
    senderMac: MAC_B,
    senderIp: B,
    targetMac: MAC_A,
    targetIp: new Uint8Array(4),
  });
  assert.deepEqual(decodeArp(ARPING_GRATUITOUS_REQUEST), {
    operation: ARP_REQUEST,
    senderMac: MAC_A,
    senderIp: SERVICE,
    targetMac: BROADCAST_MAC,
    targetIp: SERVICE,
  });
});

Deno.test("other frames, other networks and cut frames are no ARP", () => {
  assert.equal(decodeArp(KERNEL_UNSOLICITED_ADVERTISEMENT), null);
  for (let length = 0; length < KERNEL_REPLY.length; length++) {
    assert.equal(decodeArp(KERNEL_REPLY.subarray(0, length)), null);
    assert.equal(decodeArp(KERNEL_REPLY, length), null);
  }
  for (const at of [15, 16, 18, 19]) {
    const other = new Uint8Array(KERNEL_REPLY);
    other[at]! ^= 0x40;
    assert.equal(decodeArp(other), null, `byte ${at}`);
  }
});

Deno.test("what is encoded decodes to itself, with padding behind and anywhere in a buffer", () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const ip = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const packet = fc.record({
    operation: fc.integer({ min: 0, max: 0xffff }),
    senderMac: mac,
    senderIp: ip,
    targetMac: mac,
    targetIp: ip,
  }, { noNullPrototype: true });
  fc.assert(fc.property(packet, mac, fc.nat(20), (packet, destination, before) => {
    const frame = encodeArp(destination, packet);
    const buffer = new Uint8Array(before + 60);
    buffer.set(frame, before);
    assert.deepEqual(decodeArp(buffer.subarray(before)), packet);
  }));
});
