/** What strangers on the network say to a node that asks for its address, and what the kernel says of datagrams that did not arrive. */
import assert from "node:assert/strict";
import { decodeSockaddr, encodeSockaddr, parseIp, parseMac } from "../../kernel_ffi/address.ts";
import { decodeArp, encodeArpProbe, encodeArpReply } from "../../kernel_ffi/arp.ts";
import { decodeExtendedErrno, IP_RECVERR, SOL_IP } from "../../kernel_ffi/error_queue.ts";
import {
  decodeAdvertisement,
  decodeSolicitation,
  encodeSolicitation,
  encodeUnsolicitedAdvertisement,
  icmpv6Checksum,
} from "../../kernel_ffi/ndp.ts";
import { mutate } from "./mutate.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const FRAME_MAX = 512;
const IPV6 = 14, PAYLOAD_LENGTH = IPV6 + 4, SOURCE = IPV6 + 8, ICMP = IPV6 + 40;

export const frames: FuzzTarget = {
  name: "frames",
  about: "ARP and neighbour discovery frames, socket addresses and error queues to their readers",
  shortInputs: 60_000,
  inputMsMax: 2000,
  open() {
    const samples = validFrames();
    let bytes = new Uint8Array(0);
    return {
      play(random) {
        bytes = mutate(random, samples, FRAME_MAX);
        if (random.chance(0.7)) mendIcmpv6(bytes);
        const buffer = new Uint8Array(FRAME_MAX);
        buffer.set(bytes);
        for (const found of [decodeArp(buffer, bytes.length), decodeAdvertisement(buffer, bytes.length)]) {
          const mac = found === null ? null : "senderMac" in found ? found.senderMac : found.mac;
          assert.ok(mac === null || mac.length === 6);
        }
        const question = decodeSolicitation(buffer, bytes.length);
        assert.ok(question === null || (question.mac.length === 6 && question.target.length === 16));
        decodeSockaddr(bytes);
        decodeExtendedErrno(buffer, bytes.length);
      },
      describe: () => showBytes(bytes),
    };
  },
};

function validFrames(): Uint8Array[] {
  const mac = parseMac("02:00:00:00:00:01")!, other = parseMac("02:00:00:00:00:02")!;
  const v4 = parseIp("10.77.0.100")!, v6 = parseIp("fd00:77::100")!;
  return [
    encodeArpProbe(mac, v4),
    encodeArpReply(mac, v4, other, v4),
    encodeUnsolicitedAdvertisement(mac, v6, false),
    encodeSolicitation(mac, v6),
    encodeSolicitation(mac, v6, parseIp("fd00:77::9")!),
    encodeSockaddr(v4, 4790),
    encodeSockaddr(v6, 4790),
    extendedError(),
  ];
}

/** Two control messages (cmsg(3)), the second one of IP_RECVERR: connection refused. */
function extendedError(): Uint8Array {
  const control = new Uint8Array(24 + 56), view = new DataView(control.buffer);
  view.setUint32(0, 20, true);
  view.setUint32(24, 48, true);
  view.setInt32(24 + 8, SOL_IP, true);
  view.setInt32(24 + 12, IP_RECVERR, true);
  view.setUint32(24 + 16, 111, true);
  return control;
}

/** A right checksum, so that what else is wrong is met behind it. */
function mendIcmpv6(frame: Uint8Array): void {
  if (frame.length < ICMP + 4) return;
  const end = Math.min(frame.length, ICMP + (frame[PAYLOAD_LENGTH]! << 8 | frame[PAYLOAD_LENGTH + 1]!));
  if (end < ICMP + 4) return;
  frame[ICMP + 2] = frame[ICMP + 3] = 0;
  const source = frame.subarray(SOURCE, SOURCE + 16), destination = frame.subarray(SOURCE + 16, ICMP);
  const sum = icmpv6Checksum(source, destination, frame.subarray(ICMP, end));
  frame[ICMP + 2] = sum >>> 8;
  frame[ICMP + 3] = sum & 0xff;
}
