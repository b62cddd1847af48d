/** Answers and news of the kernel, as netlink sockets bring them. A kernel does not lie; one of another version may say less, or more. */
import assert from "node:assert/strict";
import { parseIp } from "../../kernel_ffi/address.ts";
import { attributes, decodeError, messages, type NetlinkMessage, viewOf } from "../../kernel_ffi/netlink.ts";
import { copyPacket, packetId } from "../../kernel_ffi/nfqueue_codec.ts";
import {
  decodeChain,
  decodeCountedElements,
  decodeCounter,
  decodeExpiration,
  decodeNotifiedTable,
} from "../../kernel_ffi/nftables/query.ts";
import { decodeAddress, decodeLink } from "../../kernel_ffi/rtnetlink_codec.ts";
import { endsAt, unreadBytes } from "../../kernel_ffi/sock_diag_codec.ts";
import { mutate } from "./mutate.ts";
import { NETLINK_SAMPLES } from "./netlink_samples.ts";
import { type FuzzTarget, showBytes } from "./target.ts";

const RECEIVE_BYTES = 1 << 16;
const ADDRESSES = ["10.77.0.100", "fd00:77::100"].map((text) => parseIp(text)!);

export const netlink: FuzzTarget = {
  name: "netlink",
  about: "answers of rtnetlink, nf_tables, sock_diag and NFQUEUE to every reader of them",
  shortInputs: 40_000,
  inputMsMax: 2000,
  open() {
    const samples = Object.values(NETLINK_SAMPLES).map((hex) => Uint8Array.fromHex(hex.replaceAll(/\s/g, "")));
    let bytes = new Uint8Array(0);
    return {
      play(random) {
        bytes = mutate(random, samples, RECEIVE_BYTES);
        let last = -1;
        for (const message of messages(bytes, bytes.length)) {
          assert.ok(
            message.payloadOffset > last && message.end <= bytes.length,
            "a message ends beyond what was received",
          );
          last = message.payloadOffset;
          readAll(bytes, message);
        }
      },
      describe: () => showBytes(bytes),
    };
  },
};

/** Every reader, whatever the message's type says: a type is one of the things that may be wrong. */
function readAll(bytes: Uint8Array, message: NetlinkMessage): void {
  const view = viewOf(bytes), { type, payloadOffset: from, end } = message;
  for (const { offset, end: to } of attributes(view, from, end)) {
    assert.ok(offset >= from && to <= end, "an attribute ends beyond its message");
  }
  decodeError(view, message);
  const link = decodeLink(view, from, end);
  assert.ok(link === null || link.mac.length <= end - from);
  const address = decodeAddress(view, from, end);
  assert.ok(address === null || address.address.length === 4 || address.address.length === 16);
  decodeExpiration(view, from, end);
  decodeNotifiedTable(view, type, from, end);
  unreadBytes(view, from, end, ADDRESSES);
  endsAt(view, from, end, ADDRESSES);
  packetId(view, from, end);
  copyPacket(view, from, end);
  // Answers that are kept are copied out first.
  const payload = bytes.slice(from, end);
  decodeChain(payload);
  decodeCounter(payload);
  decodeCountedElements(payload);
}
