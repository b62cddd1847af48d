/** Histories of the peer stream, and proof that the arbiter can say no. `STREAM_SEEDS=FIRST:COUNT` plays others. */
import assert from "node:assert/strict";
import { ACK, CREDIT, frameLength, get32, put32, put48 } from "../../../control/core/stream/frames.ts";
import { playStream } from "./scenario.ts";
import type { Sabotage } from "./world.ts";

const [first, count] = (Deno.env.get("STREAM_SEEDS") ?? "1:30").split(":").map(Number) as [number, number];
const seeds = Array.from({ length: count }, (_, i) => first + i);

Deno.test("a storm: every message arrives once, complete and in order, and no number is used twice", () => {
  for (const seed of seeds) {
    const { violations, world } = playStream(seed, false);
    assert.deepEqual(violations, [], `seed ${seed}`);
    assert.ok(world.delivered > 100, `seed ${seed} delivered ${world.delivered}`);
  }
});

Deno.test("nodes restart in the storm: a connection is new, and nothing of an older one arrives in it", () => {
  const reasons = new Set<string>();
  for (const seed of seeds) {
    const { violations, world } = playStream(seed, true);
    assert.deepEqual(violations, [], `seed ${seed}`);
    for (const reason of world.downs) reasons.add(reason);
  }
  assert.deepEqual([...reasons].sort(), ["restarted", "silent"]);
});

Deno.test("seed 498: a recorded hello of a session that was never met does not keep the nodes apart", () => {
  assert.deepEqual(playStream(498, true).violations, []);
});

/** Applies `change` to each frame of the kind. */
function onFrames(kind: number, change: (payload: Uint8Array, at: number) => void): Sabotage {
  return {
    tamper(payload, length) {
      for (let at = 0; at < length; at += frameLength(payload, at, length)) {
        if ((payload[at]! & 0xf0) === (kind & 0xf0) && (kind !== ACK || payload[at] === ACK)) change(payload, at);
      }
    },
  };
}

const SABOTAGES: readonly [what: string, sabotage: Sabotage, restarts: boolean, complaint: RegExp][] = [
  [
    "a receiver that acknowledges a packet that it never got leaves a hole",
    onFrames(ACK, (payload, at) => {
      const gap = payload[at + 6]! > 1 ? get32(payload, at + 17) : 0;
      if (gap === 0) return;
      put32(payload, at + 13, get32(payload, at + 13) + 1);
      put32(payload, at + 17, gap - 1);
    }),
    false,
    /^of \d+ messages/,
  ],
  [
    "a receiver that acknowledges more than was ever sent",
    onFrames(ACK, (payload, at) => put48(payload, at + 7, 100_000)),
    false,
    /violation/,
  ],
  [
    "a receiver that never grants credit brings the sender to a halt",
    onFrames(CREDIT, (payload, at) => put48(payload, at + 1, 0)),
    false,
    /^of \d+ messages/,
  ],
  ["a run that takes the session of the one before uses numbers twice", { sameSession: true }, true, /used twice/],
  ["without keys of its own an older connection's packets come through", { oneKey: true }, true, /message|violation/],
];

for (const [what, sabotage, restarts, complaint] of SABOTAGES) {
  Deno.test(`sabotage: ${what}, and the arbiter says so`, () => {
    const heard: string[] = [];
    for (let seed = 1; seed <= 40 && !heard.some((text) => complaint.test(text)); seed++) {
      heard.push(...playStream(seed, restarts, sabotage).violations);
    }
    assert.ok(heard.some((text) => complaint.test(text)), heard[0] ?? "nothing");
  });
}
