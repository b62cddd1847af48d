/** Messages of NFQUEUE (linux/netfilter/nfnetlink_queue.h). Pure. */
import {
  attributes,
  attributeU32be,
  NetlinkWriter,
  NLA_HEADER_BYTES,
  NLM_F_REQUEST,
  NLMSG_HEADER_BYTES,
} from "./netlink.ts";

const NFNL_SUBSYS_QUEUE = 3;
const NFQNL_MSG_PACKET = 0;
const NFQNL_MSG_VERDICT_BATCH = 3;
const NFQA_PACKET_HDR = 1;
const NFQA_VERDICT_HDR = 2;
const NFQA_IFINDEX_INDEV = 5;
const NFQA_PAYLOAD = 10;
const NFGENMSG_BYTES = 4;

/** Netlink type of a message that brings a packet. */
export const NFQUEUE_PACKET = NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_PACKET;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;

/**
 * The message that decides about every packet of a queue up to an id, in order; `setBatchVerdict` fills in the rest. The
 * kernel answers with an error only: ENOENT where no such packet waits.
 */
export function encodeBatchVerdict(queue: number): Uint8Array<ArrayBuffer> {
  const w = new NetlinkWriter(64).begin(NFNL_SUBSYS_QUEUE << 8 | NFQNL_MSG_VERDICT_BATCH, NLM_F_REQUEST);
  // struct nfgenmsg: AF_UNSPEC, version 0, the queue in the network's byte order
  const at = w.fixed(NFGENMSG_BYTES);
  w.view.setUint16(at + 2, queue);
  return w.bytesAttribute(NFQA_VERDICT_HDR, new Uint8Array(8)).end().bytes().slice();
}

const VERDICT_OFFSET = NLMSG_HEADER_BYTES + NFGENMSG_BYTES + 4;

/** Fills in what becomes of the packets (NF_ACCEPT, NF_DROP) and up to which. */
export function setBatchVerdict(view: DataView, verdict: number, upToId: number): void {
  view.setUint32(VERDICT_OFFSET, verdict);
  view.setUint32(VERDICT_OFFSET + 4, upToId);
}

/** Id of the packet in a message, or 0 for one without (ids start at 1). */
export function packetId(view: DataView, payloadOffset: number, end: number): number {
  // The kernel writes this attribute first, so that the general way is not needed for each packet.
  const first = payloadOffset + NFGENMSG_BYTES;
  if (end - first >= 8 && view.getUint16(first + 2, true) === NFQA_PACKET_HDR) return view.getUint32(first + 4);
  for (const attribute of attributes(view, first, end)) {
    if (attribute.type === NFQA_PACKET_HDR) return attributeU32be(view, attribute) ?? 0;
  }
  return 0;
}

export interface CopiedPacket {
  /** From its IP header on. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The interface by which it came; 0 where the kernel does not tell. */
  readonly ifindex: number;
}

/** A copy of the packet; null where the queue brings none. */
export function copyPacket(view: DataView, payloadOffset: number, end: number): CopiedPacket | null {
  let ifindex = 0;
  for (const attribute of attributes(view, payloadOffset + NFGENMSG_BYTES, end)) {
    const { type, offset, end: to } = attribute;
    if (type === NFQA_IFINDEX_INDEV) ifindex = attributeU32be(view, attribute) ?? 0;
    if (type !== NFQA_PAYLOAD) continue;
    const bytes = new Uint8Array(view.buffer, view.byteOffset + offset, to - offset).slice() as Uint8Array<ArrayBuffer>;
    return { bytes, ifindex };
  }
  return null;
}

const IPV6_HEADER_BYTES = 40;
const IPV4_HEADER_BYTES = 20;

/** Copies the address from which the packet came into `out`, and returns its length: 4, 16, or 0 where the queue brings no header. */
export function packetSource(view: DataView, payloadOffset: number, end: number, out: Uint8Array): number {
  const at = payloadStart(view, payloadOffset, end);
  if (at === 0) return 0;
  const v6 = view.getUint8(at) >> 4 === 6;
  if (copiedBytes(view, at) < (v6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES)) return 0;
  const length = v6 ? 16 : 4, from = at + (v6 ? 8 : 12);
  for (let i = 0; i < length; i++) out[i] = view.getUint8(from + i);
  return length;
}

/** Bytes of the packet from its IP header on, read from that header (RFC 791 3.1, RFC 8200 3); 0 where the queue brings none. */
export function packetIpLength(view: DataView, payloadOffset: number, end: number): number {
  const at = payloadStart(view, payloadOffset, end);
  if (at === 0 || copiedBytes(view, at) < 6) return 0;
  return view.getUint8(at) >> 4 === 6 ? IPV6_HEADER_BYTES + view.getUint16(at + 4) : view.getUint16(at + 2);
}

/** Where the packet begins, 0 where there is none. By hand, not by a generator: this is for each packet. */
function payloadStart(view: DataView, payloadOffset: number, end: number): number {
  for (let at = payloadOffset + NFGENMSG_BYTES; at + 4 <= end;) {
    const length = view.getUint16(at, true);
    if (length < 4) return 0;
    if ((view.getUint16(at + 2, true) & 0x3fff) === NFQA_PAYLOAD) {
      return length > NLA_HEADER_BYTES && at + length <= end ? at + NLA_HEADER_BYTES : 0;
    }
    at += (length + 3) & ~3;
  }
  return 0;
}

/** From the attribute's header, which stands before the packet. */
function copiedBytes(view: DataView, at: number): number {
  return view.getUint16(at - NLA_HEADER_BYTES, true) - NLA_HEADER_BYTES;
}
