/**
 * Where the virtual addresses are. Always on `lo`, so that services can listen on them before they are needed and no kernel
 * answers for them even without rules; on the service interface only while this node is primary.
 */
import type { InterfaceAddress, Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import { type ChangedSysctl, withRestore } from "../../kernel_ffi/sysctl.ts";
import { lowerInterfaces } from "./lower_interfaces.ts";
import type { PlannedAddress, Slot, SwitchPlan } from "./plan.ts";

const LO = 1;

/** Prefix length of a single host. */
function hostPrefix(it: PlannedAddress): number {
  return it.family === 4 ? 32 : 128;
}

export class Addresses {
  readonly #netlink: Rtnetlink;
  readonly #plan: SwitchPlan;
  readonly #ifindex: readonly number[];
  readonly #changed: ChangedSysctl[] = [];
  /** Slots whose addresses were put on their interface ahead of the take. */
  readonly #ahead = new Set<Slot>();

  /** @param ifindex of each service interface of the plan */
  constructor(netlink: Rtnetlink, plan: SwitchPlan, ifindex: readonly number[]) {
    this.#netlink = netlink;
    this.#plan = plan;
    this.#ifindex = ifindex;
  }

  /** Preloads every address on `lo` and takes it off the service interfaces, where an earlier run may have left it. */
  preload(): void {
    // The parent of a macvlan hears broadcasts as well, and the gate does not stand there.
    for (const name of new Set([...this.#plan.interfaces, ...this.#plan.interfaces.flatMap(lowerInterfaces)])) {
      // Answer ARP only for what is on the asked interface itself, and never use a virtual address to ask with.
      this.#changed.push(withRestore(["ipv4", "conf", name, "arp_ignore"], 1));
      this.#changed.push(withRestore(["ipv4", "conf", name, "arp_announce"], 2));
    }
    for (const slot of this.#plan.slots) {
      this.off(slot);
      for (const it of slot.addresses) this.#add(LO, it, hostPrefix(it));
    }
  }

  /** Puts an address back that another program took off `lo`. */
  restorePreloaded(): void {
    for (const slot of this.#plan.slots) for (const it of slot.addresses) this.#add(LO, it, hostPrefix(it));
  }

  on(slot: Slot): void {
    // Asking the kernel again would wait for its lock again.
    if (this.#ahead.delete(slot)) return;
    for (const it of slot.addresses) this.#add(this.#ifindex[slot.interface]!, it, it.prefixLength);
  }

  /** The same, before the node may speak: the gate is shut, and the next `on` finds it done. */
  onAhead(slot: Slot): void {
    this.on(slot);
    this.#ahead.add(slot);
  }

  /** What `on` did last was for nothing yet: the next one finds it done. */
  keep(slot: Slot): void {
    this.#ahead.add(slot);
  }

  /** Another program has taken them away. */
  forget(slot: Slot): void {
    this.#ahead.delete(slot);
  }

  off(slot: Slot): void {
    this.#ahead.delete(slot);
    for (const it of slot.addresses) {
      this.#netlink.removeAddress({
        ifindex: this.#ifindex[slot.interface]!,
        address: it.bytes,
        prefixLength: it.prefixLength,
      });
    }
  }

  /** All places in which an address can be, in the order in which they are left: where the kernel answers for it first. */
  get places(): readonly InterfaceAddress[] {
    const all = this.#plan.slots.flatMap((slot) => slot.addresses.map((it) => ({ slot, it })));
    return [
      ...all.map(({ slot, it }) => ({
        ifindex: this.#ifindex[slot.interface]!,
        address: it.bytes,
        prefixLength: it.prefixLength,
      })),
      ...all.map(({ it }) => ({ ifindex: LO, address: it.bytes, prefixLength: hostPrefix(it) })),
    ];
  }

  /** Leaves the machine as it was found. */
  remove(): void {
    this.#ahead.clear();
    for (const place of this.places) this.#netlink.removeAddress(place);
    for (const change of this.#changed.splice(0)) change.restore();
  }

  #add(ifindex: number, it: PlannedAddress, prefixLength: number): void {
    // IPv6: no wait for duplicate address detection, which cannot succeed while the peer still speaks; and deprecated, or
    // this node would use the virtual address as source of its own connections.
    this.#netlink.addAddress({
      ifindex,
      address: it.bytes,
      prefixLength,
      nodad: it.family === 6,
      preferredLft0: it.family === 6,
    });
  }
}
