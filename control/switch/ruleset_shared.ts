/**
 * Rules of a shared wire (ARCHITECTURE.md, "The shared wire"): a virtual MAC that both nodes hear and neither ever sends from. Pure.
 *
 * The kernel throws away what is for another station's MAC, so without these rules a node is deaf to the virtual one, and speaks of
 * its own in ARP and neighbour discovery: whoever flushes them leaves no second owner behind.
 */
import type { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { NFT_REG_1, NFT_REG_2 } from "../../kernel_ffi/nftables/constants.ts";
import { ACCEPT, DROP, goTo } from "../../kernel_ffi/nftables/data.ts";
import {
  countIn,
  equals,
  type Expression,
  forward,
  immediate,
  lookup,
  meta,
  payload,
  payloadWrite,
  payloadWriteChecked,
  queue,
  queueTarget,
  takeForOwn,
  verdict,
  verdictOf,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addCounter, addRule } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, flushSet, KEY_ETHER } from "../../kernel_ffi/nftables/set.ts";
import { addChain } from "../../kernel_ffi/nftables/table.ts";
import {
  ADVERTISEMENT,
  ARP,
  ARP_SENDER,
  FAMILIES,
  isIcmp6,
  KEY_OF,
  loadDestinationMac,
  MAC_BYTES,
  SOLICIT,
  SOLICITATION,
  SOURCE,
  WIRE_TEST,
} from "./ruleset_match.ts";
import {
  addressesOf,
  allSlots,
  GATE_TABLE,
  HOLD_TABLE,
  type InterfaceSpec,
  nameOf,
  type RulesetSpec,
  type SlotSpec,
} from "./ruleset_spec.ts";
import { alive } from "./ruleset_steps.ts";

/** Options of neighbour discovery (RFC 4861 4.6.1): the first one stands behind the target, its MAC two bytes on. */
const OPTION_OFFSET = 24;
const SOURCE_LINK_ADDRESS = 1;
const TARGET_LINK_ADDRESS = 2;
const ICMP6_CHECKSUM_OFFSET = 2;
/** Sender's hardware address (RFC 826). */
const ARP_SENDER_MAC_OFFSET = 8;
const MACS_MAX = 512;

/** Whether any group of this node has a shared wire: then both tables have a set of the MACs in whose shadow packets are kept. */
export function hasShared(spec: RulesetSpec): boolean {
  return allSlots(spec).some((slot) => slot.shared !== undefined);
}

/** The sets that rules of any slot name. */
export function planSharedSets(batch: NftBatch, spec: RulesetSpec): void {
  if (!hasShared(spec)) return;
  addSet(batch, GATE_TABLE, { name: nameOf.shadowed, key: KEY_ETHER, size: MACS_MAX });
}

/** Counters, sets and chains of a slot with a virtual MAC; before its entrance, whose chain must be there already. */
export function planSharedSlot(batch: NftBatch, slot: SlotSpec): void {
  if (slot.shared === undefined) return;
  const { slot: k } = slot;
  const rule = (chain: string, ...expressions: Expression[]) => addRule(batch, GATE_TABLE, chain, ...expressions);
  addCounter(batch, GATE_TABLE, nameOf.seen(k));
  for (const family of FAMILIES) addSet(batch, GATE_TABLE, { name: nameOf.virtual(family, k), key: KEY_OF[family] });
  fillVirtual(batch, slot);

  const heard = nameOf.heard(k);
  addChain(batch, GATE_TABLE, heard);
  rule(heard, countIn(nameOf.seen(k)), ...takeForOwn());
  rule(heard, ...WIRE_TEST, verdict(DROP));
  rule(heard, ...ARP, verdict(goTo(nameOf.ask(k))));
  rule(heard, ...SOLICITATION, verdict(goTo(nameOf.ask(k))));
  rule(heard, verdict(goTo(nameOf.entrance(k))));

  // What the old node of a switchover sends on; without a hold this node has, or had, each of these packets itself.
  const passed = nameOf.heardPassed(k);
  addChain(batch, GATE_TABLE, passed);
  rule(passed, ...takeForOwn());
  rule(passed, ...alive(nameOf.hold(k)), verdict(ACCEPT));
  rule(passed, verdict(DROP));
}

function fillVirtual(batch: NftBatch, slot: SlotSpec): void {
  for (const family of FAMILIES) {
    const addresses = addressesOf([slot], family);
    addElements(batch, GATE_TABLE, nameOf.virtual(family, slot.slot), addresses.map((key) => ({ key })));
  }
}

/** Whether the kernel speaks of the virtual MAC, or of the node's own as on any other wire. */
export function planVirtualMac(batch: NftBatch, slot: SlotSpec, on: boolean): void {
  for (const family of FAMILIES) flushSet(batch, GATE_TABLE, nameOf.virtual(family, slot.slot));
  if (on) fillVirtual(batch, slot);
}

/** At the entrance, without a lease: into the shadow, if the group has one now. */
export function planShadowEntry(batch: NftBatch, slot: SlotSpec): void {
  if (slot.shared === undefined) return;
  const inShadow = [loadDestinationMac, lookup(nameOf.shadowed)];
  addRule(batch, GATE_TABLE, nameOf.entrance(slot.slot), ...inShadow, verdict(ACCEPT));
}

/** Out again by the interface on which it came, to the MAC that says "passed on". The switch floods that one as well. */
export function planSharedOnward(batch: NftBatch, it: InterfaceSpec, slot: SlotSpec): void {
  if (slot.shared === undefined) return;
  const { mac, passedMac } = slot.shared;
  addRule(
    batch,
    GATE_TABLE,
    nameOf.onward(slot.slot),
    loadDestinationMac,
    equals(mac),
    countIn(nameOf.passed(slot.slot)),
    immediate(it.mac, NFT_REG_1),
    payloadWrite("link", 6, MAC_BYTES, NFT_REG_1),
    immediate(passedMac, NFT_REG_1),
    payloadWrite("link", 0, MAC_BYTES, NFT_REG_1),
    meta("iif", NFT_REG_2),
    forward(NFT_REG_2),
  );
}

/** First rule of an interface's ingress: frames for a virtual MAC have chains of their own. */
export function planVirtualMacs(batch: NftBatch, it: InterfaceSpec, ingress: string): void {
  const shared = it.slots.filter((slot) => slot.shared !== undefined);
  if (shared.length === 0) return;
  const map = nameOf.macs(it.name);
  addSet(batch, GATE_TABLE, { name: map, key: KEY_ETHER, verdicts: true });
  addElements(
    batch,
    GATE_TABLE,
    map,
    shared.flatMap((slot) => [
      { key: slot.shared!.mac, verdict: goTo(nameOf.heard(slot.slot)) },
      { key: slot.shared!.passedMac, verdict: goTo(nameOf.heardPassed(slot.slot)) },
    ]),
  );
  addRule(batch, GATE_TABLE, ingress, loadDestinationMac, verdictOf(map));
}

/** What leaves about the addresses speaks of the virtual MAC, whether the kernel or this program wrote it. The sender stays the node. */
export function planMacInPayload(batch: NftBatch, it: InterfaceSpec, egress: string): void {
  for (const { slot, shared } of it.slots) {
    if (shared === undefined) continue;
    const rule = (...expressions: Expression[]) => addRule(batch, GATE_TABLE, egress, ...expressions);
    const load = immediate(shared.mac, NFT_REG_1);
    const writeOption = payloadWriteChecked(OPTION_OFFSET + 2, MAC_BYTES, ICMP6_CHECKSUM_OFFSET);
    const option = (type: number) => [payload("transport", OPTION_OFFSET, 1), equals(new Uint8Array([type]))];
    const [own4, own6] = [lookup(nameOf.virtual(4, slot)), lookup(nameOf.virtual(6, slot))];
    rule(...ARP_SENDER, own4, load, payloadWrite("network", ARP_SENDER_MAC_OFFSET, MAC_BYTES));
    rule(...ADVERTISEMENT, own6, ...option(TARGET_LINK_ADDRESS), load, writeOption);
    rule(...SOURCE[6], own6, ...isIcmp6(SOLICIT), ...option(SOURCE_LINK_ADDRESS), load, writeOption);
  }
}

/** MACs instead of addresses: what is only routed through the pair does not carry an address of it. */
export function planSharedHold(batch: NftBatch, spec: RulesetSpec, isEthernet: readonly Expression[]): void {
  if (!hasShared(spec)) return;
  const intoQueue = spec.queueKind === "nft" ? queue : queueTarget;
  addSet(batch, HOLD_TABLE, {
    name: nameOf.heldMacs,
    key: KEY_ETHER,
    verdicts: true,
    timeouts: true,
    size: MACS_MAX,
  });
  addSet(batch, HOLD_TABLE, { name: nameOf.shadowed, key: KEY_ETHER, size: MACS_MAX });
  addChain(batch, HOLD_TABLE, nameOf.shadows);
  for (const { shared, queues } of allSlots(spec)) {
    if (shared === undefined) continue;
    // Nobody who listens: dropped, not served by a node that is not primary.
    const into = intoQueue(queues.shadow, false);
    addRule(batch, HOLD_TABLE, nameOf.shadows, loadDestinationMac, equals(shared.mac), into);
  }
  const rule = (...expressions: Expression[]) =>
    addRule(batch, HOLD_TABLE, nameOf.holdChain, ...isEthernet, loadDestinationMac, ...expressions);
  rule(verdictOf(nameOf.heldMacs));
  rule(lookup(nameOf.shadowed), verdict(goTo(nameOf.shadows)));
}

/** Holds the MACs of these slots and no others, as `planHeld` does with addresses. */
export function planHeldMacs(batch: NftBatch, slots: readonly SlotSpec[], timeoutMs: number): void {
  flushSet(batch, HOLD_TABLE, nameOf.heldMacs);
  const elements = slots.flatMap(({ shared, queues }) =>
    shared === undefined ? [] : [
      { key: shared.passedMac, verdict: goTo(nameOf.heldPassed(queues)), timeoutMs },
      { key: shared.mac, verdict: goTo(nameOf.heldDirect(queues)), timeoutMs },
    ]
  );
  addElements(batch, HOLD_TABLE, nameOf.heldMacs, elements);
}

/** Keeps what comes for these MACs, and for no others, in the shadow. Both tables in one transaction: let in is what is queued. */
export function planShadowed(batch: NftBatch, macs: readonly Uint8Array[]): void {
  for (const table of [HOLD_TABLE, GATE_TABLE]) {
    flushSet(batch, table, nameOf.shadowed);
    addElements(batch, table, nameOf.shadowed, macs.map((key) => ({ key })));
  }
}
