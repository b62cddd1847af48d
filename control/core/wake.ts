/** When the node wants to be woken: for its next beat, and for whatever its groups wait for. */
import { gatewayWakeUs } from "./gateway.ts";
import { type GroupState, peerAlive } from "./group.ts";
import type { NodeState } from "./node.ts";
import { probeWakeUs } from "./probing.ts";
import { servicesReady } from "./serving.ts";
import { suspectAfterUs } from "./step_waiting.ts";

/** The next beat is due a full interval from now; a node that is standby in everything beats slower. */
export function beatDone(n: NodeState, nowUs: number): void {
  const quiet = n.groups.every((g) => g.role === "standby" && g.phase === "none" && g.gateway === null) &&
    n.arbiter === null &&
    peerAlive(n);
  const interval = quiet ? n.limits.slowBeatUs : n.limits.heartbeatUs;
  // On a grid while on time, so that small delays do not add up; from now on when a beat came early or much too late.
  const grid = n.nextBeatUs + interval;
  n.nextBeatUs = grid > nowUs && grid - nowUs <= interval ? grid : nowUs + interval;
}

/** When `tick` has to come again, if nothing happens before. */
export function nextWakeUs(n: NodeState): number {
  let wake = n.nextBeatUs;
  for (const g of n.groups) wake = Math.min(wake, groupWakeUs(n, g), gatewayWakeUs(n, g));
  return wake;
}

function groupWakeUs(n: NodeState, g: GroupState): number {
  // A question that is open is asked again; everything else about a vacancy happens when something is heard.
  const ask = g.phase === "ask" ? g.lastAskUs + n.limits.askUs : Infinity;
  switch (g.role) {
    case "starting":
      return n.heardUs === -Infinity ? g.sinceUs + n.limits.startWaitUs : Math.min(ask, n.heardUs + n.limits.aliveUs);
    case "standby":
      return Math.min(n.heardUs + suspectAfterUs(n, g), g.phase === "giveBack" ? g.moving.deadlineUs : ask);
    case "suspecting":
      return probeWakeUs(n, g);
    case "fenced":
      // Not before it was: the peer may have been silent for hours then, and a wake that was due at that time would be late by as much.
      return Math.max(
        g.sinceUs,
        Math.min(
          ask,
          n.compatible ? Math.max(n.heardUs + n.limits.deadAfterUs, probeWakeUs(n, g)) : probeWakeUs(n, g),
        ),
      );
    case "preparing":
      return Math.min(g.moving.deadlineUs, Math.max(n.heardUs + n.limits.suspectUs, probeWakeUs(n, g)));
    case "primary":
      if (g.settling) return settlingWakeUs(n, g);
      return g.phase === "offer" ? g.moving.deadlineUs : Infinity;
    case "leaving":
      return Math.min(n.heardUs + n.limits.deadAfterUs, leavingWakeUs(g));
    default:
      return g.role satisfies never;
  }
}

function settlingWakeUs(n: NodeState, g: GroupState): number {
  if (!servicesReady(g, "primary")) return g.sinceUs + n.limits.serveMaxUs;
  return g.moving.awaited === 0 ? n.nowUs : g.moving.barrierEndUs;
}

function leavingWakeUs(g: GroupState): number {
  if (g.phase === "passing") return g.moving.drainEndUs;
  return g.phase === "reclaiming" ? g.moving.deadlineUs : Infinity;
}
