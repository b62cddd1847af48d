/**
 * The hold: packets to held addresses wait in two queues of their group, apart by whether the peer passed them on. What is held stands in maps whose
 * lookup is all that a packet costs while nothing is, however many groups there are. Pure.
 */
import type { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { NF_INET_PRE_ROUTING, NFPROTO_IPV4, NFPROTO_IPV6 } from "../../kernel_ffi/nftables/constants.ts";
import { ACCEPT, goTo } from "../../kernel_ffi/nftables/data.ts";
import {
  equals,
  type Expression,
  lookup,
  meta,
  payload,
  queue,
  queueTarget,
  verdict,
  verdictOf,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, flushSet, KEY_ETHER, KEY_IPV4, KEY_IPV6 } from "../../kernel_ffi/nftables/set.ts";
import { addChain } from "../../kernel_ffi/nftables/table.ts";
import { planHeldMacs, planSharedHold } from "./ruleset_shared.ts";
import { addressesOf, allQueues, HOLD_TABLE, nameOf, type RulesetSpec, type SlotSpec } from "./ruleset_spec.ts";

/** Before connection tracking (-200), raw rules (-300) and reassembly (-400): held packets are as they came. */
const PRIORITY = -450;
const HELD_MAX = 4096;

/** The loopback interface has this index in every network namespace (net/net_namespace.h, LOOPBACK_IFINDEX). */
const LOOPBACK = new Uint8Array(new Uint32Array([1]).buffer);
/** ARPHRD_ETHER */
const ETHERNET = new Uint8Array(new Uint16Array([1]).buffer);

const isFamily = (family: number) => [meta("nfproto"), equals(new Uint8Array([family]))];
const intoQueues = {
  4: [...isFamily(NFPROTO_IPV4), payload("network", 16, 4), verdictOf(nameOf.held(4))],
  6: [...isFamily(NFPROTO_IPV6), payload("network", 24, 16), verdictOf(nameOf.held(6))],
} as const;
const FAMILIES = [4, 6] as const;
const KEY_OF = { 4: KEY_IPV4, 6: KEY_IPV6 } as const;
const isEthernet = [meta("iiftype"), equals(ETHERNET)];
const fromPeer = [...isEthernet, payload("link", 6, 6), lookup(nameOf.peers)];

/** Maps and rules of the hold. */
export function planHold(batch: NftBatch, spec: RulesetSpec): void {
  for (const family of FAMILIES) {
    const name = nameOf.held(family);
    addSet(batch, HOLD_TABLE, { name, key: KEY_OF[family], verdicts: true, timeouts: true, size: HELD_MAX });
  }
  addSet(batch, HOLD_TABLE, { name: nameOf.peers, key: KEY_ETHER });
  addPeers(batch, spec);
  planQueues(batch, spec);
  const chain = nameOf.holdChain;
  addChain(batch, HOLD_TABLE, chain, { hook: NF_INET_PRE_ROUTING, priority: PRIORITY });
  const rule = (...expressions: Expression[]) => addRule(batch, HOLD_TABLE, chain, ...expressions);
  // What the node says to itself waits for nobody.
  rule(meta("iif"), equals(LOOPBACK), verdict(ACCEPT));
  planSharedHold(batch, spec, isEthernet);
  for (const family of FAMILIES) rule(...intoQueues[family]);
}

/** Chains that lead into each group's queues, and that end in them. */
function planQueues(batch: NftBatch, spec: RulesetSpec): void {
  const intoQueue = spec.queueKind === "nft" ? queue : queueTarget;
  const chain = (name: string, ...rules: Expression[][]) => {
    addChain(batch, HOLD_TABLE, name);
    for (const rule of rules) addRule(batch, HOLD_TABLE, name, ...rule);
  };
  for (const queues of allQueues(spec)) {
    for (const number of [queues.passed, queues.direct]) chain(nameOf.queue(number), [intoQueue(number)]);
    const passed = verdict(goTo(nameOf.queue(queues.passed))), direct = verdict(goTo(nameOf.queue(queues.direct)));
    chain(nameOf.heldEither(queues), [...fromPeer, passed], [direct]);
    chain(nameOf.heldPassed(queues), [passed]);
    chain(nameOf.heldDirect(queues), [direct]);
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
 * Holds what is for these slots and for no others from now on, for at most `timeoutMs`. A plain re-add would keep the old time-out:
 * the maps are emptied and filled in one transaction, between which no packet slips through.
 * @param shared whether the node has a shared wire
 */
export function planHeld(batch: NftBatch, slots: readonly SlotSpec[], timeoutMs: number, shared: boolean): void {
  for (const family of FAMILIES) {
    flushSet(batch, HOLD_TABLE, nameOf.held(family));
    const elements = slots.flatMap((slot) =>
      addressesOf([slot], family).map((key) => ({ key, verdict: goTo(nameOf.heldEither(slot.queues)), timeoutMs }))
    );
    addElements(batch, HOLD_TABLE, nameOf.held(family), elements);
  }
  if (shared) planHeldMacs(batch, slots, timeoutMs);
}
