import assert from "node:assert/strict";
import { Errand } from "./errand.ts";

const CONTEXT = { epoch: 3, planned: true, reason: "test", deadlineUs: null };

Deno.test("an order that is superseded says only that; one that is too late also says what it waited for", () => {
  assert.deepEqual(new Errand("primary", CONTEXT).result(null), { ok: true, reason: "", steps: [] });
  assert.deepEqual(new Errand("primary", CONTEXT).result("no"), { ok: false, reason: "no", steps: [] });
  const superseded = new Errand("primary", CONTEXT);
  superseded.callOff("superseded");
  superseded.callOff("too late");
  assert.equal(superseded.signal.aborted, true);
  assert.equal(superseded.result("service a: not healthy yet").reason, "superseded");
  const late = new Errand("primary", CONTEXT);
  late.callOff("too late");
  assert.equal(late.result("service a: not healthy yet").reason, "too late: service a: not healthy yet");
  assert.equal(late.result(null).ok, false);
});
