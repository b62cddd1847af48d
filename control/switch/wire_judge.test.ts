import assert from "node:assert/strict";
import { WireJudge } from "./wire_judge.ts";

const view = (own: number, peer: number, fallback = false) => ({
  own: own + 1,
  peer: peer + 1,
  peerName: "b",
  fallback,
});

/** Looks until there is a verdict, or the time is over: which, and after how many looks. */
function verdict(judge: WireJudge, seconds: number, look: ReturnType<typeof view>): [string | null, number] {
  for (let i = 1; i <= seconds; i++) {
    const reason = judge.look(look);
    if (reason !== null) return [reason, i];
  }
  return [null, seconds];
}

Deno.test("two that see the same, or nearly, or too little to tell, go on", () => {
  for (const [own, peer] of [[2, 2], [2000, 1990], [2000, 1001], [1001, 2000], [3, 38], [1, 1]] as const) {
    assert.deepEqual(verdict(new WireJudge(), 100, view(own, peer)), [null, 100], `${own} and ${peer}`);
  }
});

Deno.test("one that sees nothing, or much less, for three seconds: it does not work, and why", () => {
  const cases = [
    [2000, 0, /^b sees no frame/],
    [0, 2000, /^this node sees no frame/],
    [2, 0, /^b sees no frame/],
    [2000, 900, /this node sees 2000 frames a second for the virtual MAC, b 900/],
    [4, 500, /this node sees 4 .* b 500/],
  ] as const;
  for (const [own, peer, text] of cases) {
    const [reason, after] = verdict(new WireJudge(), 10, view(own, peer));
    assert.match(reason!, text);
    assert.equal(after, 3);
  }
});

Deno.test("a second or two of difference, as when traffic begins, are nothing", () => {
  const judge = new WireJudge();
  for (let i = 0; i < 50; i++) {
    assert.equal(judge.look(view(2000, 2)), null);
    assert.equal(judge.look(view(2000, 2)), null);
    assert.equal(judge.look(view(2000, 2000)), null);
  }
});

Deno.test("bursts that each of them counts in another second are nothing; one that hears half the bursts is something", () => {
  const judge = new WireJudge();
  // Traffic that begins and ends soon: one second later at the peer's count.
  for (const [own, peer] of [[2, 2], [1600, 2], [500, 1600], [571, 1626], [2, 571], [2, 2]] as const) {
    assert.equal(judge.look(view(own, peer)), null);
  }
  for (let i = 0; i < 50; i++) {
    assert.equal(judge.look(view(2000, 2)), null);
    assert.equal(judge.look(view(2, 2000)), null);
  }
  const deaf = new WireJudge();
  assert.match(verdict(deaf, 20, view(2000, 700))[0]!, /b 700/);
});

Deno.test("what is not counted is not compared", () => {
  const judge = new WireJudge();
  judge.look(view(2000, 0));
  judge.look(view(2000, 0));
  assert.equal(judge.look({ own: 0, peer: 1, peerName: "b", fallback: false }), null);
  assert.equal(verdict(judge, 10, view(2000, 0))[1], 3);
});

Deno.test("it is tried again after half a minute without trouble, and later each time that it fails again", () => {
  const judge = new WireJudge();
  const waits = [];
  for (let i = 0; i < 4; i++) {
    verdict(judge, 10, view(2000, 0));
    assert.deepEqual(verdict(judge, 10, view(2, 0, true)), [null, 10], "still suppressed");
    const [reason, after] = verdict(judge, 4000, view(2, 2, true));
    assert.equal(reason, "");
    waits.push(after);
  }
  assert.deepEqual(waits, [30, 60, 120, 240]);
  assert.equal(verdict(judge, 700, view(2000, 2000))[0], null);
  verdict(judge, 10, view(2000, 0));
  assert.equal(verdict(judge, 4000, view(2, 2, true))[1], 60, "ten calm minutes are a new beginning");
});
