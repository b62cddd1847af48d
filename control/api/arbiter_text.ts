/** One line about the arbiter, for status and console. Pure. */
import type { ArbiterSnapshot } from "../core/messages.ts";

/** Null: there is none, or nothing is known of it yet. An older daemon does not tell. */
export function arbiterText(arbiter: ArbiterSnapshot | null | undefined): string | null {
  if (arbiter === null || arbiter === undefined || arbiter.reachable === null) return null;
  const { etcd, reachable, reason, answer_ms: ms, asked, ours, refused } = arbiter;
  const took = ms === null ? "" : `, its last word took ${ms} ms`;
  const key = !asked
    ? ""
    : ours
    ? "; the key is ours"
    : refused === null
    ? "; the key is asked for"
    : `; no key: ${refused}`;
  return `${etcd.join(" ")} ${reachable ? `answers${took}` : `DOES NOT ANSWER: ${reason}`}${key}`;
}
