/**
 * The kernel rules of a node as transactions (ARCHITECTURE.md: "Where the lease lives", "The gate, per service
 * interface"). Pure: what is planned here is sent by rules.ts.
 */
import { NftBatch, type TableRef } from "../../kernel_ffi/nftables/batch.ts";
import { addTable, deleteTable } from "../../kernel_ffi/nftables/table.ts";
import {
  planAddressMaps,
  planEntrances,
  planOtherInterface,
  planServiceInterface,
  planSlotGate,
} from "./ruleset_gate.ts";
import { planHold, planPeers } from "./ruleset_hold.ts";
import { GATE_TABLE, HOLD_TABLE, type InterfaceSpec, OWN_TABLES, type RulesetSpec } from "./ruleset_spec.ts";
import { planSharedSets } from "./ruleset_shared.ts";
import { planLeaseMs as planStepTimes, planSlotSets, planSteps, type StepTimes } from "./ruleset_steps.ts";

export type { InterfaceSpec, RulesetSpec, SlotSpec } from "./ruleset_spec.ts";
export { markOf, STEP } from "./ruleset_steps.ts";

/**
 * All tables, whatever was there before: each table of an earlier run goes and comes in one transaction. The gate is a
 * transaction of its own and the first: the target of iptables in the hold makes the kernel wait for the end of earlier
 * deletions (net/netfilter/nft_compat.c), 13 to 25 ms after a flush, and no gate should stand open for that long.
 */
export function planRuleset(spec: RulesetSpec): readonly NftBatch[] {
  return [planGateTable(spec, false), planHoldTable(spec, false)];
}

/** Lease and gate. `fresh`: the transaction fails with EEXIST if the table is there; else it replaces it. */
export function planGateTable(spec: RulesetSpec, fresh: boolean): NftBatch {
  checkSpec(spec);
  const batch = startTable(GATE_TABLE, fresh);
  planSharedSets(batch, spec);
  for (const it of spec.interfaces) {
    for (const slot of it.slots) {
      planSlotSets(batch, slot.slot);
      planSlotGate(batch, it, slot);
    }
    planSteps(batch, it, timesOf(spec));
  }
  planAddressMaps(batch, spec);
  for (const it of spec.interfaces) planServiceInterface(batch, spec, it);
  for (const device of spec.others) planOtherInterface(batch, spec, device);
  return batch;
}

/** The hold; `fresh` as with the gate. */
export function planHoldTable(spec: RulesetSpec, fresh: boolean): NftBatch {
  const batch = startTable(HOLD_TABLE, fresh);
  planHold(batch, spec);
  return batch;
}

function startTable(table: TableRef, fresh: boolean): NftBatch {
  const batch = new NftBatch(1 << 16);
  if (!fresh) planTableRemoval(batch, table);
  addTable(batch, table, fresh);
  return batch;
}

/** Own tables away, present or not. */
export function planRemoval(): NftBatch {
  const batch = new NftBatch();
  for (const table of OWN_TABLES) planTableRemoval(batch, table);
  return batch;
}

/** Adding a table that is there changes nothing, and then it can be deleted. */
function planTableRemoval(batch: NftBatch, table: TableRef): void {
  addTable(batch, table);
  deleteTable(batch, table);
}

/** The specification with the peer's MAC on one interface. */
export function withPeerMac(spec: RulesetSpec, interfaceName: string, mac: Uint8Array): RulesetSpec {
  const interfaces = spec.interfaces.map((it) => it.name === interfaceName ? { ...it, peerMac: mac } : it);
  return { ...spec, interfaces };
}

/** The rules that name the peer's MAC, of an interface of this specification; leases, holds and counters stay. */
export function planPeerMac(spec: RulesetSpec, interfaceName: string): NftBatch {
  const batch = new NftBatch();
  planEntrances(batch, find(spec, interfaceName));
  planPeers(batch, spec);
  return batch;
}

/** Another interface of the node that appeared. */
export function planAddInterface(spec: RulesetSpec, device: string): NftBatch {
  const batch = new NftBatch();
  planOtherInterface(batch, spec, device);
  return batch;
}

/** The rules that contain the lease's time-out; leases that live stay alive and get the new time with their next refresh. */
export function planLeaseMs(spec: RulesetSpec): NftBatch {
  const batch = new NftBatch();
  for (const it of spec.interfaces) planStepTimes(batch, it, timesOf(spec));
  return batch;
}

function timesOf(spec: RulesetSpec): StepTimes {
  return { leaseMs: spec.leaseMs, armMs: spec.armMs ?? spec.leaseMs };
}

function find(spec: RulesetSpec, name: string): InterfaceSpec {
  const it = spec.interfaces.find((it) => it.name === name);
  if (it === undefined) throw new RangeError(`plan rules of ${name}: not a service interface`);
  return it;
}

/** A slip here would be a gate that is open, so it stops the process instead. */
function checkSpec(spec: RulesetSpec): void {
  const slots = new Set<number>();
  const devices = new Set<string>();
  const once = <T>(seen: Set<T>, value: T, what: string) => {
    if (seen.has(value)) throw new RangeError(`plan rules: ${what} ${value} stands there twice`);
    seen.add(value);
  };
  if (!Number.isFinite(spec.leaseMs) || spec.leaseMs < 1) {
    throw new RangeError(`plan rules: lease of ${spec.leaseMs} ms`);
  }
  for (const it of spec.interfaces) {
    once(devices, it.name, "interface");
    for (const { slot, v4, v6 } of it.slots) {
      if (!Number.isInteger(slot) || slot < 1 || slot > 255) {
        throw new RangeError(`plan rules: slot ${slot}, not 1 to 255`);
      }
      once(slots, slot, "slot");
      if (v4.some((it) => it.length !== 4) || v6.some((it) => it.length !== 16)) {
        throw new RangeError(`plan rules: an address of slot ${slot} is neither 4 nor 16 bytes long`);
      }
    }
  }
  for (const device of spec.others) once(devices, device, "interface");
}
