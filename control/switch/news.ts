/** What happens to this node's own network: links, addresses, rules. Told to the core in its words. */
import { ENODEV, ENOENT, KernelError } from "../../kernel_ffi/errno.ts";
import { sameBytes } from "../../kernel_ffi/address.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { type LinkChange, LinkMonitor, type Rtnetlink } from "../../kernel_ffi/rtnetlink.ts";
import { parseIp } from "../../kernel_ffi/address.ts";
import { leased } from "../core/group.ts";
import type { SwitchContext } from "./context.ts";
import type { Executor } from "./executor.ts";
import { lowerInterfaces } from "./lower_interfaces.ts";
import { applyWire } from "./wire_watch.ts";

const LO = "lo";

export class News {
  readonly monitor = new LinkMonitor();
  readonly #c: SwitchContext;
  readonly #executor: Executor;
  readonly #netlink: Rtnetlink;
  readonly #carrier = new Map<string, boolean>();
  /** Interface index of each path's local address, for its carrier; and names that are never gated. */
  readonly #pathInterface = new Map<number, string>();
  readonly #beneath: ReadonlySet<string>;

  constructor(context: SwitchContext, executor: Executor, netlink: Rtnetlink) {
    this.#c = context;
    this.#executor = executor;
    this.#netlink = netlink;
    this.#beneath = new Set(context.plan.interfaces.flatMap(lowerInterfaces));
  }

  /** Carrier as it is now, and which interface each path uses. At the start, and after news were lost. */
  refresh(): void {
    for (const link of this.#netlink.listLinks()) this.#link(link.index, link.name, link.carrier && link.up);
    for (const entry of this.#netlink.listAddresses()) {
      const path = this.#c.links.paths.find((one) => {
        const host = parseIp(one.local.host.split("%")[0]!);
        return host !== null && sameBytes(host, entry.address);
      });
      if (path === undefined) continue;
      this.#pathInterface.set(entry.ifindex, path.local.host);
      path.frame = this.#c.links.frames.findIndex((it) => it.socket.ifindex === entry.ifindex);
    }
  }

  read(): void {
    for (const change of this.monitor.read()) this.#change(change);
  }

  #change(change: LinkChange): void {
    if (change.kind === "lost") return this.refresh();
    if (change.kind === "addressGone") return this.#addressGone(change.address);
    this.#link(change.index, change.name, change.carrier && change.up);
    // Its sockets and rules are bound to what is gone; a new start finds whatever comes in its place.
    if (change.deleted && this.#c.plan.interfaces.includes(change.name)) {
      throw new KernelError(`service interface ${change.name}`, ENODEV);
    }
    if (!change.deleted) this.#gate(change.name);
  }

  #link(index: number, name: string, carrier: boolean): void {
    const known = this.#carrier.get(name);
    if (known === carrier) return;
    this.#carrier.set(name, carrier);
    const now = monotonicUs();
    const service = this.#c.plan.interfaces.indexOf(name);
    if (known !== undefined && (service >= 0 || this.#pathInterface.has(index))) this.#tellCarrier(name, carrier, now);
    if (service >= 0) this.#serviceCarrier(service, now);
    if (carrier) return;
    const host = this.#pathInterface.get(index);
    if (host !== undefined) {
      this.#executor.step(now, { kind: "hint", source: "carrier", reason: `no carrier on ${name} (path ${host})` });
    }
  }

  /** The kernel may tell of a carrier up to a second late (net/core/link_watch.c): after the switch that it would explain. */
  #tellCarrier(name: string, carrier: boolean, now: number): void {
    const text = `${carrier ? "carrier back" : "no carrier"} on ${name}`;
    this.#c.evidence.noteHint(text, now);
    this.#c.event("info", carrier ? "carrier-back" : "carrier-lost", text);
  }

  #serviceCarrier(service: number, now: number): void {
    for (const group of this.#c.plan.groups) {
      if ((group.links & (1 << service)) === 0) continue;
      const down = group.slots.map((slot) => this.#c.plan.interfaces[slot.interface]!).filter((name) =>
        this.#carrier.get(name) === false
      );
      this.#executor.step(now, {
        kind: "carrier",
        group: group.index,
        ok: down.length === 0,
        reason: `no carrier on ${down.join(", ")}: ${group.config.name} cannot be served here`,
      });
    }
  }

  /** An interface that appears must be mute about the addresses like all others. */
  #gate(name: string): void {
    if (name === LO || this.#c.plan.interfaces.includes(name) || this.#beneath.has(name) || this.#gated.has(name)) {
      return;
    }
    try {
      this.#c.rules.addInterface(name);
      this.#gated.add(name);
    } catch (error) {
      if (!(error instanceof KernelError && error.errno === ENOENT)) throw error;
    }
  }

  readonly #gated = new Set<string>();

  /** Names of all interfaces that the rules gate besides the service interfaces. */
  others(): readonly string[] {
    const names = this.#netlink.listLinks().map((link) => link.name).filter((name) =>
      name !== LO && !this.#c.plan.interfaces.includes(name) && !this.#beneath.has(name)
    );
    for (const name of names) this.#gated.add(name);
    return names;
  }

  /** Somebody took a virtual address away: back with it, wherever it belongs now. */
  #addressGone(address: Uint8Array): void {
    const slot = this.#c.plan.slots.find((one) => one.addresses.some((it) => sameBytes(it.bytes, address)));
    if (slot === undefined) return;
    const group = this.#c.node.groups[slot.group]!;
    this.#c.addresses.forget(slot);
    try {
      this.#c.addresses.restorePreloaded();
      if (leased(group)) this.#c.addresses.on(slot);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#c.event(
        "alarm",
        "address",
        `${group.name}: an address was taken away and cannot be put back: ${error.message}`,
        group.name,
      );
    }
  }

  /**
   * Somebody changed or flushed the rules. Lease and gate are put back first, without any lease in them; a node that spoke
   * until then finds itself fenced, and asks. The hold comes later (`mendHold`): the kernel may let it wait for 25 ms.
   */
  rulesTouched(): void {
    if (!this.#c.rules.readNotifications().ownTablesTouched || this.#c.rules.isIntact()) return;
    const spoke = this.#c.node.groups.filter(leased);
    const now = monotonicUs();
    this.#c.evidence.noteRules(now);
    try {
      this.#c.rules.installGate();
      this.#holdMissing = true;
      this.#c.shadow?.rulesGone(now);
      for (const group of this.#c.plan.groups) if (group.shared) applyWire(this.#c, group);
      this.#c.counters.rules_repaired++;
      const tookUs = Math.round(this.#c.rules.lastInstallUs);
      this.#c.event(
        "alarm",
        "rules-repaired",
        `another program removed segue's rules; the gate was put back in ${tookUs} µs`,
      );
      this.#executor.step(now, { kind: "rules", ok: true });
      this.#c.alarm("rules", null);
    } catch (error) {
      if (!(error instanceof KernelError)) throw error;
      this.#executor.step(now, { kind: "rules", ok: false });
      this.#c.alarm("rules", `segue's rules were removed and cannot be put back: ${error.message}`);
    }
    for (const group of spoke) {
      const reason = "another program removed the rules";
      this.#executor.step(monotonicUs(), { kind: "leaseLost", group: group.index, reason });
    }
  }

  /** The other half of a repair, at leisure: while this node serves nothing, or else its leases would feel the wait. */
  mendHold(): void {
    if (!this.#holdMissing || this.#c.node.groups.some((group) => group.role !== "standby")) return;
    this.#holdMissing = false;
    this.#c.rules.installHold();
  }

  #holdMissing = false;

  close(): void {
    this.monitor.close();
  }
}
