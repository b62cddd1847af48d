import assert from "node:assert/strict";
import fc from "fast-check";
import { emptyHeartbeat } from "./heartbeat.ts";
import { planLimits, PROBES_NEEDED_FENCED } from "./limits.ts";
import { answeredUs, noQuestions, noteSent } from "./questions.ts";

function echoing(...seqs: number[]) {
  const beat = emptyHeartbeat();
  beat.linkCount = seqs.length;
  seqs.forEach((seq, i) => beat.links[i]!.seq = seq);
  return beat;
}

Deno.test("the newest question that was heard counts; what is unknown, or too long ago, does not", () => {
  const sent = noQuestions();
  assert.equal(answeredUs(sent, echoing(1, 0)), -Infinity);
  for (let seq = 1; seq <= 100; seq++) noteSent(sent, seq, seq * 1000);
  assert.equal(answeredUs(sent, echoing(90, 98, 0)), 98_000);
  assert.equal(answeredUs(sent, echoing(36)), -Infinity);
  assert.equal(answeredUs(sent, echoing(37)), 37_000);
  assert.equal(answeredUs(sent, echoing(101)), -Infinity);
  assert.equal(answeredUs(sent, echoing()), -Infinity);
});

Deno.test("numbers are echoed by their low 32 bits", () => {
  const sent = noQuestions(), seq = 2 ** 33 + 7;
  noteSent(sent, seq, 5000);
  assert.equal(answeredUs(sent, echoing(7)), 5000);
});

Deno.test("whatever the timing: a take on a word that may be acted upon ends before the other node can have taken it back", () => {
  const ms = (min: number, max: number) => fc.integer({ min: min * 1000, max: max * 1000 });
  const timing = fc.record({ heartbeatUs: ms(1, 500), suspect: ms(0, 500), dead: ms(1, 2000), lease: ms(4, 3000) });
  fc.assert(fc.property(timing, ({ heartbeatUs, suspect, dead, lease }) => {
    const suspectUs = 2 * heartbeatUs + suspect, deadAfterUs = suspectUs + dead;
    const leaseUs = 3 * heartbeatUs + lease;
    const l = planLimits({ heartbeatUs, suspectUs, deadAfterUs, leaseUs, drainUs: 0, barrierUs: 0, startWaitUs: 0 });
    assert.ok(l.answerMaxUs + l.licenceUs <= l.deadAfterUs + PROBES_NEEDED_FENCED * l.probeUs);
    // And it is long enough for a heartbeat there and one back.
    assert.ok(l.answerMaxUs > 2 * heartbeatUs);
  }));
});
