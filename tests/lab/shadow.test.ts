/** `segue lab shadow`: both wires, one power-off each. */
import assert from "node:assert/strict";
import { LabRun } from "./lab_run.ts";

Deno.test("shadow --json: two pairs, two crashes, and nothing lost on the shared wire", async () => {
  using run = new LabRun("shadow", "--json");
  assert.equal(await run.ended(), 0, run.stderr + run.stdout);
  const report = JSON.parse(run.stdout);
  assert.deepEqual(report.problems, []);
  const [announce, shared] = report.wires;
  assert.deepEqual([announce.wire, shared.wire], ["announce", "shared"]);
  // How much that is depends on whether a busy machine lets the clients run at that moment.
  assert.ok(announce.udp.sent > 1000 && announce.udp.lost >= 0);
  assert.deepEqual([shared.udp.lost, shared.udp.reordered, shared.tcp.broken], [0, 0, 0]);
  assert.equal(shared.udp.timeline.max_us.length, shared.udp.timeline.lost.length);
  for (const { two_owners, order } of report.wires) {
    assert.equal(two_owners, false);
    assert.match(order, /^(a b|b a)$/);
  }
  run.assertNothingLeft();
});

Deno.test("Ctrl-C in the midst of it: 130, nothing left", async () => {
  using run = new LabRun("shadow");
  await run.until(() => run.namespaces().length === 5, "five namespaces");
  run.signalGroup("SIGINT");
  assert.equal(await run.ended(), 130, run.stderr + run.stdout);
  run.assertNothingLeft();
});
