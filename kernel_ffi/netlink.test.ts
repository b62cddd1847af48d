import assert from "node:assert/strict";
import fc from "fast-check";
import {
  attributeBytes,
  attributes,
  attributeText,
  attributeU32,
  attributeU32be,
  attributeU64be,
  decodeError,
  findAttribute,
  messages,
  NetlinkWriter,
  NLM_F_ACK,
  NLM_F_ACK_TLVS,
  NLM_F_CAPPED,
  NLM_F_REQUEST,
  NLMSG_ERROR,
  viewOf,
} from "./netlink.ts";

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

Deno.test("a message is a header in the machine's byte order, and its length is filled in", () => {
  const w = new NetlinkWriter(4).begin(0x10, NLM_F_REQUEST | NLM_F_ACK, 0x11223344, 0x55667788);
  w.put(new Uint8Array([1, 2, 3, 4, 5]));
  assert.equal(hex(w.end().bytes()), "180000001000050044332211887766550102030405000000");
});

Deno.test("attributes of every kind, padded to four, in either byte order", () => {
  const w = new NetlinkWriter(1).begin(0x20, 0);
  w.u8(1, 0xab).u16(2, 0x1234).u32(3, 0x12345678).u64(4, 0x1_0000_0002).u16be(5, 0x1234).u32be(6, 0xfedcba98);
  w.u64be(7, 0x1_0000_0002).string(8, "lo").bytesAttribute(9, new Uint8Array([9, 8, 7, 6, 5])).flag(10).end();
  assert.equal(
    hex(w.bytes().subarray(16)),
    "05000100ab000000" + "0600020034120000" + "0800030078563412" + "0c0004000200000001000000" + "0600050012340000" +
      "08000600fedcba98" + "0c0007000000000100000002" + "070008006c6f0000" + "090009000908070605000000" + "04000a00",
  );
});

Deno.test("attributes within attributes have their own length and the flag", () => {
  const w = new NetlinkWriter().begin(0x20, 0);
  const outer = w.nestBegin(2);
  w.nest(3, (w) => w.u8(1, 7)).nestEnd(outer).end();
  assert.equal(hex(w.bytes().subarray(16)), "100002800c0003800500010007000000");
});

Deno.test("what is written is read back, whatever it is and however small the memory was", () => {
  const attribute = fc.record({ type: fc.integer({ min: 0, max: 0x3fff }), value: fc.uint8Array({ maxLength: 40 }) });
  const message = fc.record({
    type: fc.integer({ min: 0x10, max: 0xffff }),
    attributes: fc.array(attribute, { maxLength: 8 }),
  });
  fc.assert(fc.property(fc.array(message, { maxLength: 5 }), fc.integer({ min: 0, max: 64 }), (written, capacity) => {
    const w = new NetlinkWriter(capacity);
    for (const { type, attributes } of written) {
      w.begin(type, 5, 6, 7);
      for (const { type, value } of attributes) w.bytesAttribute(type, value);
      w.end();
    }
    const bytes = w.bytes();
    const read = [...messages(bytes, bytes.length)].map((message) => ({
      type: message.type,
      attributes: [...attributes(viewOf(bytes), message.payloadOffset, message.end)].map((it) => ({
        type: it.type,
        value: attributeBytes(viewOf(bytes), it),
      })),
    }));
    assert.deepEqual(read.map((it) => it.type), written.map((it) => it.type));
    read.forEach((it, i) =>
      it.attributes.forEach((attribute, j) => {
        assert.equal(attribute.type, written[i]!.attributes[j]!.type);
        assert.equal(hex(attribute.value), hex(written[i]!.attributes[j]!.value));
      })
    );
  }));
});

Deno.test("numbers of 64 bits are exact up to 2^53", () => {
  fc.assert(fc.property(fc.maxSafeNat(), (value) => {
    const bytes = new NetlinkWriter().begin(16, 0).u64be(1, value).u64(2, value).end().bytes();
    const view = viewOf(bytes);
    assert.equal(attributeU64be(view, findAttribute(view, 16, bytes.length, 1)!), value);
    const little = findAttribute(view, 16, bytes.length, 2)!;
    assert.equal(view.getBigUint64(little.offset, true), BigInt(value));
  }));
});

Deno.test("a reset keeps nothing of what was there", () => {
  const w = new NetlinkWriter(8);
  w.begin(0xffff, 0xffff, 0xffffffff).bytesAttribute(1, new Uint8Array(64).fill(0xff)).end();
  assert.equal(
    hex(w.reset().begin(16, 0).u8(1, 1).end().bytes()),
    "1800000010000000000000000000000005000100" + "01000000",
  );
});

Deno.test("messages that do not fit each other are refused", () => {
  assert.throws(() => new NetlinkWriter().end(), RangeError);
  assert.throws(() => new NetlinkWriter().begin(16, 0).begin(16, 0), RangeError);
  assert.throws(() => new NetlinkWriter().begin(16, 0).bytesAttribute(1, new Uint8Array(0x10000)), RangeError);
  const w = new NetlinkWriter().begin(16, 0);
  const nest = w.nestBegin(1);
  w.bytesAttribute(2, new Uint8Array(0xfff0)).bytesAttribute(2, new Uint8Array(16));
  assert.throws(() => w.nestEnd(nest), RangeError);
});

Deno.test("noise is read to its end, without an error and within its bounds", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(200), (bytes, cut) => {
    const length = Math.min(cut, bytes.length);
    for (const message of messages(bytes, length)) {
      assert.ok(message.payloadOffset <= message.end && message.end <= length);
      for (const attribute of attributes(viewOf(bytes), message.payloadOffset, message.end)) {
        assert.ok(attribute.offset <= attribute.end && attribute.end <= message.end);
        attributeText(viewOf(bytes), attribute);
      }
      decodeError(viewOf(bytes), message);
    }
  }));
});

Deno.test("a refusal tells the errno, the request and the kernel's words", () => {
  const w = new NetlinkWriter().begin(NLMSG_ERROR, NLM_F_CAPPED | NLM_F_ACK_TLVS, 9);
  const at = w.fixed(20);
  w.view.setInt32(at, -22, true);
  // Header of the request: its length tells nothing about this message, since the rest of it was left out.
  w.view.setUint32(at + 4, 4000, true);
  w.view.setUint16(at + 8, 0xa06, true);
  w.string(1, "no such thing").u32(2, 48).end();
  const [message] = [...messages(w.bytes(), w.length)];
  assert.deepEqual(decodeError(viewOf(w.bytes()), message!), {
    errno: 22,
    requestType: 0xa06,
    text: "no such thing",
    offset: 48,
  });
});

Deno.test("a refusal that brings the whole request back has its words behind it; an acknowledgement has none", () => {
  const w = new NetlinkWriter().begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 9);
  const at = w.fixed(20 + 8);
  w.view.setInt32(at, -2, true);
  w.view.setUint32(at + 4, 16 + 6, true);
  w.string(1, "gone").end();
  w.begin(NLMSG_ERROR, NLM_F_CAPPED, 9).fixed(20);
  w.end();
  const [refusal, acknowledgement] = [...messages(w.bytes(), w.length)];
  assert.equal(decodeError(viewOf(w.bytes()), refusal!)!.text, "gone");
  assert.equal(decodeError(viewOf(w.bytes()), acknowledgement!)!.errno, 0);
});

Deno.test("a request that says it was longer than anything has nothing behind it", () => {
  const w = new NetlinkWriter().begin(NLMSG_ERROR, NLM_F_ACK_TLVS, 9);
  const at = w.fixed(20);
  w.view.setInt32(at, -2, true);
  w.view.setUint32(at + 4, 0xffff_fff0, true);
  w.string(1, "gone").end();
  const [message] = [...messages(w.bytes(), w.length)];
  assert.deepEqual(decodeError(viewOf(w.bytes()), message!), { errno: 2, requestType: 0, text: "", offset: -1 });
});

Deno.test("numbers that are cut short are none, wherever the memory ends", () => {
  const w = new NetlinkWriter(12).bytesAttribute(1, Uint8Array.of(1, 2, 3));
  const view = viewOf(w.bytes()), [cut] = [...attributes(view, 0, w.length)];
  assert.deepEqual([attributeU32(view, cut!), attributeU32be(view, cut!), attributeU64be(view, cut!)], [
    null,
    null,
    null,
  ]);
  const whole = viewOf(w.reset().u32be(1, 7).u64be(2, 8).bytes());
  const [four, eight] = [...attributes(whole, 0, w.length)];
  assert.deepEqual([attributeU32be(whole, four!), attributeU64be(whole, four!), attributeU64be(whole, eight!)], [
    7,
    null,
    8,
  ]);
});
