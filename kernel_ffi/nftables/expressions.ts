/**
 * The expressions of rules, as nft(8) and iptables-nft write them. Pure: an expression is a function that writes itself.
 * An expression that does not match ends its rule; the next rule goes on.
 */
import type { NetlinkWriter } from "../netlink.ts";
import {
  NFT_CMP_EQ,
  NFT_CMP_NEQ,
  NFT_DYNSET_OP_DELETE,
  NFT_DYNSET_OP_UPDATE,
  NFT_META_IIF,
  NFT_META_IIFTYPE,
  NFT_META_L4PROTO,
  NFT_META_MARK,
  NFT_META_NFPROTO,
  NFT_META_PKTTYPE,
  NFT_META_PROTOCOL,
  NFT_OBJECT_COUNTER,
  NFT_PAYLOAD_LL_HEADER,
  NFT_PAYLOAD_NETWORK_HEADER,
  NFT_PAYLOAD_TRANSPORT_HEADER,
  NFT_REG_1,
  NFT_REG_VERDICT,
} from "./constants.ts";
import { type Verdict, writeValue, writeVerdict } from "./data.ts";

export type Expression = (writer: NetlinkWriter) => void;

const NFTA_EXPR_NAME = 1;
const NFTA_EXPR_DATA = 2;

function expression(name: string, body: (w: NetlinkWriter) => void): Expression {
  return (w) => {
    w.string(NFTA_EXPR_NAME, name);
    w.nest(NFTA_EXPR_DATA, body);
  };
}

const META_KEYS = {
  protocol: NFT_META_PROTOCOL,
  mark: NFT_META_MARK,
  iif: NFT_META_IIF,
  iiftype: NFT_META_IIFTYPE,
  nfproto: NFT_META_NFPROTO,
  l4proto: NFT_META_L4PROTO,
} as const;

/** Loads what the kernel knows about a packet: `protocol` in the network's byte order, all else in the machine's. */
export function meta(key: keyof typeof META_KEYS, register: number = NFT_REG_1): Expression {
  return expression(
    "meta",
    (w) => w.u32be(/* NFTA_META_KEY */ 2, META_KEYS[key]).u32be(/* NFTA_META_DREG */ 1, register),
  );
}

/** PACKET_HOST of linux/if_packet.h. */
const FOR_THIS_HOST = new Uint8Array(1);

/**
 * Has the kernel take a unicast frame for one to this node, whatever MAC it is for: two expressions. At the ingress of a device
 * (netdev), before the IP layer throws away what is for other hosts.
 */
export function takeForOwn(): readonly Expression[] {
  return [
    immediate(FOR_THIS_HOST),
    expression(
      "meta",
      (w) => w.u32be(/* NFTA_META_KEY */ 2, NFT_META_PKTTYPE).u32be(/* NFTA_META_SREG */ 3, NFT_REG_1),
    ),
  ];
}

const BASES = {
  link: NFT_PAYLOAD_LL_HEADER,
  network: NFT_PAYLOAD_NETWORK_HEADER,
  transport: NFT_PAYLOAD_TRANSPORT_HEADER,
} as const;

/** Loads bytes of a packet. Ends the rule where the packet is shorter, or has no such header. */
export function payload(base: keyof typeof BASES, offset: number, length: number, register = NFT_REG_1): Expression {
  return expression("payload", (w) => {
    w.u32be(/* NFTA_PAYLOAD_DREG */ 1, register).u32be(/* NFTA_PAYLOAD_BASE */ 2, BASES[base]);
    w.u32be(/* NFTA_PAYLOAD_OFFSET */ 3, offset).u32be(/* NFTA_PAYLOAD_LEN */ 4, length);
  });
}

/** Writes a register into a packet. Mends no checksum: made for headers that have none. */
export function payloadWrite(
  base: keyof typeof BASES,
  offset: number,
  length: number,
  register = NFT_REG_1,
): Expression {
  return expression("payload", (w) => {
    w.u32be(/* NFTA_PAYLOAD_SREG */ 5, register).u32be(/* NFTA_PAYLOAD_BASE */ 2, BASES[base]);
    w.u32be(/* NFTA_PAYLOAD_OFFSET */ 3, offset).u32be(/* NFTA_PAYLOAD_LEN */ 4, length);
  });
}

/** The same into a transport header, whose checksum (of the Internet's kind, RFC 1071) at an even offset is mended. */
export function payloadWriteChecked(
  offset: number,
  length: number,
  checksum: number,
  register = NFT_REG_1,
): Expression {
  const INTERNET = 1;
  return expression("payload", (w) => {
    w.u32be(/* NFTA_PAYLOAD_SREG */ 5, register).u32be(/* NFTA_PAYLOAD_BASE */ 2, BASES.transport);
    w.u32be(/* NFTA_PAYLOAD_OFFSET */ 3, offset).u32be(/* NFTA_PAYLOAD_LEN */ 4, length);
    w.u32be(/* NFTA_PAYLOAD_CSUM_TYPE */ 6, INTERNET).u32be(/* NFTA_PAYLOAD_CSUM_OFFSET */ 7, checksum);
  });
}

function compare(operation: number, value: Uint8Array, register: number): Expression {
  return expression("cmp", (w) => {
    w.u32be(/* NFTA_CMP_SREG */ 1, register).u32be(/* NFTA_CMP_OP */ 2, operation);
    writeValue(w, /* NFTA_CMP_DATA */ 3, value);
  });
}

/** Goes on if the register starts with these bytes. */
export function equals(value: Uint8Array, register = NFT_REG_1): Expression {
  return compare(NFT_CMP_EQ, value, register);
}

/** Goes on unless the register starts with these bytes. */
export function differs(value: Uint8Array, register = NFT_REG_1): Expression {
  return compare(NFT_CMP_NEQ, value, register);
}

/** register = register & mask */
export function masked(mask: Uint8Array, register = NFT_REG_1): Expression {
  return expression("bitwise", (w) => {
    w.u32be(/* NFTA_BITWISE_SREG */ 1, register).u32be(/* NFTA_BITWISE_DREG */ 2, register);
    w.u32be(/* NFTA_BITWISE_OP */ 6, 0).u32be(/* NFTA_BITWISE_LEN */ 3, mask.length);
    writeValue(w, /* NFTA_BITWISE_MASK */ 4, mask);
    writeValue(w, /* NFTA_BITWISE_XOR */ 5, new Uint8Array(mask.length));
  });
}

/** Loads a constant. */
export function immediate(value: Uint8Array, register = NFT_REG_1): Expression {
  return expression("immediate", (w) => {
    w.u32be(/* NFTA_IMMEDIATE_DREG */ 1, register);
    writeValue(w, /* NFTA_IMMEDIATE_DATA */ 2, value);
  });
}

/** Ends the walk with a verdict. */
export function verdict(verdict: Verdict): Expression {
  return expression("immediate", (w) => {
    w.u32be(/* NFTA_IMMEDIATE_DREG */ 1, NFT_REG_VERDICT);
    writeVerdict(w, /* NFTA_IMMEDIATE_DATA */ 2, verdict);
  });
}

/** Goes on if the register is a living element of the set. */
export function lookup(set: string, register = NFT_REG_1): Expression {
  return expression("lookup", (w) => w.u32be(/* NFTA_LOOKUP_SREG */ 2, register).string(/* NFTA_LOOKUP_SET */ 1, set));
}

/** Takes the verdict that a verdict map has for the register; goes on with the next rule if it has none. */
export function verdictOf(map: string, register = NFT_REG_1): Expression {
  return expression("lookup", (w) => {
    w.u32be(/* NFTA_LOOKUP_SREG */ 2, register).u32be(/* NFTA_LOOKUP_DREG */ 3, NFT_REG_VERDICT);
    w.string(/* NFTA_LOOKUP_SET */ 1, map);
  });
}

function dynset(
  operation: number,
  set: string,
  register: number,
  timeoutMs: number | null,
  each?: Expression,
): Expression {
  return expression("dynset", (w) => {
    w.u32be(/* NFTA_DYNSET_SREG_KEY */ 4, register).u32be(/* NFTA_DYNSET_OP */ 3, operation);
    if (timeoutMs !== null) w.u64be(/* NFTA_DYNSET_TIMEOUT */ 6, timeoutMs);
    w.string(/* NFTA_DYNSET_SET_NAME */ 1, set);
    if (each !== undefined) w.nest(/* NFTA_DYNSET_EXPR */ 7, each);
  });
}

/** A counter of its own, from zero. */
const counter = expression("counter", () => {});

/** Adds the register to the set, or gives it a new time-out if it is there. Ends the rule if the set is full. */
export function update(set: string, timeoutMs: number, register = NFT_REG_1): Expression {
  return dynset(NFT_DYNSET_OP_UPDATE, set, register, timeoutMs);
}

/** The same, and counts in the element what has come for it. */
export function updateCounting(set: string, timeoutMs: number, register = NFT_REG_1): Expression {
  return dynset(NFT_DYNSET_OP_UPDATE, set, register, timeoutMs, counter);
}

/** Removes the register from the set, and goes on whether or not it was there. */
export function remove(set: string, register = NFT_REG_1): Expression {
  return dynset(NFT_DYNSET_OP_DELETE, set, register, null);
}

/** Counts in a named counter of the table. */
export function countIn(counter: string): Expression {
  return expression("objref", (w) => {
    w.u32be(/* NFTA_OBJREF_IMM_TYPE */ 1, NFT_OBJECT_COUNTER);
    w.bytesAttribute(/* NFTA_OBJREF_IMM_NAME */ 2, new TextEncoder().encode(counter));
  });
}

/** Sends the packet out by the interface whose index is in the register; a verdict. netdev tables only. */
export function forward(register = NFT_REG_1): Expression {
  return expression("fwd", (w) => w.u32be(/* NFTA_FWD_SREG_DEV */ 1, register));
}

/** Puts the packet into an NFQUEUE; without `bypass` it is dropped where nobody listens. A verdict. Needs CONFIG_NFT_QUEUE. */
export function queue(number: number, bypass = true): Expression {
  const BYPASS = bypass ? 1 : 0;
  return expression("queue", (w) => {
    w.u16be(/* NFTA_QUEUE_NUM */ 1, number).u16be(/* NFTA_QUEUE_TOTAL */ 2, 1);
    w.u16be(/* NFTA_QUEUE_FLAGS */ 3, BYPASS);
  });
}

/** The same by the target of iptables (linux/netfilter/xt_NFQUEUE.h, struct xt_NFQ_info_v3). Needs CONFIG_NFT_COMPAT. */
export function queueTarget(number: number, bypass = true): Expression {
  const BYPASS = bypass ? 1 : 0;
  const REVISION = 3;
  // u16 queue, u16 how many, u16 flags in the machine's byte order; XT_ALIGN pads to eight.
  const info = new Uint8Array(new Uint16Array([number, 1, BYPASS, 0]).buffer);
  return expression("target", (w) => {
    w.string(/* NFTA_TARGET_NAME */ 1, "NFQUEUE").u32be(/* NFTA_TARGET_REV */ 2, REVISION);
    w.bytesAttribute(/* NFTA_TARGET_INFO */ 3, info);
  });
}
