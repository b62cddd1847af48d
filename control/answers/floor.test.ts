/** A recorded history with known stalls, and the answer computed from it in another way. */
import assert from "node:assert/strict";
import { PROFILES } from "../../config/profiles.ts";
import { Delays } from "../core/histogram.ts";
import { type JitterRow, NO_JITTER } from "../core/jitter.ts";
import { floorOf } from "./floor.ts";
import { floorText } from "./floor_text.ts";

/** Moments at which heartbeats came, microseconds: every 10 ms, with jitter that repeats, and these stalls. */
const STALLS_MS = [3, 5, 12, 18, 26, 42, 42, 70, 130, 480, 900];

function recordedHistory(): number[] {
  const heard: number[] = [];
  let now = 0;
  for (let i = 0; i < 20_000; i++) {
    now += 10_000 + (i * 7919 % 400);
    const stall = STALLS_MS[i / 1500];
    if (stall !== undefined && i > 0) now += stall * 1000;
    heard.push(now);
  }
  return heard;
}

/** As the switch thread counts: minute by minute. */
function rowsOf(history: readonly number[]): JitterRow[] {
  const rows: JitterRow[] = [];
  let delays = new Delays();
  for (let i = 1; i < history.length; i++) {
    delays.note(history[i]! - history[i - 1]! - 10_000);
    if (i % 6000 !== 0 && i !== history.length - 1) continue;
    const heard = delays.take();
    rows.push({ ...NO_JITTER, at: rows.length * 60, seconds: 60, heard, leases: heard, links: { "path x": heard } });
    delays = new Delays();
  }
  return rows;
}

/** The same from the moments themselves: would a detector with these times have lost patience in a gap? */
function replay(history: readonly number[], beatUs: number, patienceUs: number): number {
  let times = 0;
  for (let i = 1; i < history.length; i++) {
    const silence = history[i]! - history[i - 1]! - 10_000 + beatUs;
    if (silence >= patienceUs) times++;
  }
  return times;
}

Deno.test("each profile would have done what a replay of the history does", () => {
  const history = recordedHistory();
  const { profiles } = floorOf(rowsOf(history), 24);
  assert.deepEqual(profiles.map(({ profile }) => profile), ["fast", "lan", "wan"]);
  for (const it of profiles) {
    const { heartbeatUs, suspectUs, deadAfterUs, leaseUs } = PROFILES[it.profile as "fast"];
    assert.equal(it.suspicions, replay(history, heartbeatUs, suspectUs), `${it.profile}: suspicions`);
    assert.equal(
      it.takeovers,
      replay(history, heartbeatUs, Math.max(deadAfterUs, leaseUs)),
      `${it.profile}: takeovers`,
    );
    assert.equal(it.lapses, replay(history, heartbeatUs, leaseUs - 4000), `${it.profile}: lapses`);
  }
  assert.deepEqual(profiles.map(({ suspicions, takeovers }) => [suspicions, takeovers]), [[10, 8], [7, 4], [2, 1]]);
});

Deno.test("the tightest times would have had nothing, and a millisecond less would have had something", () => {
  const history = recordedHistory();
  const { tightest } = floorOf(rowsOf(history), 24);
  assert.deepEqual(tightest.map((it) => it.heartbeat_us), [1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000]);
  for (const { heartbeat_us: beat, lease_us: lease, suspect_us: suspect, dead_after_us: dead } of tightest) {
    assert.equal(replay(history, beat, suspect), 0);
    assert.equal(replay(history, beat, dead), 0);
    assert.equal(replay(history, beat, lease - 4000), 0);
    assert.ok(replay(history, beat, suspect - 1000) > 0);
    assert.ok(replay(history, beat, lease - 5000) > 0);
    // The relations of a configuration.
    assert.ok(suspect >= 2 * beat && lease >= 3 * beat + 4000 && dead >= suspect + 2 * Math.max(1000, suspect / 4));
  }
});

Deno.test("on a quiet pair the relations of the times are the floor", () => {
  const calm: JitterRow = { ...NO_JITTER, at: 0, seconds: 60, heard: { counts: [0, 100], maxUs: 20 } };
  const { tightest, profiles } = floorOf([calm], 24, {
    heartbeat_us: 5000,
    lease_us: 30_000,
    suspect_us: 15_000,
    dead_after_us: 25_000,
  });
  assert.deepEqual(tightest[1], { heartbeat_us: 2000, lease_us: 10_000, suspect_us: 4000, dead_after_us: 6000 });
  assert.deepEqual(profiles.map((it) => [it.profile, it.suspicions]), [
    ["configured", 0],
    ["fast", 0],
    ["lan", 0],
    ["wan", 0],
  ]);
});

Deno.test("for people: what was seen, what it would have done, what would have been enough", () => {
  const text = floorText(floorOf(rowsOf(recordedHistory()), 24));
  assert.match(text, /^the last 24 h, of which 4 min were seen: little to go by\n/);
  assert.match(text, /the latest 900 ms/);
  assert.match(text, /^lan +10ms +60ms +30ms +50ms +7 +4 +4$/m);
  assert.match(text, /^1ms +906ms +902ms +1353ms$/m);
  assert.match(floorText(floorOf([], 24)), /^nothing was counted in the last 24 h/);
});
