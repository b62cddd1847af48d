/** A hold for each group, independent of each other: what the kernel holds at a moment is the sum of them, set in one transaction. */
import { Hold } from "./hold.ts";
import type { FrameLink } from "./links.ts";
import type { PlannedGroup } from "./plan.ts";
import type { KernelRules } from "./rules.ts";
import { STEP_TIMEOUT_MS } from "./ruleset_spec.ts";

/** Packets that one queue may keep: three seconds at 20,000 packets a second. */
const QUEUE_LENGTH = 65_536;
/** And those of all groups together, of either kind. Each group has its part of it, so that no flood of one costs another its packets. */
const QUEUES_LENGTH = 131_072;

/** Packets that each queue of so many groups may keep. */
export function queueLength(groups: number): number {
  return Math.min(QUEUE_LENGTH, Math.floor(QUEUES_LENGTH / groups));
}

export class Holds {
  /** By group. */
  readonly each: readonly Hold[];
  readonly #rules: KernelRules;

  /** Opens all queues: they must be there before a switch. Throws `KernelError`. */
  constructor(groups: readonly PlannedGroup[], rules: KernelRules, frames: readonly FrameLink[]) {
    this.#rules = rules;
    const each: Hold[] = [], length = queueLength(groups.length);
    try {
      for (const group of groups) each.push(new Hold(group, frames, length, this.#apply));
    } catch (error) {
      for (const hold of each) hold.close();
      throw error;
    }
    this.each = each;
  }

  /** Goes on holding past the kernel's time-out. Throws `KernelError`. */
  renew(): void {
    if (this.each.some(({ held }) => held)) this.#apply();
  }

  readonly #apply = (): void => {
    const held = this.each.filter((hold) => hold.held).map(({ group }) => group.config.name);
    this.#rules.setHold(held, STEP_TIMEOUT_MS);
  };

  close(): void {
    for (const hold of this.each) hold.close();
  }
}
