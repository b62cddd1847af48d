/** `segue rehearse` for people. Pure. */
import type { Rehearsal } from "../answers/rehearsal.ts";
import { durationText } from "./units.ts";

/**
 * ```
 * web: a → b, possible now
 * predicted  clients wait 2.90 ms, 3.10 ms from the first step to the last (the median of the last 3 planned moves)
 * steps      +   0 µs  hold
 * survives   - …
 * does not   - …
 * not ready  - …
 * ```
 * Ends with a line break.
 */
export function rehearsalText(rehearsal: Rehearsal): string {
  const { group, from, to, possible, steps, predicted_gap_us: gap, predicted_us: whole, basis } = rehearsal;
  const width = Math.max(0, ...steps.map(({ us }) => String(us).length));
  return `${group}: ${from} → ${to}, ${possible ? "possible now" : "NOT possible now"}\n` +
    section("predicted", [
      `clients wait ${durationText(gap)}, ${durationText(whole)} from the first step to the last (${basis})`,
    ]) +
    section("steps", steps.map(({ step, us }) => `+${String(us).padStart(width)} µs  ${step}`)) +
    section("survives", rehearsal.survives.map((it) => `- ${it}`)) +
    section("does not", rehearsal.does_not.map(({ what, why }) => `- ${what}: ${why}`)) +
    section("not ready", rehearsal.not_ready.map((it) => `- ${it}`));
}

function section(name: string, lines: readonly string[]): string {
  return lines.map((line, i) => `${(i === 0 ? name : "").padEnd(11)}${line}\n`).join("");
}
