import assert from "node:assert/strict";
import fc from "fast-check";
import { parseIp } from "./address.ts";
import { encodeArpProbe, encodeArpReply, encodeGratuitousArpReply, encodeGratuitousArpRequest } from "./arp.ts";
import {
  BPF_JMP_JA,
  BPF_JMP_JEQ_K,
  BPF_LD_B_ABS,
  BPF_LD_H_ABS,
  BPF_LD_W_ABS,
  BPF_PACKET_TYPE,
  BPF_RET_K,
  BPF_VLAN_TAG_PRESENT,
  type BpfInstruction,
  encodeBpf,
  speakersFilter,
} from "./bpf.ts";
import {
  ARPING_GRATUITOUS_REPLY,
  ARPING_GRATUITOUS_REQUEST,
  ARPING_PROBE,
  KERNEL_ADVERTISEMENT,
  KERNEL_DAD_SOLICITATION,
  KERNEL_PROBE_REPLY,
  KERNEL_REPLY,
  KERNEL_REQUEST,
  KERNEL_SOLICITATION,
  KERNEL_UNSOLICITED_ADVERTISEMENT,
  MAC_A,
  MAC_B,
} from "./golden_frames.ts";
import { decodeSolicitation, encodeSolicitation, encodeUnsolicitedAdvertisement } from "./ndp.ts";

/** What the kernel does with a program, as Documentation/networking/filter.rst tells it: bytes let through. */
function runFilter(program: readonly BpfInstruction[], frame: Uint8Array, packetType = 0, vlan = 0): number {
  const view = new DataView(frame.buffer, frame.byteOffset, frame.byteLength);
  let accumulator = 0;
  for (let at = 0;; at++) {
    const { code, jt, jf, k } = program[at]!;
    if (code === BPF_RET_K) return k;
    if (code === BPF_JMP_JA) at += k;
    else if (code === BPF_JMP_JEQ_K) at += accumulator === k ? jt : jf;
    else if (k === BPF_PACKET_TYPE) accumulator = packetType;
    else if (k === BPF_VLAN_TAG_PRESENT) accumulator = vlan;
    else {
      const size = code === BPF_LD_W_ABS ? 4 : code === BPF_LD_H_ABS ? 2 : 1;
      // A load beyond the frame ends the program: nothing is let through.
      if (k + size > frame.length) return 0;
      if (code === BPF_LD_W_ABS) accumulator = view.getUint32(k);
      else if (code === BPF_LD_H_ABS) accumulator = view.getUint16(k);
      else if (code === BPF_LD_B_ABS) accumulator = view.getUint8(k);
      else assert.fail(`instruction ${code} is unknown`);
    }
  }
}

const B4 = parseIp("10.77.0.2")!;
const B6 = parseIp("fd00:77::2")!;
const SERVICE4 = parseIp("10.77.0.100")!;
const SERVICE6 = parseIp("fd00:77::100")!;

function passes(addresses: Uint8Array[], frame: Uint8Array, packetType = 0, vlan = 0): boolean {
  return runFilter(speakersFilter(addresses), frame, packetType, vlan) !== 0;
}

Deno.test("who speaks as the address is heard", () => {
  for (const frame of [KERNEL_PROBE_REPLY, KERNEL_REPLY]) assert.ok(passes([B4, B6], frame));
  for (const frame of [ARPING_GRATUITOUS_REQUEST, ARPING_GRATUITOUS_REPLY]) assert.ok(passes([SERVICE4], frame));
  assert.ok(passes([B4, B6], KERNEL_ADVERTISEMENT));
  assert.ok(passes([SERVICE6], KERNEL_UNSOLICITED_ADVERTISEMENT));
  // A kernel that asks for a neighbour in the name of the address believes that it owns it.
  assert.ok(passes([parseIp("10.77.0.1")!], KERNEL_REQUEST));
});

Deno.test("who asks for the address by its own name is not", () => {
  assert.ok(!passes([B4, B6], KERNEL_REQUEST));
  assert.ok(!passes([B4, B6], KERNEL_SOLICITATION));
});

Deno.test("who asks for it namelessly is: he means to take it", () => {
  assert.ok(passes([B4, B6], ARPING_PROBE));
  assert.ok(!passes([SERVICE4, B6], ARPING_PROBE), "for another one");
  const target = decodeSolicitation(KERNEL_DAD_SOLICITATION)!.target;
  assert.ok(passes([SERVICE6, new Uint8Array(target)], KERNEL_DAD_SOLICITATION));
  assert.ok(!passes([parseIp("fd00:77::f00d")!], KERNEL_DAD_SOLICITATION), "for another one");
});

Deno.test("nor who speaks as another", () => {
  assert.ok(!passes([SERVICE4, SERVICE6], KERNEL_REPLY));
  assert.ok(!passes([SERVICE4, SERVICE6], KERNEL_ADVERTISEMENT));
  assert.ok(!passes([], KERNEL_REPLY));
});

Deno.test("nor what this node sent, nor what another VLAN says", () => {
  const PACKET_OUTGOING = 4;
  assert.ok(!passes([B4], KERNEL_REPLY, PACKET_OUTGOING));
  assert.ok(!passes([B4], KERNEL_REPLY, 0, 1));
  assert.ok(passes([B4], KERNEL_REPLY, 1), "broadcast");
});

Deno.test("an advertisement that was forwarded is none", () => {
  const frame = new Uint8Array(KERNEL_ADVERTISEMENT);
  frame[21] = 254;
  assert.ok(!passes([B6], frame));
});

Deno.test("cut frames pass nowhere", () => {
  for (const frame of [KERNEL_REPLY.subarray(0, 31), KERNEL_ADVERTISEMENT.subarray(0, 77)]) {
    for (let length = 0; length <= frame.length; length++) assert.ok(!passes([B4, B6], frame.subarray(0, length)));
  }
});

Deno.test("each of many addresses is heard and its neighbours are not", () => {
  const v4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
  const v6 = fc.uint8Array({ minLength: 16, maxLength: 16 }).filter((bytes) => bytes[0] !== 0xff);
  const set = fc.uniqueArray(fc.oneof(v4, v6), { maxLength: 100, selector: (bytes) => bytes.join(".") });
  fc.assert(fc.property(set, fc.nat(), (all, pick) => {
    const [spoken, ...others] = [...all.slice(pick % (all.length + 1)), ...all.slice(0, pick % (all.length + 1))];
    if (spoken === undefined) return;
    const frames = spoken.length === 4
      ? [
        encodeGratuitousArpRequest(MAC_A, spoken),
        encodeGratuitousArpReply(MAC_A, spoken),
        encodeArpReply(MAC_A, spoken, MAC_B, B4),
      ]
      : [encodeUnsolicitedAdvertisement(MAC_A, spoken)];
    for (const frame of frames) {
      assert.ok(passes(all, frame));
      assert.ok(!passes(others, frame));
    }
    const question = spoken.length === 4 ? encodeArpProbe(MAC_A, spoken) : encodeSolicitation(MAC_A, spoken);
    assert.ok(passes(all, question));
    assert.ok(!passes(others, question) || others.some((a) => a.every((b) => b === 0)));
  }));
});

Deno.test("jumps stay within the program however many addresses there are", () => {
  const many = Array.from({ length: 400 }, (_, i) => Uint8Array.of(10, 0, i >> 8, i & 0xff));
  const program = speakersFilter([...many, SERVICE6]);
  program.forEach(({ code, jt, jf, k }, at) => {
    const furthest = code === BPF_JMP_JA ? k : Math.max(jt, jf);
    assert.ok(at + 1 + furthest < program.length || code === BPF_RET_K);
    assert.ok(jt <= 255 && jf <= 255);
  });
  assert.ok(passes([...many, SERVICE6], KERNEL_UNSOLICITED_ADVERTISEMENT));
});

Deno.test("what cannot be filtered is refused", () => {
  assert.throws(() => speakersFilter([new Uint8Array(5)]), RangeError);
  assert.throws(() => speakersFilter(Array.from({ length: 500 }, () => SERVICE6)), RangeError);
});

Deno.test("instructions as the kernel has them", () => {
  // tcpdump -ddd 'ether proto 0x806' prints code jt jf k: 40 0 0 12; 21 0 1 2054; 6 0 0 262144; 6 0 0 0
  const program = [[40, 0, 0, 12], [21, 0, 1, 2054], [6, 0, 0, 262144], [6, 0, 0, 0]] as const;
  const bytes = encodeBpf(program.map(([code, jt, jf, k]) => ({ code, jt, jf, k })));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  assert.equal(hex, "280000000c000000" + "1500000106080000" + "0600000000000400" + "0600000000000000");
  assert.equal(BPF_LD_H_ABS, 40);
  assert.equal(BPF_JMP_JEQ_K, 21);
  assert.equal(BPF_RET_K, 6);
});
