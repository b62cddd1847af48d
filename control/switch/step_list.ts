/** What the effects of one step of the core owe each other, where the list is for several groups or the kernel refuses one of them. */
import { KernelError } from "../../kernel_ffi/errno.ts";
import type { Effect } from "../core/effects.ts";
import { onSharedWire } from "../core/shared_wire.ts";
import type { SwitchContext } from "./context.ts";
import { markOf, STEP } from "./ruleset_steps.ts";
import type { Untaken } from "./untaken.ts";

/**
 * What must have happened before any heartbeat of the step leaves: each speaks of all groups, and on all networks. "Fenced" is true of none
 * that still has a lease on some interface, and what the peer passes on to one that "wants" must find its queue.
 */
export function beforeFirst(c: SwitchContext, list: readonly Effect[], untaken: Untaken): void {
  let drops = 0;
  for (const effect of list) {
    if (effect.kind === "take") untaken.ordered(effect.group);
    else if (effect.kind === "hold") beginHold(c, effect.group, effect.ahead);
    else if (effect.kind === "beat" && effect.step === "drop") drops += c.plan.groups[effect.group!]!.slots.length;
  }
  // One frame drops its slot's lease as it leaves; of several the first would tell of the last.
  if (drops < 2) return;
  for (const effect of list) {
    if (effect.kind !== "beat" || effect.step !== "drop") continue;
    for (const slot of c.plan.groups[effect.group!]!.slots) {
      c.links.frames[slot.interface]!.again(markOf(STEP.drop, slot.id));
    }
  }
}

/** Null, or why the kernel refused. */
export function beginHold(c: SwitchContext, group: number, ahead: boolean): string | null {
  return attempt(() => {
    if (ahead) { for (const slot of c.plan.groups[group]!.slots) c.addresses.onAhead(slot); }
    c.holds.each[group]!.begin(onSharedWire(c.node.groups[group]!));
  });
}

/**
 * Whether an effect stands behind a take of its list that the kernel refused, and was ordered for a node that would have the lease by now. A
 * command that waited for it is told the truth.
 * @param refused bits of groups
 */
export function isMoot(c: Pick<SwitchContext, "answer">, effect: Effect, refused: number): boolean {
  if (!("group" in effect) || effect.group === null || (refused & 1 << effect.group) === 0) return false;
  if (effect.kind === "result" && effect.ok) {
    c.answer(effect.id, effect.group, false, "the kernel refused to grant the lease: see segue events");
    return true;
  }
  // Without a lease what is let go would be lost: it waits for the next try, or goes back.
  return effect.kind === "releasePeer" || effect.kind === "event" || effect.kind === "end";
}

/** Null, or why the kernel refused. A refusal is news for the core; anything else is a broken invariant. */
export function attempt(act: () => void): string | null {
  try {
    act();
    return null;
  } catch (error) {
    if (!(error instanceof KernelError)) throw error;
    return error.message;
  }
}
