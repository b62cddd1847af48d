/** The hold: packets to held addresses wait in two queues, apart by whether the peer passed them on. Pure. */
import type { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { NF_INET_PRE_ROUTING, NFPROTO_IPV4, NFPROTO_IPV6 } from "../../kernel_ffi/nftables/constants.ts";
import { ACCEPT } from "../../kernel_ffi/nftables/data.ts";
import {
  equals,
  type Expression,
  lookup,
  meta,
  payload,
  queue,
  queueTarget,
  verdict,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, flushSet, KEY_ETHER, KEY_IPV4, KEY_IPV6 } from "../../kernel_ffi/nftables/set.ts";
import { addChain } from "../../kernel_ffi/nftables/table.ts";
import { planSharedHold } from "./ruleset_shared.ts";
import { HOLD_TABLE, nameOf, QUEUE_DIRECT, QUEUE_PASSED, type RulesetSpec } from "./ruleset_spec.ts";

/** Before connection tracking (-200), raw rules (-300) and reassembly (-400): held packets are as they came. */
const PRIORITY = -450;
const HELD_SET_SIZE = 4096;

/** The loopback interface has this index in every network namespace (net/net_namespace.h, LOOPBACK_IFINDEX). */
const LOOPBACK = new Uint8Array(new Uint32Array([1]).buffer);
/** ARPHRD_ETHER */
const ETHERNET = new Uint8Array(new Uint16Array([1]).buffer);

const isFamily = (family: number) => [meta("nfproto"), equals(new Uint8Array([family]))];
const toHeld = {
  4: [...isFamily(NFPROTO_IPV4), payload("network", 16, 4), lookup(nameOf.held(4))],
  6: [...isFamily(NFPROTO_IPV6), payload("network", 24, 16), lookup(nameOf.held(6))],
} as const;
const isEthernet = [meta("iiftype"), equals(ETHERNET)];
const fromPeer = [...isEthernet, payload("link", 6, 6), lookup(nameOf.peers)];

/** Sets and rules of the hold. */
export function planHold(batch: NftBatch, spec: RulesetSpec): void {
  const intoQueue = spec.queueKind === "nft" ? queue : queueTarget;
  addSet(batch, HOLD_TABLE, { name: nameOf.held(4), key: KEY_IPV4, timeouts: true, size: HELD_SET_SIZE });
  addSet(batch, HOLD_TABLE, { name: nameOf.held(6), key: KEY_IPV6, timeouts: true, size: HELD_SET_SIZE });
  addSet(batch, HOLD_TABLE, { name: nameOf.peers, key: KEY_ETHER });
  addPeers(batch, spec);
  const chain = nameOf.holdChain;
  addChain(batch, HOLD_TABLE, chain, { hook: NF_INET_PRE_ROUTING, priority: PRIORITY });
  const rule = (...expressions: Expression[]) => addRule(batch, HOLD_TABLE, chain, ...expressions);
  // What the node says to itself waits for nobody.
  rule(meta("iif"), equals(LOOPBACK), verdict(ACCEPT));
  planSharedHold(batch, spec, isEthernet);
  for (const family of [4, 6] as const) {
    rule(...toHeld[family], ...fromPeer, intoQueue(QUEUE_PASSED));
    rule(...toHeld[family], intoQueue(QUEUE_DIRECT));
  }
}

/** Writes down anew which MACs are the peer's. */
export function planPeers(batch: NftBatch, spec: RulesetSpec): void {
  flushSet(batch, HOLD_TABLE, nameOf.peers);
  addPeers(batch, spec);
}

function addPeers(batch: NftBatch, spec: RulesetSpec): void {
  const macs = new Map<string, Uint8Array>();
  for (const { peerMac } of spec.interfaces) if (peerMac !== null) macs.set(peerMac.join(), peerMac);
  addElements(batch, HOLD_TABLE, nameOf.peers, [...macs.values()].map((key) => ({ key })));
}

/**
 * Holds these addresses and no others from now on, for at most `timeoutMs`. A plain re-add would keep the old time-out:
 * the sets are emptied and filled in one transaction, between which no packet slips through.
 */
export function planHeld(
  batch: NftBatch,
  addresses: { readonly v4: readonly Uint8Array[]; readonly v6: readonly Uint8Array[] },
  timeoutMs: number,
): void {
  for (const [family, keys] of [[4, addresses.v4], [6, addresses.v6]] as const) {
    flushSet(batch, HOLD_TABLE, nameOf.held(family));
    addElements(batch, HOLD_TABLE, nameOf.held(family), keys.map((key) => ({ key, timeoutMs })));
  }
}
