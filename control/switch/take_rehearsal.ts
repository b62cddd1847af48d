/**
 * The path of a takeover, run under the shut gate, where nothing of it leaves: the first run of fresh code costs several times the later
 * ones. Only before this node has any role.
 */
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import type { SwitchContext } from "./context.ts";
import type { PlannedGroup } from "./plan.ts";
import { markOf, STEP } from "./ruleset_steps.ts";

/** What the executor has made ready. */
export interface TakeParts {
  /** Per slot: the frames that tell the neighbours. */
  readonly announcements: readonly (readonly Uint8Array<ArrayBuffer>[])[];
  /** Writes the next heartbeat into the context's buffer and returns its length. */
  encode(): number;
}

/**
 * Each group in its turn, at least once: what is warm is the code, which all share. Returns what the fastest takeover took, in microseconds.
 * @param times takeovers of whatever group, at least
 */
export function rehearseTakes(c: SwitchContext, times: number, parts: TakeParts): number {
  let bestUs = Infinity;
  for (let done = 0; done < times; done += c.plan.groups.length) {
    for (const group of c.plan.groups) bestUs = Math.min(bestUs, rehearseReceipt(c, group, parts));
    c.shadow?.rehearse(monotonicUs());
  }
  return Math.round(bestUs);
}

function rehearseReceipt(c: SwitchContext, group: PlannedGroup, parts: TakeParts): number {
  const { index } = group, startUs = monotonicUs();
  c.receipts.begin(index, "start", "rehearsal", 0, startUs);
  c.evidence.begin(c.node, c.node.groups[index]!, "start", startUs);
  rehearseTake(c, group, parts);
  const tookUs = monotonicUs() - startUs;
  c.evidence.read(index, startUs);
  c.receipts.step(index, "rehearsed", monotonicUs());
  c.receipts.cancel(index);
  // Behind the shut gate nothing arrives that could be held.
  const hold = c.holds.each[index]!;
  hold.begin();
  hold.drain();
  hold.finish();
  return tookUs;
}

function rehearseTake(c: SwitchContext, group: PlannedGroup, { announcements, encode }: TakeParts): void {
  for (const slot of group.slots) {
    c.addresses.on(slot);
    const link = c.links.frames[slot.interface]!;
    const length = encode();
    link.load(c.datagram, length);
    link.send(length, markOf(STEP.take, slot.id));
    for (const frame of announcements[slot.id - 1]!) link.plain.send(frame, frame.length, 0);
    c.rules.leaseLeftMs(slot.id);
    c.addresses.off(slot);
  }
}
