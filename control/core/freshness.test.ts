import assert from "node:assert/strict";
import fc from "fast-check";
import { createFreshness, type Freshness, judge, type Verdict } from "./freshness.ts";

const MS = 1000;
/** Sessions: ours, and three runs of the peer. */
const OWN = 77, ONE = 1001, TWO = 1002, THREE = 1003;

interface Line {
  readonly atMs: number;
  /** Session, echo, sequence. */
  readonly says: readonly [number, number, number];
  readonly is: Verdict;
  /** What our heartbeats echo afterwards. */
  readonly echo: number;
}

function play(lines: readonly Line[]): Freshness {
  const state = createFreshness(OWN);
  for (const { atMs, says: [session, echoSession, seq], is, echo } of lines) {
    assert.equal(judge(state, { session, echoSession, seq }, atMs * MS, 50 * MS), is, `${atMs} ms`);
    assert.equal(state.echo, echo, `echo after ${atMs} ms`);
  }
  return state;
}

const MEETING: readonly Line[] = [
  { atMs: 1, says: [ONE, 0, 1], is: "greeting", echo: ONE },
  { atMs: 2, says: [ONE, OWN, 2], is: "fresh", echo: ONE },
];

Deno.test("two nodes that start meet by a greeting and its answer", () => {
  play(MEETING);
});

Deno.test("the same heartbeat by another link is a copy, an earlier one is old", () => {
  play([
    ...MEETING,
    { atMs: 4, says: [ONE, OWN, 3], is: "fresh", echo: ONE },
    { atMs: 4, says: [ONE, OWN, 3], is: "copy", echo: ONE },
    { atMs: 5, says: [ONE, OWN, 2], is: "old", echo: ONE },
    { atMs: 6, says: [ONE, OWN, 9], is: "fresh", echo: ONE },
  ]);
});

Deno.test("after an own restart the peer greets until it has heard our session", () => {
  play([
    { atMs: 1, says: [ONE, 55, 900], is: "greeting", echo: ONE },
    { atMs: 3, says: [ONE, 55, 901], is: "greeting", echo: ONE },
    { atMs: 4, says: [ONE, OWN, 902], is: "fresh", echo: ONE },
  ]);
});

Deno.test("a peer that starts anew is met again, and what it said before is retired", () => {
  play([
    ...MEETING,
    { atMs: 60, says: [TWO, 0, 1], is: "greeting", echo: TWO },
    { atMs: 61, says: [TWO, OWN, 2], is: "fresh", echo: TWO },
    { atMs: 62, says: [ONE, OWN, 3], is: "retired", echo: TWO },
    { atMs: 63, says: [ONE, 0, 1], is: "retired", echo: TWO },
    { atMs: 64, says: [TWO, OWN, 3], is: "fresh", echo: TWO },
    { atMs: 130, says: [THREE, 0, 1], is: "greeting", echo: THREE },
    { atMs: 131, says: [THREE, OWN, 2], is: "fresh", echo: THREE },
    { atMs: 132, says: [TWO, OWN, 4], is: "retired", echo: THREE },
    { atMs: 133, says: [ONE, OWN, 4], is: "retired", echo: THREE },
  ]);
});

Deno.test("a recorded greeting does not make a living peer deaf to us", () => {
  play([
    ...MEETING,
    { atMs: 4, says: [THREE, 0, 1], is: "greeting", echo: ONE },
    { atMs: 51, says: [THREE, 0, 1], is: "greeting", echo: ONE },
    { atMs: 52, says: [ONE, OWN, 3], is: "fresh", echo: ONE },
  ]);
});

Deno.test("a greeting is answered again once the known run has been silent for 50 ms", () => {
  play([
    ...MEETING,
    { atMs: 52, says: [TWO, 0, 1], is: "greeting", echo: ONE },
    { atMs: 52.1, says: [TWO, 0, 2], is: "greeting", echo: TWO },
    // The peer was only stopped: its own run counts as before.
    { atMs: 53, says: [ONE, OWN, 3], is: "fresh", echo: ONE },
  ]);
});

Deno.test("a sequence may pass 32 bits: at 2 ms they last 99 days", () => {
  play([
    { atMs: 1, says: [ONE, OWN, 0xffff_ffff], is: "fresh", echo: ONE },
    { atMs: 2, says: [ONE, OWN, 0x1_0000_0000], is: "fresh", echo: ONE },
    { atMs: 3, says: [ONE, OWN, 0xffff_ffff], is: "old", echo: ONE },
  ]);
});

Deno.test("the memory of runs is bounded", () => {
  const state = createFreshness(OWN);
  for (let i = 1; i <= 5000; i++) judge(state, { session: i, echoSession: OWN, seq: 1 }, i, 50 * MS);
  assert.equal(state.retired.length, 4096);
  assert.equal(judge(state, { session: 4000, echoSession: OWN, seq: 2 }, 6000, 50 * MS), "retired");
});

Deno.test("no recorded datagram is ever fresh again, however it is replayed", () => {
  // A peer restarts and beats; whatever it ever sent to us or to an earlier run of ours is replayed at any time.
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.record({ does: fc.constant("beat" as const), knowsUs: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("restart" as const) }) },
    { weight: 6, arbitrary: fc.record({ does: fc.constant("replay" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("weRestart" as const) }) },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.integer({ min: 0, max: 80_000 })), { maxLength: 80 }), (acts) => {
      const sent: { session: number; echoSession: number; seq: number }[] = [];
      let state = createFreshness(OWN), session = 1000, seq = 0, now = 0, ourRun = OWN;
      for (const [it, pauseUs] of acts) {
        now += pauseUs;
        if (it.does === "restart") {
          session++;
          seq = 0;
        } else if (it.does === "weRestart") {
          state = createFreshness(++ourRun);
        } else if (it.does === "beat") {
          const beat = { session, echoSession: it.knowsUs ? ourRun : 0, seq: ++seq };
          sent.push(beat);
          assert.equal(judge(state, beat, now, 50 * MS), it.knowsUs ? "fresh" : "greeting");
        } else if (sent.length > 0) {
          const heardUs = state.freshUs;
          assert.notEqual(judge(state, sent[it.which % sent.length]!, now, 50 * MS), "fresh");
          assert.equal(state.freshUs, heardUs);
        }
      }
    }),
    { numRuns: 500 },
  );
});
