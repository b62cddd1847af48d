/** What the configuration means for one node: interfaces, slots, links. Pure. */
import type { Endpoint, GroupConfig, PairConfig, VirtualAddress } from "../../config/model.ts";
import { parseIp } from "../../kernel_ffi/address.ts";
import { type VirtualMacs, virtualMacs } from "./virtual_mac.ts";

export interface PlannedAddress {
  readonly text: string;
  readonly bytes: Uint8Array;
  readonly prefixLength: number;
  readonly family: 4 | 6;
}

/** The lease of one group on one service interface. */
export interface Slot {
  /** 1…255, the same on both nodes. */
  readonly id: number;
  readonly group: number;
  /** Index into `SwitchPlan.interfaces`. */
  readonly interface: number;
  readonly addresses: readonly PlannedAddress[];
  /** Of a group with a shared wire. */
  readonly virtual?: VirtualMacs;
}

export interface PlannedGroup {
  readonly config: GroupConfig;
  readonly index: number;
  /** Both nodes hear its packets (ARCHITECTURE.md, "The shared wire"). */
  readonly shared: boolean;
  readonly slots: readonly Slot[];
  /** Bit i: the group has addresses on service interface i. */
  readonly links: number;
}

export interface SwitchPlan {
  readonly self: number;
  readonly name: string;
  readonly peerName: string;
  /** Names of the service interfaces, in the order of the configuration: the same on both nodes. */
  readonly interfaces: readonly string[];
  readonly groups: readonly PlannedGroup[];
  readonly slots: readonly Slot[];
  readonly paths: readonly { readonly local: Endpoint; readonly remote: Endpoint }[];
}

/** @throws RangeError if the pair has no node of this name; the configuration itself has been checked */
export function planSwitch(config: PairConfig, nodeName: string): SwitchPlan {
  const self = config.nodes.findIndex((node) => node.name === nodeName);
  if (self < 0) {
    throw new RangeError(`find node ${nodeName}: the pair has ${config.nodes.map((node) => node.name).join(" and ")}`);
  }
  const own = config.nodes[self]!, peer = config.nodes[1 - self]!;
  const interfaces = [...new Set(config.groups.flatMap((group) => group.addresses.map((it) => it.interface)))];
  let nextSlot = 1;
  const groups = config.groups.map((group, index) => {
    const shared = group.wire === "shared";
    const names = [...new Set(group.addresses.map((it) => it.interface))];
    const slots = names.map((name): Slot => ({
      id: nextSlot++,
      group: index,
      interface: interfaces.indexOf(name),
      addresses: group.addresses.filter((it) => it.interface === name).map(planAddress),
      ...(shared ? { virtual: virtualMacs(config.pair.name, group.name, name, group.shared.mac) } : {}),
    }));
    return {
      config: group,
      index,
      shared,
      slots,
      links: slots.reduce((bits, slot) => bits | (1 << slot.interface), 0),
    };
  });
  return {
    self,
    name: own.name,
    peerName: peer.name,
    interfaces,
    groups,
    slots: groups.flatMap((group) => group.slots),
    paths: own.paths.map((local, i) => ({ local, remote: peer.paths[i]! })),
  };
}

function planAddress(it: VirtualAddress): PlannedAddress {
  return { text: it.address, bytes: parseIp(it.address)!, prefixLength: it.prefixLength, family: it.family };
}

export function bytesOf(addresses: readonly PlannedAddress[], family: 4 | 6): readonly Uint8Array[] {
  return addresses.filter((it) => it.family === family).map((it) => it.bytes);
}
