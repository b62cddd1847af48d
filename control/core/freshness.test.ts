import assert from "node:assert/strict";
import fc from "fast-check";
import { createFreshness, type Freshness, judge, RUN_BITS, runOf, type Verdict } from "./freshness.ts";

const MS = 1000;
/** Sessions: ours and its later generations, and three runs of the peer. */
const OWN = 77, OWN_2 = OWN + 2 ** RUN_BITS, OWN_3 = OWN_2 + 2 ** RUN_BITS, ONE = 1001, TWO = 1002, THREE = 1003;

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
    { atMs: 61, says: [TWO, OWN, 2], is: "greeting", echo: TWO },
    { atMs: 61.5, says: [TWO, OWN_2, 3], is: "fresh", echo: TWO },
    { atMs: 62, says: [ONE, OWN, 3], is: "retired", echo: TWO },
    { atMs: 63, says: [ONE, 0, 1], is: "retired", echo: TWO },
    { atMs: 64, says: [TWO, OWN_2, 4], is: "fresh", echo: TWO },
    { atMs: 130, says: [THREE, 0, 1], is: "greeting", echo: THREE },
    { atMs: 131, says: [THREE, OWN_2, 2], is: "greeting", echo: THREE },
    { atMs: 131.5, says: [THREE, OWN_3, 3], is: "fresh", echo: THREE },
    { atMs: 132, says: [TWO, OWN_2, 4], is: "retired", echo: THREE },
    { atMs: 133, says: [ONE, OWN, 4], is: "retired", echo: THREE },
  ]);
});

Deno.test("what a run said that this node never heard does not make it deaf to the run that lives", () => {
  play([
    // Recorded: a run that had met us, of which nothing came here.
    ...MEETING,
    { atMs: 3, says: [TWO, OWN, 900], is: "greeting", echo: ONE },
    // The living one goes on, whether it has heard of our new generation yet or not.
    { atMs: 4, says: [ONE, OWN, 3], is: "fresh", echo: ONE },
    { atMs: 5, says: [TWO, OWN, 901], is: "greeting", echo: ONE },
    { atMs: 6, says: [ONE, OWN_2, 4], is: "fresh", echo: ONE },
    { atMs: 7, says: [ONE, OWN, 3], is: "old", echo: ONE },
  ]);
  // It came first: then the living run is another one, and has to show that it lives.
  play([
    { atMs: 1, says: [TWO, OWN, 900], is: "fresh", echo: TWO },
    { atMs: 2, says: [ONE, OWN, 1], is: "greeting", echo: TWO },
    { atMs: 3, says: [ONE, OWN_2, 2], is: "fresh", echo: ONE },
    { atMs: 4, says: [TWO, OWN, 901], is: "retired", echo: ONE },
  ]);
});

Deno.test("a later generation is the same run of the peer", () => {
  play([
    ...MEETING,
    { atMs: 3, says: [ONE + 2 ** RUN_BITS, OWN, 3], is: "fresh", echo: ONE + 2 ** RUN_BITS },
    { atMs: 4, says: [ONE, OWN, 4], is: "fresh", echo: ONE + 2 ** RUN_BITS },
    { atMs: 5, says: [ONE, OWN, 3], is: "old", echo: ONE + 2 ** RUN_BITS },
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
  for (let i = 1; i <= 10_000; i++) {
    for (let seq = 1; seq <= 2; seq++) judge(state, { session: i, echoSession: state.session, seq }, i, 50 * MS);
    assert.equal(state.peerSession, i, "also after the last generation");
  }
  assert.equal(state.retired.length, 4096);
  assert.ok(Number.isSafeInteger(state.session));
  assert.equal(judge(state, { session: 9000, echoSession: state.session, seq: 2 }, 16_000, 50 * MS), "retired");
});

Deno.test("no recorded datagram is ever fresh again, and none keeps the living run from being heard", () => {
  // A peer restarts and beats; what it sends comes or not, and is sent again at any time by somebody, also to later runs of ours.
  const act = fc.oneof(
    { weight: 4, arbitrary: fc.record({ does: fc.constant("beat" as const), comes: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ does: fc.constant("hears" as const) }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("restart" as const) }) },
    { weight: 6, arbitrary: fc.record({ does: fc.constant("replay" as const), which: fc.nat() }) },
    { weight: 1, arbitrary: fc.record({ does: fc.constant("weRestart" as const) }) },
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(act, fc.integer({ min: 0, max: 80_000 })), { maxLength: 80 }), (acts) => {
      const sent: { session: number; echoSession: number; seq: number; came: boolean }[] = [];
      let state = createFreshness(OWN), session = 1000, seq = 0, now = 0, ourRun = OWN, heard = 0;
      const beat = (comes: boolean): Verdict | null => {
        const it = { session, echoSession: heard, seq: ++seq, came: comes };
        sent.push(it);
        return comes ? judge(state, it, now, 50 * MS) : null;
      };
      for (const [it, pauseUs] of acts) {
        now += pauseUs;
        if (it.does === "restart") {
          session++;
          seq = heard = 0;
        } else if (it.does === "weRestart") {
          state = createFreshness(++ourRun);
        } else if (it.does === "hears") {
          heard = state.session;
        } else if (it.does === "beat") {
          beat(it.comes);
        } else if (sent.length > 0) {
          const old = sent[it.which % sent.length]!,
            before = { ...state },
            known = runOf(before.peerSession) === session;
          const fresh = judge(state, old, now, 50 * MS) === "fresh";
          if (old.came) assert.ok(!fresh, "came once before");
          if (known && old.session !== session) {
            assert.ok(!fresh && state.peerSession === before.peerSession, "an older run");
          }
          if (known && fresh) assert.ok(old.seq > before.seq, "out of its order");
          if (!fresh) assert.equal(state.freshUs, before.freshUs);
          old.came ||= fresh;
        }
      }
      // Whatever it was, two words each way are enough.
      let last: Verdict | null = null;
      for (let i = 0; i < 2; i++) {
        heard = state.session;
        last = beat(true);
      }
      assert.equal(last, "fresh");
      assert.equal(state.peerSession, session);
    }),
    { numRuns: 2000 },
  );
});
