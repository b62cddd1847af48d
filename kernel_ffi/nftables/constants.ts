/** Numbers of nf_tables (linux/netfilter/nf_tables.h, nfnetlink.h, linux/netfilter.h). */

/** Family of a table (linux/netfilter.h). */
export const NFPROTO_INET = 1;
export const NFPROTO_IPV4 = 2;
export const NFPROTO_NETDEV = 5;
export const NFPROTO_IPV6 = 10;

export const NFNL_SUBSYS_NFTABLES = 10;
export const NFNL_MSG_BATCH_BEGIN = 0x10;
export const NFNL_MSG_BATCH_END = 0x11;
/** Multicast group of everything that changes in nf_tables. */
export const NFNLGRP_NFTABLES = 7;
/** sizeof(struct nfgenmsg): family, version, resource id. */
export const NFGENMSG_BYTES = 4;

export const NFT_MSG = {
  newTable: 0,
  getTable: 1,
  delTable: 2,
  newChain: 3,
  getChain: 4,
  delChain: 5,
  newRule: 6,
  getRule: 7,
  delRule: 8,
  newSet: 9,
  getSet: 10,
  delSet: 11,
  newElement: 12,
  getElement: 13,
  delElement: 14,
  newGeneration: 15,
  newObject: 18,
  getObject: 19,
  delObject: 20,
} as const;

/** Hooks of a netdev table (linux/netfilter.h). */
export const NF_NETDEV_INGRESS = 0;
export const NF_NETDEV_EGRESS = 1;
/** Hook of an inet, ip or ip6 table. */
export const NF_INET_PRE_ROUTING = 0;

export const NF_DROP = 0;
export const NF_ACCEPT = 1;
export const NFT_BREAK = -2;
export const NFT_JUMP = -3;
export const NFT_GOTO = -4;
export const NFT_RETURN = -5;

/** Registers of 16 bytes; the verdict register is 0. */
export const NFT_REG_VERDICT = 0;
export const NFT_REG_1 = 1;
export const NFT_REG_2 = 2;

/** Data type of a verdict map. */
export const NFT_DATA_VERDICT = 0xffff_ff00;
export const NFT_OBJECT_COUNTER = 1;

/** Bases of a payload expression. */
export const NFT_PAYLOAD_LL_HEADER = 0;
export const NFT_PAYLOAD_NETWORK_HEADER = 1;
export const NFT_PAYLOAD_TRANSPORT_HEADER = 2;

/** Keys of a meta expression. */
export const NFT_META_PROTOCOL = 1;
export const NFT_META_MARK = 3;
export const NFT_META_IIF = 4;
export const NFT_META_IIFTYPE = 8;
export const NFT_META_NFPROTO = 15;
export const NFT_META_L4PROTO = 16;
export const NFT_META_PKTTYPE = 19;

export const NFT_CMP_EQ = 0;
export const NFT_CMP_NEQ = 1;

export const NFT_DYNSET_OP_ADD = 0;
export const NFT_DYNSET_OP_UPDATE = 1;
export const NFT_DYNSET_OP_DELETE = 2;
