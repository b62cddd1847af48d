/** From what was heard on the switch to a verdict: did two nodes ever speak as the addresses at the same time? Pure. */
import type { NodeName } from "./topology.ts";

/** Frames of one node in a row, as the addresses. Microseconds of the monotonic clock. */
export interface Reign {
  readonly node: NodeName;
  readonly firstUs: number;
  lastUs: number;
  frames: number;
}

/** A node that spoke although the address was another's. */
export interface Intrusion {
  readonly node: NodeName;
  readonly atUs: number;
  readonly frames: number;
}

export interface Ownership {
  /** Who spoke, in order: `a b`; `-` if nobody did. */
  readonly order: string;
  readonly twoOwners: boolean;
  readonly intrusions: readonly Intrusion[];
  /** From the last word of the old owner to the first of the new one, where the address moved as it should. */
  readonly silenceMs: number | null;
  readonly reigns: readonly Reign[];
  /** Frames that the watcher's buffer could not take: with any, the verdict is not worth much. */
  readonly missed: number;
}

const NOT_HEARD = "-";

/**
 * @param reigns in the order in which they were heard; one after the other never by the same node
 * @param moves who should have spoken, in order: two names for a move, one for none
 */
export function judgeOwnership(reigns: readonly Reign[], moves: readonly NodeName[], missed = 0): Ownership {
  const intrusions: Intrusion[] = [];
  // Owners follow each other as they should; everything else spoke out of turn.
  let turn = 0;
  let silenceMs: number | null = null;
  let owner: Reign | null = null;
  for (const reign of reigns) {
    if (reign.node === moves[turn]) {
      owner = reign;
      continue;
    }
    if (reign.node === moves[turn + 1]) {
      turn++;
      if (owner !== null) silenceMs = Math.round((reign.firstUs - owner.lastUs) / 10) / 100;
      owner = reign;
      continue;
    }
    intrusions.push({ node: reign.node, atUs: reign.firstUs, frames: reign.frames });
  }
  return { order: reignText(reigns), twoOwners: intrusions.length > 0, intrusions, silenceMs, reigns, missed };
}

/** Adds one frame to the list: the same reign goes on, or the next one begins. */
export function noteSpeech(reigns: Reign[], node: NodeName, nowUs: number): void {
  const last = reigns.at(-1);
  if (last !== undefined && last.node === node) {
    last.lastUs = nowUs;
    last.frames++;
  } else {
    reigns.push({ node, firstUs: nowUs, lastUs: nowUs, frames: 1 });
  }
}

/**
 * What was said after a moment: the reign that went on through it counts from there.
 * @param before what was known at that moment
 */
export function reignsSince(reigns: readonly Reign[], before: readonly Reign[]): readonly Reign[] {
  const last = before.at(-1);
  if (last === undefined) return reigns;
  const at = before.length - 1, same = reigns[at];
  if (same === undefined) return [];
  const rest = reigns.slice(at + 1), frames = same.frames - last.frames;
  return frames === 0 ? rest : [{ ...same, firstUs: last.lastUs, frames }, ...rest];
}

/** One line about who reigned: `a b a`. */
export function reignText(reigns: readonly Reign[]): string {
  return reigns.length === 0 ? NOT_HEARD : reigns.map((reign) => reign.node).join(" ");
}
