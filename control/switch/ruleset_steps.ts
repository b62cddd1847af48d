/**
 * The steps of a switch as rules: a frame with a step's mark, leaving by the slot's service interface, is the step. Pure.
 *
 * The key of every lease set is `meta nfproto`, which is the same for any frame (NFPROTO_NETDEV), so a set has one
 * possible element and nothing of the frame is read for it.
 */
import type { NftBatch } from "../../kernel_ffi/nftables/batch.ts";
import { ACCEPT, DROP, goTo } from "../../kernel_ffi/nftables/data.ts";
import {
  equals,
  type Expression,
  lookup,
  masked,
  meta,
  remove,
  update,
  verdict,
  verdictOf,
} from "../../kernel_ffi/nftables/expressions.ts";
import { addRule, flushChain } from "../../kernel_ffi/nftables/rule.ts";
import { addElements, addSet, KEY_MARK, KEY_NFPROTO } from "../../kernel_ffi/nftables/set.ts";
import { addChain } from "../../kernel_ffi/nftables/table.ts";
import { GATE_TABLE, type InterfaceSpec, nameOf, STEP_TIMEOUT_MS } from "./ruleset_spec.ts";

/** Bits 8…15 of the mark of a segue frame. */
export const STEP = {
  refresh: 0x00,
  take: 0x10,
  hold: 0x20,
  unhold: 0x30,
  pass: 0x40,
  drop: 0x50,
  unpass: 0x60,
  arm: 0x70,
} as const;

export type Step = keyof typeof STEP;
const STEPS = Object.keys(STEP) as Step[];
/** Steps whose rules contain the lease's time-out. */
const TIMED_STEPS: readonly Step[] = ["refresh", "take", "hold", "arm"];

const MARK_BASE = 0x5e9e_0000;
const MARK_BASE_MASK = 0xffff_0000;

/** The mark (SO_MARK) of a frame that does a step for a slot. An unsigned 32-bit number. */
export function markOf(step: number, slot: number): number {
  return MARK_BASE + (step << 8 | slot);
}

/** A mark as registers hold it. */
function markBytes(mark: number): Uint8Array {
  return new Uint8Array(new Uint32Array([mark]).buffer);
}

/** The element of a lease set: NFPROTO_NETDEV. */
export const LEASE_KEY: Uint8Array = new Uint8Array([5]);
const leaseKey = meta("nfproto");
const accept = verdict(ACCEPT);
const drop = verdict(DROP);

/** Time-outs in milliseconds. */
export interface StepTimes {
  readonly leaseMs: number;
  readonly armMs: number;
}

/** Passes on only if a lease, hold or pass is alive. */
export function alive(set: string): readonly Expression[] {
  return [leaseKey, lookup(set)];
}

/**
 * Elements that have expired or were deleted stay in the set's size until they are collected, once a second: one for
 * each take that follows a lapse.
 */
const LEASE_SET_SIZE = 1024;

/** Sets and chains that a slot needs before any rule can name them. */
export function planSlotSets(batch: NftBatch, slot: number): void {
  for (const name of [nameOf.lease(slot), nameOf.arm(slot), nameOf.hold(slot), nameOf.pass(slot)]) {
    addSet(batch, GATE_TABLE, { name, key: KEY_NFPROTO, timeouts: true, dynamic: true, size: LEASE_SET_SIZE });
  }
}

/** Chains of all steps of an interface, and the one that leads to them. */
export function planSteps(batch: NftBatch, it: InterfaceSpec, times: StepTimes): void {
  for (const { slot } of it.slots) {
    for (const step of STEPS) {
      addChain(batch, GATE_TABLE, chainOf(step, slot));
      planStep(batch, step, slot, times);
    }
  }
  const name = nameOf.steps(it.name);
  addSet(batch, GATE_TABLE, { name, key: KEY_MARK, verdicts: true });
  addElements(
    batch,
    GATE_TABLE,
    name,
    it.slots.flatMap(({ slot }) =>
      STEPS.map((step) => ({ key: markBytes(markOf(STEP[step], slot)), verdict: goTo(chainOf(step, slot)) }))
    ),
  );
  addChain(batch, GATE_TABLE, name);
  addRule(batch, GATE_TABLE, name, meta("mark"), verdictOf(name));
  // A step that this version does not know, or of another interface's slot.
  addRule(batch, GATE_TABLE, name, drop);
}

/** The same steps with another time-out, in place; leases that live stay alive. */
export function planLeaseMs(batch: NftBatch, it: InterfaceSpec, times: StepTimes): void {
  for (const { slot } of it.slots) {
    for (const step of TIMED_STEPS) {
      flushChain(batch, GATE_TABLE, chainOf(step, slot));
      planStep(batch, step, slot, times);
    }
  }
}

/** First rule of a service interface's exit: frames of segue do their step, all others go on. */
export function planStepEntry(batch: NftBatch, chain: string, device: string): void {
  const isOwn = [meta("mark"), masked(markBytes(MARK_BASE_MASK)), equals(markBytes(MARK_BASE))];
  addRule(batch, GATE_TABLE, chain, ...isOwn, verdict(goTo(nameOf.steps(device))));
}

function chainOf(step: Step, slot: number): string {
  return `${step}_${slot}`;
}

function planStep(batch: NftBatch, step: Step, slot: number, { leaseMs, armMs }: StepTimes): void {
  const rule = (...expressions: Expression[]) => addRule(batch, GATE_TABLE, chainOf(step, slot), ...expressions);
  const [lease, arm, hold, pass] = [nameOf.lease(slot), nameOf.arm(slot), nameOf.hold(slot), nameOf.pass(slot)];
  switch (step) {
    case "refresh":
      // Only what lives is refreshed; a refusal comes back to the sender as ENOBUFS.
      rule(...alive(lease), update(lease, leaseMs), accept);
      return rule(drop);
    case "take":
      // Licensed by a question. A pass that is still on would send the new primary's traffic away.
      rule(...alive(arm), update(lease, leaseMs), remove(pass), remove(arm), accept);
      return rule(drop);
    case "hold":
      return rule(leaseKey, update(hold, STEP_TIMEOUT_MS), update(arm, armMs), accept);
    case "unhold":
      return rule(leaseKey, remove(hold), accept);
    case "pass":
      return rule(leaseKey, update(pass, STEP_TIMEOUT_MS), accept);
    case "drop":
      return rule(leaseKey, remove(lease), accept);
    case "unpass":
      return rule(leaseKey, remove(pass), accept);
    case "arm":
      return rule(leaseKey, update(arm, armMs), accept);
    default:
      step satisfies never;
  }
}
