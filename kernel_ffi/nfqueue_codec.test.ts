import assert from "node:assert/strict";
import fc from "fast-check";
import { messages, NetlinkWriter, viewOf } from "./netlink.ts";
import {
  encodeBatchVerdict,
  NF_ACCEPT,
  NF_DROP,
  NFQUEUE_PACKET,
  packetId,
  packetPayload,
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

Deno.test("a packet's id and bytes are read wherever they stand", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 0xffff_ffff }), fc.uint8Array(), fc.boolean(), (id, payload, first) => {
      const bytes = packetMessage(id, payload, first);
      const [message] = [...messages(bytes, bytes.length)];
      assert.equal(message!.type, NFQUEUE_PACKET);
      assert.equal(packetId(viewOf(bytes), message!.payloadOffset, message!.end), id);
      assert.equal(hex(packetPayload(viewOf(bytes), message!.payloadOffset, message!.end)!), hex(payload));
    }),
  );
});

Deno.test("a message without packet bytes, or without any packet, says so", () => {
  const bytes = packetMessage(5, null);
  assert.equal(packetPayload(viewOf(bytes), 16, bytes.length), null);
  const empty = new NetlinkWriter().begin(NFQUEUE_PACKET, 0).put(new Uint8Array(4)).end().bytes();
  assert.equal(packetId(viewOf(empty), 16, empty.length), 0);
});
