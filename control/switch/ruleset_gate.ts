/**
 * The gate: what may come in and go out as, to and about the addresses of a node, on each of its interfaces. Pure.
 *
 * Nothing here touches a packet that is not about one of the addresses, and nothing but the pass changes any.
 */
import type { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { NF_NETDEV_EGRESS, NF_NETDEV_INGRESS, NFT_REG_1, NFT_REG_2 } from "../../kernel_ffi/nftables/constants.ts";
import { ACCEPT, DROP, goTo } from "../../kernel_ffi/nftables/data.ts";
import {
  countIn,
  differs,
  equals,
  type Expression,
  forward,
  immediate,
  lookup,
  meta,
  payloadWrite,
  updateCounting,
  verdict,
  verdictOf,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addCounter, addRule, flushChain } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet } from "../../kernel_ffi/nftables/set.ts";
import { addChain } from "../../kernel_ffi/nftables/table.ts";
import {
  addressesOf,
  allSlots,
  GATE_TABLE,
  type InterfaceSpec,
  nameOf,
  type RulesetSpec,
  type SlotSpec,
  STRAY_TIMEOUT_MS,
  STRAYS_MAX,
} from "./ruleset_spec.ts";
import {
  ADVERTISEMENT,
  ARP_SENDER,
  ARP_TARGET,
  DESTINATION,
  FAMILIES,
  KEY_OF,
  loadDestinationMac,
  loadSourceMac,
  MAC_BYTES,
  SOLICITATION,
  SOURCE,
} from "./ruleset_match.ts";
import {
  planMacInPayload,
  planShadowEntry,
  planSharedOnward,
  planSharedSlot,
  planVirtualMacs,
} from "./ruleset_shared.ts";
import { alive, planStepEntry } from "./ruleset_steps.ts";

/** The gate is the first to see what comes in and the last to see what goes out: a refreshed lease has left. */
const INGRESS_PRIORITY = -500;
const EGRESS_PRIORITY = 500;

/** Counters and chains of a slot. */
export function planSlotGate(batch: NftBatch, it: InterfaceSpec, slot: SlotSpec): void {
  const { slot: k } = slot;
  for (const counter of [nameOf.passed(k), nameOf.served(k), nameOf.dropped(k), nameOf.muted(k)]) {
    addCounter(batch, GATE_TABLE, counter);
  }
  for (const [chain, counter] of [[nameOf.gate(k), nameOf.muted(k)], [nameOf.ask(k), nameOf.dropped(k)]] as const) {
    addChain(batch, GATE_TABLE, chain);
    addRule(batch, GATE_TABLE, chain, ...alive(nameOf.lease(k)), verdict(ACCEPT));
    addRule(batch, GATE_TABLE, chain, countIn(counter), verdict(DROP));
  }
  planStrays(batch, k);
  addChain(batch, GATE_TABLE, nameOf.onward(k));
  addChain(batch, GATE_TABLE, nameOf.entrance(k));
  planEntranceRules(batch, it, slot);
  planSharedSlot(batch, slot);
}

/** Writes down who sends here what another node serves: a neighbour that has not learnt of the move, or cannot. */
function planStrays(batch: NftBatch, slot: number): void {
  addChain(batch, GATE_TABLE, nameOf.strays(slot));
  for (const family of FAMILIES) {
    const set = nameOf.strayed(family, slot);
    addSet(batch, GATE_TABLE, { name: set, key: KEY_OF[family], timeouts: true, dynamic: true, size: STRAYS_MAX });
    addRule(batch, GATE_TABLE, nameOf.strays(slot), ...SOURCE[family], updateCounting(set, STRAY_TIMEOUT_MS));
  }
}

/** Writes the rules at the entrance of all slots of an interface anew, after the peer's MAC has become known. */
export function planEntrances(batch: NftBatch, it: InterfaceSpec): void {
  for (const slot of it.slots) {
    flushChain(batch, GATE_TABLE, nameOf.entrance(slot.slot));
    flushChain(batch, GATE_TABLE, nameOf.onward(slot.slot));
    planEntranceRules(batch, it, slot);
  }
}

function planEntranceRules(batch: NftBatch, it: InterfaceSpec, spec: SlotSpec): void {
  const { slot } = spec;
  const rule = (...expressions: Expression[]) => addRule(batch, GATE_TABLE, nameOf.entrance(slot), ...expressions);
  const noteStray = jump(nameOf.strays(slot));
  rule(...alive(nameOf.hold(slot)), verdict(ACCEPT));
  if (it.peerMac !== null || spec.shared !== undefined) rule(...alive(nameOf.pass(slot)), jump(nameOf.onward(slot)));
  planSharedOnward(batch, it, spec);
  if (it.peerMac !== null) {
    const onward = (...expressions: Expression[]) => addRule(batch, GATE_TABLE, nameOf.onward(slot), ...expressions);
    onward(...notFrom(it.mac, it.peerMac), noteStray);
    onward(...notFrom(it.mac, it.peerMac), ...passOn(it.mac, it.peerMac, slot));
  }
  rule(...alive(nameOf.lease(slot)), countIn(nameOf.served(slot)), verdict(ACCEPT));
  planShadowEntry(batch, spec);
  rule(...notFrom(it.mac, it.peerMac), noteStray);
  rule(countIn(nameOf.dropped(slot)), verdict(DROP));
}

/** Sent to this node, and not by the peer, if that is known. */
function notFrom(own: Uint8Array, peer: Uint8Array | null): readonly Expression[] {
  const toOwn = [loadDestinationMac, equals(own)];
  return peer === null ? toOwn : [...toOwn, loadSourceMac, differs(peer)];
}

function jump(chain: string): Expression {
  return verdict({ kind: "jump", chain });
}

/**
 * To the peer, by the interface on which it came. What the peer itself passed on stays: the two would play ping-pong,
 * for this lowers no TTL. Our own source address: a switch would else learn the client's port wrongly.
 */
function passOn(own: Uint8Array, peer: Uint8Array, slot: number): readonly Expression[] {
  return [
    countIn(nameOf.passed(slot)),
    immediate(own, NFT_REG_1),
    payloadWrite("link", 6, MAC_BYTES, NFT_REG_1),
    immediate(peer, NFT_REG_1),
    payloadWrite("link", 0, MAC_BYTES, NFT_REG_1),
    meta("iif", NFT_REG_2),
    forward(NFT_REG_2),
  ];
}

/** Maps from every address of the node to the chain that decides on it. */
export function planAddressMaps(batch: NftBatch, spec: RulesetSpec): void {
  for (const family of FAMILIES) {
    addressMap(batch, nameOf.from(family), family, allSlots(spec), (slot) => nameOf.gate(slot));
    addressMap(batch, nameOf.asked(family), family, allSlots(spec), (slot) => nameOf.ask(slot));
  }
}

function addressMap(
  batch: NftBatch,
  name: string,
  family: 4 | 6,
  slots: readonly SlotSpec[],
  chainOf: (slot: number) => string,
): void {
  addSet(batch, GATE_TABLE, { name, key: KEY_OF[family], verdicts: true });
  const elements = slots.flatMap((slot) =>
    addressesOf([slot], family).map((key) => ({ key, verdict: goTo(chainOf(slot.slot)) }))
  );
  addElements(batch, GATE_TABLE, name, elements);
}

/** Both base chains of a service interface. */
export function planServiceInterface(batch: NftBatch, spec: RulesetSpec, it: InterfaceSpec): void {
  const own = new Set(it.slots.map(({ slot }) => slot));
  const foreign = allSlots(spec).filter(({ slot }) => !own.has(slot));
  const { egress, ingress } = addBaseChains(batch, it.name);
  planStepEntry(batch, egress, it.name);
  planVirtualMacs(batch, it, ingress);
  planSilence(batch, it.name, foreign);
  planMacInPayload(batch, it, egress);
  planExit(batch, egress, spec);
  addRule(batch, GATE_TABLE, egress, ...ARP_SENDER, verdictOf(nameOf.from(4)));
  addRule(batch, GATE_TABLE, egress, ...ADVERTISEMENT, verdictOf(nameOf.from(6)));

  for (const family of FAMILIES) {
    const map = nameOf.to(family, it.name);
    const chainOf = (slot: number) => own.has(slot) ? nameOf.entrance(slot) : nameOf.ask(slot);
    addressMap(batch, map, family, allSlots(spec), chainOf);
    addRule(batch, GATE_TABLE, ingress, ...DESTINATION[family], verdictOf(map));
  }
  addRule(batch, GATE_TABLE, ingress, ...ARP_TARGET, verdictOf(nameOf.asked(4)));
  addRule(batch, GATE_TABLE, ingress, ...SOLICITATION, verdictOf(nameOf.asked(6)));
}

/**
 * Both base chains of an interface on which none of the addresses live: never a word about them, and packets from and
 * to them with the lease only. May be planned again for an interface that came back.
 */
export function planOtherInterface(batch: NftBatch, spec: RulesetSpec, device: string): void {
  const { egress, ingress } = addBaseChains(batch, device);
  // The chains of an interface that went away may be there still (kernel 6.16 and later) or not.
  flushChain(batch, GATE_TABLE, egress);
  flushChain(batch, GATE_TABLE, ingress);
  planSilence(batch, device, allSlots(spec));
  planExit(batch, egress, spec);
  for (const family of FAMILIES) {
    addRule(batch, GATE_TABLE, ingress, ...DESTINATION[family], verdictOf(nameOf.asked(family)));
  }
}

function addBaseChains(batch: NftBatch, device: string): { egress: string; ingress: string } {
  const egress = nameOf.egress(device);
  const ingress = nameOf.ingress(device);
  addChain(batch, GATE_TABLE, egress, { hook: NF_NETDEV_EGRESS, priority: EGRESS_PRIORITY, device });
  addChain(batch, GATE_TABLE, ingress, { hook: NF_NETDEV_INGRESS, priority: INGRESS_PRIORITY, device });
  return { egress, ingress };
}

/** IP packets leave as an address with its lease only. */
function planExit(batch: NftBatch, chain: string, spec: RulesetSpec): void {
  for (const family of FAMILIES) {
    if (addressesOf(allSlots(spec), family).length === 0) continue;
    addRule(batch, GATE_TABLE, chain, ...SOURCE[family], verdictOf(nameOf.from(family)));
  }
}

/** No ARP and no neighbour discovery about addresses of other interfaces, neither in nor out. */
function planSilence(batch: NftBatch, device: string, slots: readonly SlotSpec[]): void {
  const subjects = { 4: [ARP_SENDER, ARP_TARGET], 6: [SOLICITATION, ADVERTISEMENT] };
  for (const family of FAMILIES) {
    const addresses = addressesOf(slots, family);
    if (addresses.length === 0) continue;
    const set = nameOf.silent(family, device);
    addSet(batch, GATE_TABLE, { name: set, key: KEY_OF[family] });
    addElements(batch, GATE_TABLE, set, addresses.map((key) => ({ key })));
    for (const chain of [nameOf.egress(device), nameOf.ingress(device)]) {
      for (const subject of subjects[family]) addRule(batch, GATE_TABLE, chain, ...subject, lookup(set), verdict(DROP));
    }
  }
}
