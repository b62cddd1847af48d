import assert from "node:assert/strict";
import fc from "fast-check";
import { Eligibility, type EligibilitySource } from "./eligibility.ts";

function listening(suspended = false) {
  const told: string[] = [];
  const eligibility = new Eligibility(
    (group, { ok, reason }) => void told.push(`${group} ${ok ? "yes" : `no: ${reason}`}`),
    suspended,
  );
  return { told, eligibility };
}

Deno.test("all must agree, and each change is told once", () => {
  const { told, eligibility } = listening();
  eligibility.say("tracks", "web", { ok: true, reason: "" });
  eligibility.say("services", "web", { ok: false, reason: "echo is ill" });
  eligibility.say("services", "web", { ok: false, reason: "echo is ill" });
  eligibility.say("tracks", "web", { ok: false, reason: "no carrier" });
  eligibility.say("services", "web", { ok: true, reason: "" });
  eligibility.say("services", "mail", { ok: true, reason: "" });
  eligibility.say("tracks", "web", { ok: true, reason: "" });
  assert.deepEqual(told, ["web no: echo is ill", "web no: no carrier; echo is ill", "web no: no carrier", "web yes"]);
  assert.deepEqual(eligibility.saidBy("services").get("web"), { ok: true, reason: "" });
});

Deno.test("suspended: nothing is held against a group, and afterwards what was said counts", () => {
  const { told, eligibility } = listening();
  eligibility.say("tracks", "web", { ok: false, reason: "no carrier" });
  eligibility.suspend(true);
  eligibility.say("services", "mail", { ok: false, reason: "ill" });
  eligibility.suspend(false);
  assert.deepEqual(told, ["web no: no carrier", "web yes", "web no: no carrier", "mail no: ill"]);
  const second = listening(true);
  second.eligibility.say("tracks", "web", { ok: false, reason: "no carrier" });
  assert.deepEqual(second.told, []);
});

Deno.test("what was told last is what all say together", () => {
  const say = fc.record({
    source: fc.constantFrom<EligibilitySource>("tracks", "services", "state"),
    ok: fc.boolean(),
    suspend: fc.option(fc.boolean()),
  });
  fc.assert(fc.property(fc.array(say, { maxLength: 30 }), (all) => {
    let last = true, alarming = false;
    const eligibility = new Eligibility((_, verdict) => ({ ok: last, alarming } = verdict));
    const now = { tracks: true, services: true, state: true };
    let suspended = false;
    for (const { source, ok, suspend } of all) {
      now[source] = ok;
      eligibility.say(source, "web", { ok, reason: ok ? "" : source });
      if (suspend !== null) eligibility.suspend(suspended = suspend);
      // A copy of the state that must not be served must not be served in maintenance either.
      assert.equal(last, now.state && (suspended || (now.tracks && now.services)));
      if (last) assert.equal(alarming, false);
    }
  }));
});
