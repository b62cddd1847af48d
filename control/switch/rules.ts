/** The kernel rules of this node: put in, watched, read and taken away. */
import { EEXIST, ENOBUFS, ENOENT, KernelError } from "../../kernel_ffi/errno.ts";
import { interfaceIndex, monotonicUs } from "../../kernel_ffi/libc.ts";
import { messages, viewOf } from "../../kernel_ffi/netlink.ts";
import type { NetlinkSocket } from "../../kernel_ffi/netlink_socket.ts";
import { NftBatch, type TableRef } from "../../kernel_ffi/nftables/batch.ts";
import {
  type ChainInfo,
  type CountedElement,
  decodeChain,
  decodeCountedElements,
  decodeCounter,
  decodeExpiration,
  decodeNotifiedTable,
  encodeGetChains,
  encodeGetCounters,
  encodeGetElement,
  encodeGetElements,
  encodeGetTable,
} from "../../kernel_ffi/nftables/query.ts";
import { commit, openNftables, openNftablesMonitor } from "../../kernel_ffi/nftables/socket.ts";
import {
  planAddInterface,
  planGateTable,
  planHoldTable,
  planLeaseMs,
  planPeerMac,
  planRemoval,
  withPeerMac,
} from "./ruleset.ts";
import { planHeld } from "./ruleset_hold.ts";
import { hasShared, planShadowed, planVirtualMac } from "./ruleset_shared.ts";
import { allSlots, GATE_TABLE, heldChains, HOLD_TABLE, nameOf, OWN_TABLES, type RulesetSpec } from "./ruleset_spec.ts";
import { LEASE_KEY } from "./ruleset_steps.ts";

/** Packets of a slot since this object was made. */
export interface SlotCounters {
  readonly passed: number;
  readonly served: number;
  readonly dropped: number;
  readonly muted: number;
  /** Frames for the virtual MAC, whatever became of them; 0 without a shared wire. */
  readonly seen: number;
}

type CounterName = keyof SlotCounters;
const NOTIFICATION_BYTES = 1 << 16;

/**
 * One per process, used by one thread, in the network namespace in which it was made. Methods that change rules do so
 * in one transaction and throw `KernelError` if the kernel refuses; then nothing has changed.
 */
export class KernelRules {
  /** What the last `install` took, in microseconds. */
  lastInstallUs = 0;
  #spec: RulesetSpec;
  /** Ready for a repair after somebody's flush: planning takes longer than the kernel needs. */
  #freshGate: NftBatch;
  #freshHold: NftBatch;
  readonly #socket: NetlinkSocket;
  readonly #monitor: NetlinkSocket;
  readonly #batch = new NftBatch();
  readonly #notifications = new Uint8Array(new ArrayBuffer(NOTIFICATION_BYTES));
  readonly #notificationView = viewOf(this.#notifications);
  readonly #leaseQuestions = new Map<number, Uint8Array<ArrayBuffer>>();
  /** What counters had counted before rules were put back; they start at zero then. */
  readonly #countedBefore = new Map<string, number>();
  /** Chains as they were after the last change by this object, by table and name. */
  #chains = new Map<string, ChainInfo>();
  #leftMs: number | null = null;
  readonly #shared: boolean;
  #onGate: ((gate: Uint8Array) => void) | null = null;

  constructor(spec: RulesetSpec) {
    this.#spec = spec;
    this.#shared = hasShared(spec);
    this.#freshGate = planGateTable(spec, true);
    this.#freshHold = planHoldTable(spec, true);
    this.#socket = openNftables();
    try {
      this.#monitor = openNftablesMonitor();
    } catch (error) {
      this.#socket.close();
      throw error;
    }
    for (const { slots } of spec.interfaces) {
      for (const { slot } of slots) {
        this.#leaseQuestions.set(slot, encodeGetElement(GATE_TABLE, nameOf.lease(slot), LEASE_KEY));
      }
    }
  }

  /**
   * Puts own tables in, in place of whatever is left of earlier ones. Every lease and hold is gone then, and packets that
   * are held are dropped; counters go on. Other interfaces that are not there (any more) are left out.
   */
  install(): void {
    this.installGate();
    const gateUs = this.lastInstallUs;
    this.installHold();
    this.lastInstallUs += gateUs;
  }

  /** The first half of `install`: lease and gate. For a repair, where nobody should wait for the second. */
  installGate(): void {
    const start = monotonicUs();
    this.#keepCounters();
    const others = this.#spec.others.filter((name) => interfaceIndex(name) !== 0);
    if (others.length !== this.#spec.others.length) this.#change({ ...this.#spec, others });
    this.#put(GATE_TABLE, this.#freshGate, () => planGateTable(this.#spec, false), "install lease and gate");
    this.lastInstallUs = monotonicUs() - start;
    this.#chains = this.#readChains();
  }

  /**
   * The second half: the hold. With the target of iptables the kernel lets it wait for the end of earlier deletions, for
   * up to 25 ms after a foreign flush.
   */
  installHold(): void {
    const start = monotonicUs();
    this.#put(HOLD_TABLE, this.#freshHold, () => planHoldTable(this.#spec, false), "install hold");
    this.lastInstallUs = monotonicUs() - start;
    this.#chains = this.#readChains();
  }

  /**
   * Tells of the transaction that puts the gate in, in place of whatever is there and with no lease in it: now, and whenever
   * it becomes another one. The bytes belong to the listener.
   */
  onGate(listener: (gate: Uint8Array) => void): void {
    this.#onGate = listener;
    this.#change(this.#spec);
  }

  /** Takes own tables away; fine if they are gone already. Packets that are held are dropped. */
  remove(): void {
    this.#keepCounters();
    commit(this.#socket, planRemoval(), "remove own tables");
    this.#chains.clear();
  }

  /** The peer has told the MAC of its end of a service interface. Leases, holds and counters stay. */
  setPeerMac(interfaceName: string, mac: Uint8Array): void {
    const spec = withPeerMac(this.#spec, interfaceName, mac);
    commit(this.#socket, planPeerMac(spec, interfaceName), `set MAC of the peer on ${interfaceName}`);
    this.#change(spec);
    this.#chains = this.#readChains();
  }

  /**
   * An interface appeared, or came back: the addresses are mute on it from now on. If it is gone again: ENOENT before
   * kernel 6.16; later ones keep the chains for an interface of this name.
   */
  addInterface(name: string): void {
    commit(this.#socket, planAddInterface(this.#spec, name), `gate interface ${name}`);
    if (!this.#spec.others.includes(name)) this.#change({ ...this.#spec, others: [...this.#spec.others, name] });
    this.#chains = this.#readChains();
  }

  /** Another time-out for leases. One that is alive stays so and gets it with its next refresh. */
  setLeaseMs(leaseMs: number): void {
    const spec = { ...this.#spec, leaseMs };
    commit(this.#socket, planLeaseMs(spec), `set leases to ${leaseMs} ms`);
    this.#change(spec);
  }

  /** Milliseconds (rounded down) that a lease has left; null: there is none, or no rules at all. */
  leaseLeftMs(slot: number): number | null {
    const question = this.#leaseQuestions.get(slot);
    if (question === undefined) throw new RangeError(`read lease: no slot ${slot}`);
    this.#leftMs = null;
    const failure = this.#socket.exchange(question, this.#readLeft);
    if (failure !== 0 && failure !== ENOENT) throw new KernelError(`nf_tables: read lease ${slot}`, failure);
    return this.#leftMs;
  }

  readonly #readLeft = (view: DataView, message: { payloadOffset: number; end: number }): void => {
    this.#leftMs = decodeExpiration(view, message.payloadOffset, message.end);
  };

  /** Holds the packets of these groups, and of no others, from now on and for `timeoutMs` at most; what is queued stays until it is released. */
  setHold(groups: readonly string[], timeoutMs: number): void {
    const slots = allSlots(this.#spec).filter(({ group }) => groups.includes(group));
    planHeld(this.#batch.reset(), slots, timeoutMs, this.#shared);
    commit(this.#socket, this.#batch, "hold packets");
  }

  /** Of a node with a shared wire: what comes for these virtual MACs without a lease is queued, and for no others. */
  setShadowed(macs: readonly Uint8Array[]): void {
    planShadowed(this.#batch.reset(), macs);
    commit(this.#socket, this.#batch, "keep packets in the shadow");
  }

  /** Whether the kernel speaks of a slot's virtual MAC, as it does after `install`, or of the node's own. */
  setVirtualMac(slot: number, on: boolean): void {
    const spec = allSlots(this.#spec).find((it) => it.slot === slot);
    if (spec?.shared === undefined) throw new RangeError(`set virtual MAC: slot ${slot} has none`);
    planVirtualMac(this.#batch.reset(), spec, on);
    commit(this.#socket, this.#batch, "set virtual MAC");
  }

  /** Packets per slot. Without rules: as they were when the rules went. */
  counters(): ReadonlyMap<number, SlotCounters> {
    const now = this.#readCounters();
    const of = (name: string) => (now.get(name) ?? 0) + (this.#countedBefore.get(name) ?? 0);
    const result = new Map<number, SlotCounters>();
    for (const slot of this.#leaseQuestions.keys()) {
      const names: CounterName[] = ["passed", "served", "dropped", "muted", "seen"];
      const [passed, served, dropped, muted, seen] = names.map((name) => of(nameOf[name](slot)));
      result.set(slot, { passed: passed!, served: served!, dropped: dropped!, muted: muted!, seen: seen! });
    }
    return result;
  }

  /** Who sent to the slot's addresses by this node's MAC while it had no lease, in the last half minute, and how much. */
  strays(slot: number): readonly CountedElement[] {
    return ([4, 6] as const).flatMap((family) => {
      const question = encodeGetElements(GATE_TABLE, nameOf.strayed(family, slot));
      return this.#socket.request(question, `read who strays to slot ${slot}`).flatMap(({ payload }) =>
        decodeCountedElements(payload)
      );
    });
  }

  /** Readable when something in nf_tables changed, by whomever. */
  get notificationFd(): number {
    return this.#monitor.fd;
  }

  /**
   * Reads all notifications. True if somebody else changed or deleted something of segue's, or if so many came that
   * some were lost: the caller then asks `isIntact`.
   */
  readNotifications(): { ownTablesTouched: boolean } {
    let ownTablesTouched = false;
    for (;;) {
      const length = this.#receiveNotification();
      if (length === null) return { ownTablesTouched };
      if (length === 0) ownTablesTouched = true;
      for (const message of messages(this.#notifications, length)) {
        if (message.pid === this.#socket.portId) continue;
        const { type, payloadOffset, end } = message;
        const table = decodeNotifiedTable(this.#notificationView, type, payloadOffset, end);
        if (table === null) continue;
        if (OWN_TABLES.some(({ family, name }) => family === table.family && name === table.name)) {
          ownTablesTouched = true;
        }
      }
    }
  }

  /**
   * True if every chain of segue's is there, hooked into its interface, with as many rules as it had. Chains of other
   * interfaces that went away are not missed.
   */
  isIntact(): boolean {
    if (this.#chains.size === 0) return false;
    const now = this.#readChains();
    const others = new Set(this.#spec.others), held = heldChains(this.#spec);
    for (const [key, planned] of this.#chains) {
      if (planned.device !== null && others.has(planned.device) && interfaceIndex(planned.device) === 0) continue;
      const found = now.get(key);
      if (found === undefined) return false;
      if (found.uses !== planned.uses && !held.has(planned.name)) return false;
      if (found.hook !== planned.hook || found.device !== planned.device) return false;
    }
    return true;
  }

  close(): void {
    this.#socket.close();
    this.#monitor.close();
  }

  #change(spec: RulesetSpec): void {
    this.#spec = spec;
    this.#freshGate = planGateTable(spec, true);
    this.#freshHold = planHoldTable(spec, true);
    this.#onGate?.(planGateTable(spec, false).finish());
  }

  /** Puts a table in; where there is one already, in its place. */
  #put(table: TableRef, fresh: NftBatch, planReplacement: () => NftBatch, operation: string): void {
    // Asked first: the kernel carries a doomed transaction out to its end, and that one can wait for 25 ms.
    if (this.#socket.exchange(encodeGetTable(table)) !== 0) {
      const failure = this.#socket.exchange(fresh.finish());
      if (failure === 0) return;
      if (failure !== EEXIST) throw new KernelError(`nf_tables: ${operation}${this.#socket.lastErrorText}`, failure);
    }
    commit(this.#socket, planReplacement(), operation);
  }

  /** Length of a notification, 0 if some were lost, null if there are no more. */
  #receiveNotification(): number | null {
    try {
      const length = this.#monitor.receive(this.#notifications);
      return length < 0 ? null : length;
    } catch (error) {
      if (error instanceof KernelError && error.errno === ENOBUFS) return 0;
      throw error;
    }
  }

  #readChains(): Map<string, ChainInfo> {
    const chains = new Map<string, ChainInfo>();
    for (const { family, name } of OWN_TABLES) {
      for (const { payload } of this.#socket.request(encodeGetChains(family), "list chains")) {
        const chain = decodeChain(payload);
        if (chain.table === name) chains.set(`${family} ${chain.name}`, chain);
      }
    }
    return chains;
  }

  #readCounters(): Map<string, number> {
    const counters = new Map<string, number>();
    for (const { payload } of this.#socket.request(encodeGetCounters(GATE_TABLE), "read counters")) {
      const counter = decodeCounter(payload);
      if (counter !== null) counters.set(counter.name, counter.packets);
    }
    return counters;
  }

  #keepCounters(): void {
    for (const [name, packets] of this.#readCounters()) {
      this.#countedBefore.set(name, (this.#countedBefore.get(name) ?? 0) + packets);
    }
  }
}
