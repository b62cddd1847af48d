/**
 * Saving datagrams that say what a frame has just said on the same wire. While nothing happens, and the peer is known to hear the frames
 * of a service interface, a path through that interface carries every fourth heartbeat only; all of them again as soon as anything is
 * in doubt. Half of what a primary in profile `fast` costs is sending. Pure.
 */
import { type GroupState, peerAlive } from "../core/group.ts";
import type { NodeState } from "../core/node.ts";

/** A path that is spared carries the heartbeats whose sequence is a multiple of this. */
export const SPARE_EVERY = 4;
/** Never so rarely that a path looks silent, or takes long to be known. */
const SPARED_MAX_US = 100_000;

/** One path, as far as it matters here. */
export interface SparablePath {
  /** Index of the service interface that it runs through, -1 if none. */
  readonly frame: number;
}

/** What is known of one service interface's frames. */
export interface ProvenFrame {
  readonly stats: { readonly answeredUs: number };
}

/** Bit i: link i (frames first, then paths, as everywhere) is spared now. The bits are the heartbeat's `sparing`. */
export function sparedLinks(
  n: NodeState,
  frames: readonly ProvenFrame[],
  paths: readonly SparablePath[],
  nowUs: number,
): number {
  if (!calm(n)) return 0;
  let spared = 0;
  for (let i = 0; i < paths.length; i++) {
    const { frame } = paths[i]!;
    if (frame >= 0 && nowUs - frames[frame]!.stats.answeredUs < n.limits.aliveUs) spared |= 1 << (frames.length + i);
  }
  return spared;
}

/** Nothing is under way, and this node beats at full rate. */
function calm(n: NodeState): boolean {
  if (n.stopping || !peerAlive(n) || n.limits.heartbeatUs * SPARE_EVERY > SPARED_MAX_US) return false;
  let leased = false;
  for (const g of n.groups) {
    if (!isSettled(g)) return false;
    leased ||= g.role === "primary";
  }
  return leased;
}

function isSettled(g: GroupState): boolean {
  return g.phase === "none" && (g.role === "standby" || (g.role === "primary" && !g.settling));
}
