/**
 * Plays switches between two nodes that exist in memory only, before the real one begins. The first run of fresh code costs several
 * times the later ones (it is compiled then), and the first run of a switch is the one that counts.
 */
import { fillHeartbeat } from "../core/beat.ts";
import { emptyHeartbeat, type Heartbeat } from "../core/heartbeat.ts";
import { planLimits } from "../core/limits.ts";
import { createNode, judgeHeartbeat, type NodeState, stepNode } from "../core/node.ts";
import { beatDone, nextWakeUs } from "../core/wake.ts";

const LINK = 1;
const STEP_US = 250;
/** Steps of one switchover with everything around it. */
const STEPS = 120;
const TIMING = {
  heartbeatUs: 2000,
  leaseUs: 20_000,
  suspectUs: 6000,
  deadAfterUs: 10_000,
  drainUs: 500,
  barrierUs: 1000,
  startWaitUs: 300_000,
};

interface Player {
  readonly node: NodeState;
  readonly beat: Heartbeat;
}

export function rehearseCore(times: number): void {
  const players = [player(0), player(1)] as const;
  let now = 1_000_000;
  const play = (steps: number, silent = -1) => {
    for (let i = 0; i < steps; i++, now += STEP_US) {
      for (const one of players) {
        if (one.node.index !== silent) turn(one, players[1 - one.node.index]!, now, silent < 0);
      }
    }
  };
  play(STEPS);
  for (let i = 1; i <= times; i++) {
    const asked = players[i % 2]!.node;
    stepNode(asked, now, { kind: "switchover", group: 0, command: i, toSelf: null, timeoutUs: 200_000, force: false });
    play(STEPS);
    // And a death: the other one asks, nobody answers, it takes over; the dead one comes back and gives way.
    play(STEPS, players[0].node.groups[0]!.role === "primary" ? 0 : 1);
    play(STEPS);
  }
}

function player(index: number): Player {
  const node = createNode({
    index,
    name: "ab"[index]!,
    peerName: "ba"[index]!,
    session: 1 + index,
    digest: new Uint8Array(8),
    limits: planLimits(TIMING),
    groups: [{
      name: "rehearsal",
      links: LINK,
      preferSelf: index === 0,
      preempt: false,
      usedUpTo: 0,
      reservedUpTo: 0xffff_0000,
      unproven: false,
    }],
  }, 0);
  return { node, beat: emptyHeartbeat() };
}

/** Ticks one and, if it can be heard, lets the other hear it. */
function turn(one: Player, other: Player, now: number, heard: boolean): void {
  if (nextWakeUs(one.node) <= now || heard) {
    const letGo = stepNode(one.node, now, { kind: "tick" }).find((effect) => effect.kind === "letGo");
    if (letGo !== undefined) stepNode(one.node, now, letGo);
  }
  beatDone(one.node, now);
  fillHeartbeat(one.node, now, one.beat);
  one.beat.linkCount = 1;
  one.beat.links[0]!.seq = one.node.freshness.seq;
  if (!heard) return;
  if (judgeHeartbeat(other.node, now, one.beat) !== "fresh") return;
  stepNode(other.node, now, { kind: "heard", beat: one.beat, link: LINK });
  stepNode(other.node, now, { kind: "copy", beat: one.beat, link: LINK });
}
