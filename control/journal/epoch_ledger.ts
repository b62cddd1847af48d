/** What this run knows of the groups' epochs, from every source there is. Never below any of them. Pure. */
import { EPOCH_MAX } from "../core/limits.ts";
import type { EpochMark, EpochMarks } from "./epoch_copy.ts";

export class EpochLedger {
  readonly #marks = new Map<string, EpochMark>();
  /** For groups without a mark: whether a list was lost in which they may have been. */
  othersUnproven = false;

  mark(group: string): EpochMark {
    return this.#marks.get(group) ?? { reservedUpTo: 0, unproven: this.othersUnproven };
  }

  set(group: string, mark: EpochMark): void {
    this.#marks.set(group, mark);
  }

  /**
   * Takes over marks: numbers only grow, and a group is unproven only while nobody knows better.
   * @param leap how much higher than the marks the truth may be
   */
  learn(marks: EpochMarks, leap = 0): void {
    for (const [group, mark] of marks.groups) {
      const old = this.#marks.get(group);
      this.#marks.set(group, {
        reservedUpTo: Math.max(Math.min(mark.reservedUpTo + leap, EPOCH_MAX), old?.reservedUpTo ?? 0),
        unproven: mark.unproven && (old?.unproven ?? true),
      });
    }
  }

  /** An epoch was used: whatever was lost, the group's epochs are known again. */
  prove(group: string, epoch: number): void {
    this.#marks.set(group, { reservedUpTo: Math.max(this.mark(group).reservedUpTo, epoch), unproven: false });
  }

  all(): EpochMarks {
    return { groups: new Map(this.#marks), othersUnproven: this.othersUnproven };
  }

  /** All marks, with another one for this group. */
  allWith(group: string, mark: EpochMark): EpochMarks {
    return { groups: new Map([...this.#marks, [group, mark]]), othersUnproven: this.othersUnproven };
  }
}
