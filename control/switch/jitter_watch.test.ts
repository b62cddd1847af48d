import assert from "node:assert/strict";
import { bucketOf, totalOf } from "../core/histogram.ts";
import { ScriptedNode } from "../core/scripted.ts";
import { JitterWatch, peerBeatUs } from "./jitter_watch.ts";
import type { Links } from "./links.ts";

const NO_LINKS = { all: [] } as unknown as Links;
const MS = 1000;

/** A standby that hears a primary; its heartbeats come every 2 ms. */
function standby(): ScriptedNode {
  return new ScriptedNode({ index: 1 }).until(1).hears({ role: "primary", epoch: 2 });
}

Deno.test("a delay is what came beyond the interval that the peer keeps", () => {
  const watch = new JitterWatch(), { node } = standby();
  for (const gapMs of [2, 2, 5, 1, 30]) watch.heard(node, node.heardUs + gapMs * MS, true);
  const { heard } = watch.take(NO_LINKS);
  assert.deepEqual(heard.counts, [0, 3, bucketOf(3 * MS), 1, bucketOf(28 * MS), 1]);
  assert.equal(heard.maxUs, 28 * MS);
  assert.equal(totalOf(watch.take(NO_LINKS).heard), 0, "what was handed over is not counted again");
});

Deno.test("a peer that is standby in everything may take its time", () => {
  const { node } = new ScriptedNode({ index: 0 }).until(1).hears({ role: "standby" });
  assert.equal(peerBeatUs(node), 16 * MS);
  assert.equal(peerBeatUs(standby().node), 2 * MS);
  assert.equal(peerBeatUs(new ScriptedNode({ index: 0 }).node), 2 * MS, "one that was never heard is expected soon");
});

Deno.test("neither a restart of the peer nor the time before it was first heard is a delay, and an outage is none", () => {
  const watch = new JitterWatch(), { node } = standby();
  watch.heard(new ScriptedNode({ index: 1 }).node, 5 * MS, true);
  watch.heard(node, node.heardUs + 500 * MS, false);
  watch.heard(node, node.heardUs + 11_000 * MS, true);
  const { heard, outages } = watch.take(NO_LINKS);
  assert.deepEqual([totalOf(heard), outages], [0, 1]);
});

Deno.test("leases: how old they grew beyond a heartbeat, from the take on", () => {
  const watch = new JitterWatch();
  watch.refreshed(1, 3 * MS, 2 * MS);
  watch.taken(1, 10 * MS);
  for (const at of [12, 14, 20]) watch.refreshed(1, at * MS, 2 * MS);
  watch.taken(2, 14 * MS);
  watch.refreshed(2, 15 * MS, 2 * MS);
  assert.equal(watch.leaseAgeUs(1), 6 * MS);
  const { leases } = watch.take(NO_LINKS);
  assert.deepEqual([totalOf(leases), leases.maxUs], [4, 4 * MS], "the refresh before any take is of no lease");
});
