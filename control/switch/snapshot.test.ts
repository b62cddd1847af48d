import assert from "node:assert/strict";
import { ScriptedNode } from "../core/scripted.ts";
import { eligibility } from "./snapshot.ts";

Deno.test("status says of a node that waits with a vacancy what it waits for", () => {
  const node = new ScriptedNode();
  assert.deepEqual(eligibility(node.group), { eligible: true, eligible_reason: "" });
  node.on({ kind: "compared", group: 0, on: false }).until(100).hears({ able: false });
  assert.deepEqual(eligibility(node.group), {
    eligible: false,
    eligible_reason: "nobody serves, and its state has not been compared with the peer's yet",
  });
  node.on({ kind: "eligible", group: 0, ok: false, reason: "track" });
  assert.deepEqual(eligibility(node.group), { eligible: false, eligible_reason: "track" });
  node.on({ kind: "eligible", group: 0, ok: true, reason: "" }).on({ kind: "compared", group: 0, on: true });
  assert.deepEqual(eligibility(node.on({ kind: "tick" }).group), { eligible: true, eligible_reason: "" });
});
