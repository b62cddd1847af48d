import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIpv6 } from "./address.ts";
import { multicastMac } from "./ethernet.ts";
import {
  KERNEL_ADVERTISEMENT,
  KERNEL_DAD_SOLICITATION,
  KERNEL_PROBE_REPLY,
  KERNEL_SOLICITATION,
  KERNEL_UNSOLICITED_ADVERTISEMENT,
  MAC_A,
  MAC_B,
} from "./golden_frames.ts";
import {
  ALL_NODES,
  decodeAdvertisement,
  encodeSolicitation,
  encodeUnsolicitedAdvertisement,
  icmpv6Checksum,
  solicitedNodeGroup,
} from "./ndp.ts";

const SERVICE = parseIpv6("fd00:77::100")!;
const A = parseIpv6("fd00:77::1")!;
const B = parseIpv6("fd00:77::2")!;

Deno.test("the announcement is that of the kernel", () => {
  assert.deepEqual(encodeUnsolicitedAdvertisement(MAC_A, SERVICE), KERNEL_UNSOLICITED_ADVERTISEMENT);
});

Deno.test("a router says so", () => {
  const decoded = decodeAdvertisement(encodeUnsolicitedAdvertisement(MAC_A, SERVICE, true))!;
  assert.deepEqual([decoded.router, decoded.override, decoded.solicited], [true, true, false]);
});

Deno.test("the question with a source is that of the kernel", () => {
  assert.deepEqual(encodeSolicitation(MAC_A, B, A), KERNEL_SOLICITATION);
});

Deno.test("the question without a source is duplicate address detection, save for the nonce", () => {
  const probe = encodeSolicitation(MAC_A, SERVICE);
  const kernel = KERNEL_DAD_SOLICITATION;
  assert.equal(probe.length, kernel.length - 8);
  assert.deepEqual(probe.subarray(0, 18), kernel.subarray(0, 18));
  assert.deepEqual(probe.subarray(20, 56), kernel.subarray(20, 56)); // without the payload's length
  assert.deepEqual(probe.subarray(58), kernel.subarray(58, 78)); // without the checksum
  assert.equal(icmpv6Checksum(probe.subarray(22, 38), probe.subarray(38, 54), probe.subarray(54)), 0);
});

Deno.test("the checksum of real messages is right", () => {
  for (const frame of [KERNEL_ADVERTISEMENT, KERNEL_SOLICITATION, KERNEL_DAD_SOLICITATION]) {
    assert.equal(icmpv6Checksum(frame.subarray(22, 38), frame.subarray(38, 54), frame.subarray(54)), 0);
  }
});

Deno.test("groups and their MACs", () => {
  assert.deepEqual(solicitedNodeGroup(parseIpv6("4037::01:800:200e:8c6c")!), parseIpv6("ff02::1:ff0e:8c6c"));
  assert.deepEqual(multicastMac(ALL_NODES), Uint8Array.of(0x33, 0x33, 0, 0, 0, 1));
});

Deno.test("a real answer decodes to what tcpdump says of it", () => {
  assert.deepEqual(decodeAdvertisement(KERNEL_ADVERTISEMENT), {
    target: B,
    source: B,
    destination: A,
    mac: MAC_B,
    router: false,
    solicited: true,
    override: true,
  });
});

Deno.test("without the option the frame's sender is the one", () => {
  const frame = KERNEL_ADVERTISEMENT.slice(0, 78);
  frame[19] = 24;
  frame.set([0, 0], 56);
  const checksum = icmpv6Checksum(frame.subarray(22, 38), frame.subarray(38, 54), frame.subarray(54));
  frame.set([checksum >> 8, checksum & 0xff], 56);
  assert.deepEqual(decodeAdvertisement(frame)!.mac, MAC_B);
});

Deno.test("questions, other frames and what RFC 4861 7.1.2 refuses are passed over", () => {
  assert.equal(decodeAdvertisement(KERNEL_SOLICITATION), null);
  assert.equal(decodeAdvertisement(KERNEL_PROBE_REPLY), null);
  for (let length = 0; length < KERNEL_ADVERTISEMENT.length; length++) {
    assert.equal(decodeAdvertisement(KERNEL_ADVERTISEMENT.subarray(0, length)), null);
    assert.equal(decodeAdvertisement(KERNEL_ADVERTISEMENT, length), null);
  }
  // Solicited, but to everybody.
  const frame = encodeUnsolicitedAdvertisement(MAC_A, SERVICE);
  frame[58]! |= 0x40;
  frame[56]! -= 0x40;
  assert.equal(decodeAdvertisement(frame), null);
});

Deno.test("one wrong byte from the IPv6 header's next-header field on is noticed", () => {
  const at = fc.integer({ min: 20, max: KERNEL_ADVERTISEMENT.length - 1 });
  fc.assert(fc.property(at, fc.integer({ min: 1, max: 255 }), (at, change) => {
    const frame = new Uint8Array(KERNEL_ADVERTISEMENT);
    frame[at]! ^= change;
    assert.equal(decodeAdvertisement(frame), null);
  }));
});

Deno.test("announcements decode to themselves", () => {
  const mac = fc.uint8Array({ minLength: 6, maxLength: 6 });
  const address = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((bytes) => bytes[0] !== 0xff);
  fc.assert(fc.property(mac, address, fc.boolean(), (mac, address, router) => {
    assert.deepEqual(decodeAdvertisement(encodeUnsolicitedAdvertisement(mac, address, router)), {
      target: address,
      source: address,
      destination: ALL_NODES,
      mac,
      router,
      solicited: false,
      override: true,
    });
  }));
});

Deno.test("no bytes make it throw", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => void decodeAdvertisement(bytes)));
  const tail = fc.uint8Array({ minLength: 8, maxLength: 8 });
  fc.assert(fc.property(tail, (options) => {
    const frame = new Uint8Array(KERNEL_ADVERTISEMENT);
    frame.set(options, 78);
    frame.set([0, 0], 56);
    const checksum = icmpv6Checksum(frame.subarray(22, 38), frame.subarray(38, 54), frame.subarray(54));
    frame.set([checksum >> 8, checksum & 0xff], 56);
    decodeAdvertisement(frame);
  }));
});
