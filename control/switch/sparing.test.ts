import assert from "node:assert/strict";
import { ScriptedNode } from "../core/scripted.ts";
import { planLimits } from "../core/limits.ts";
import { sparedLinks } from "./sparing.ts";

const MS = 1000;

/** A node that serves and hears its peer, at time 0; frames of one interface that the peer has just answered. */
function serving() {
  const { node } = new ScriptedNode({ index: 0 });
  node.nowUs = node.heardUs = 0;
  const group = node.groups[0]!;
  group.role = "primary";
  group.phase = "none";
  group.settling = false;
  const frames = [{ stats: { answeredUs: -MS } }];
  return { node, group, frames };
}
const CABLE = { frame: -1 }, LAN = { frame: 0 };

Deno.test("a path beside heard frames is spared, a cable of its own is not", () => {
  const { node, frames } = serving();
  assert.equal(sparedLinks(node, frames, [CABLE, LAN], 0), 0b100);
  assert.equal(sparedLinks(node, frames, [LAN, CABLE, LAN], 0), 0b1010);
});

Deno.test("all heartbeats leave on all links as soon as anything is in doubt", () => {
  const doubts: Record<string, (it: ReturnType<typeof serving>) => void> = {
    "frames not heard by the peer": ({ frames }) => frames[0]!.stats.answeredUs = -100 * MS,
    "frames never heard by the peer": ({ frames }) => frames[0]!.stats.answeredUs = -Infinity,
    "peer silent": ({ node }) => node.heardUs = -100 * MS,
    "a switch begins": ({ group }) => group.phase = "offer",
    "a switch ends": ({ group }) => group.settling = true,
    "suspecting": ({ group }) => group.role = "suspecting",
    "leaving": ({ group }) => group.role = "leaving",
    "fenced": ({ group }) => group.role = "fenced",
    "stopping": ({ node }) => node.stopping = true,
    "standby: it beats slowly enough": ({ group }) => group.role = "standby",
    "slow heartbeats": ({ node }) => node.limits = { ...node.limits, heartbeatUs: 200 * MS },
  };
  for (const [doubt, make] of Object.entries(doubts)) {
    const it = serving();
    make(it);
    assert.equal(sparedLinks(it.node, it.frames, [LAN], 0), 0, doubt);
  }
});

Deno.test("the default profile spares too", () => {
  const lan = planLimits({
    heartbeatUs: 10 * MS,
    leaseUs: 60 * MS,
    suspectUs: 30 * MS,
    deadAfterUs: 50 * MS,
    drainUs: 500,
    barrierUs: 1000,
    startWaitUs: 300 * MS,
  });
  const { node, frames } = serving();
  node.limits = lan;
  assert.equal(sparedLinks(node, frames, [LAN], 0), 0b10);
});
