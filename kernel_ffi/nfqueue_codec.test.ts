import assert from "node:assert/strict";
import fc from "fast-check";
import { messages, NetlinkWriter, viewOf } from "./netlink.ts";
import {
  copyPacket,
  encodeBatchVerdict,
  NF_ACCEPT,
  NF_DROP,
  NFQUEUE_PACKET,
  packetId,
  packetIpLength,
  packetSource,
  setBatchVerdict,
} from "./nfqueue_codec.ts";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

// libnetfilter_queue 1.0.5, strace -e trace=sendmsg -e write=all, queue 258:
// nfq_set_verdict_batch(queue, 0x01020304, NF_ACCEPT); nfq_set_verdict_batch(queue, 7, NF_DROP);
Deno.test("a batch verdict is what the library sends", () => {
  const verdict = encodeBatchVerdict(258);
  setBatchVerdict(viewOf(verdict), NF_ACCEPT, 0x01020304);
  assert.equal(hex(verdict), "2000000003030100000000000000000000000102" + "0c0002000000000101020304");
  setBatchVerdict(viewOf(verdict), NF_DROP, 7);
  assert.equal(hex(verdict), "2000000003030100000000000000000000000102" + "0c0002000000000000000007");
});

/** A message as the kernel writes it (net/netfilter/nfnetlink_queue.c, nfqnl_build_packet_message). */
function packetMessage(id: number, payload: Uint8Array | null, headerFirst = true): Uint8Array<ArrayBuffer> {
  const w = new NetlinkWriter().begin(NFQUEUE_PACKET, 0);
  w.put(new Uint8Array([2, 0, 0, 1]));
  const header = new Uint8Array(7);
  viewOf(header).setUint32(0, id);
  if (!headerFirst) w.u32be(5, 3);
  w.bytesAttribute(1, header);
  if (headerFirst) w.u32be(5, 3);
  if (payload !== null) w.bytesAttribute(10, payload);
  return w.end().bytes();
}

Deno.test("a packet's id, bytes and interface are read wherever they stand", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), fc.uint8Array(), fc.boolean(), (id, payload, first) => {
      const bytes = packetMessage(id, payload, first);
      const [message] = [...messages(bytes, bytes.length)];
      assert.equal(message!.type, NFQUEUE_PACKET);
      assert.equal(packetId(viewOf(bytes), message!.payloadOffset, message!.end), id);
      const copied = copyPacket(viewOf(bytes), message!.payloadOffset, message!.end)!;
      assert.deepEqual([hex(copied.bytes), copied.ifindex], [hex(payload), 3]);
    }),
  );
});

Deno.test("a message without packet bytes, or without any packet, says so", () => {
  const bytes = packetMessage(5, null);
  assert.equal(copyPacket(viewOf(bytes), 16, bytes.length), null);
  const empty = new NetlinkWriter().begin(NFQUEUE_PACKET, 0).put(new Uint8Array(4)).end().bytes();
  assert.equal(packetId(viewOf(empty), 16, empty.length), 0);
});

Deno.test("length and source are read from the start of the packet; of one cut short, nothing", () => {
  // RFC 791 3.1 and RFC 8200 3: 1500 bytes from 10.77.0.9, 40 + 8 bytes from fd00:77::9.
  const v4 = Uint8Array.from([0x45, 0, 5, 220, ...Array(8).fill(0), 10, 77, 0, 9, ...Array(20).fill(1)]);
  const v6 = Uint8Array.from([
    0x60,
    0,
    0,
    0,
    0,
    8,
    17,
    64,
    0xfd,
    0,
    0,
    0x77,
    ...Array(11).fill(0),
    9,
    ...Array(16).fill(1),
  ]);
  const look = (packet: Uint8Array | null) => {
    const bytes = packetMessage(5, packet), out = new Uint8Array(16);
    const length = packetSource(viewOf(bytes), 16, bytes.length, out);
    return [packetIpLength(viewOf(bytes), 16, bytes.length), hex(out.subarray(0, length))];
  };
  assert.deepEqual(look(v4), [1500, "0a4d0009"]);
  assert.deepEqual(look(v6), [48, "fd000077" + "0".repeat(23) + "9"]);
  assert.deepEqual(look(v4.subarray(0, 19)), [1500, ""]);
  assert.deepEqual(look(v6.subarray(0, 39)), [48, ""]);
  for (const none of [null, new Uint8Array(0), v4.subarray(0, 5)]) assert.deepEqual(look(none), [0, ""]);
});
