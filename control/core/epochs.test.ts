/** What a copy of the state has heard of a reign before any heartbeat said so. */
import assert from "node:assert/strict";
import { ScriptedNode } from "./scripted.ts";

Deno.test("a standby takes over above the reign that its copy has heard of", () => {
  const node = new ScriptedNode({ index: 1 }).until(100).hears({ role: "primary", epoch: 2 });
  node.on({ kind: "reignKnown", group: 0, epoch: 4 }).until(150);
  assert.equal(node.state, "primary none 5 refresh");
});

Deno.test("a primary that is told too late takes a higher number, once it can prove one", () => {
  const node = new ScriptedNode({ reservedUpTo: 500 }).until(400);
  node.on({ kind: "reignKnown", group: 0, epoch: 7 }).on({ kind: "tick" });
  assert.equal(node.state, "primary none 8 refresh");
  node.on({ kind: "reignKnown", group: 0, epoch: 700 }).on({ kind: "tick" });
  assert.equal(node.state, "primary none 8 refresh");
  node.on({ kind: "reserved", group: 0, upTo: 1700 }).on({ kind: "tick" }).on({ kind: "tick" });
  assert.equal(node.state, "primary none 702 refresh");
  assert.match(node.told().join("\n"), /event epoch\n400 reserve above 700\n400 announce, event epoch$/);
});
