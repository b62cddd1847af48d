/** `segue lab` as a program meets it, and as a terminal ends it: at any moment, and with the whole process group. */
import assert from "node:assert/strict";
import { sleep } from "../../control/lab/command.ts";
import { LabRun } from "./lab_run.ts";

Deno.test("planned --json: one document, the promise, and that it was kept", async () => {
  using run = new LabRun("planned", "--json");
  assert.equal(await run.ended(), 0, run.stderr + run.stdout);
  // Nobody looks at standard error, so nothing is said there.
  assert.equal(run.stderr, "");
  const report = JSON.parse(run.stdout);
  assert.equal(report.failure, null);
  assert.equal(report.scenarios.length, 1);
  const [planned] = report.scenarios;
  assert.equal(planned.kept, true);
  assert.match(planned.promise, /one owner at every moment/);
  assert.equal(planned.receipt.outcome, "done");
  const { timeline } = planned.client;
  assert.equal(timeline.max_us.length, timeline.lost.length);
  assert.equal(timeline.lost.reduce((sum: number, lost: number) => sum + lost, 0), planned.client.lost);
  assert.ok(report.compared_with.rows.some((row: { scenario: string }) => row.scenario === "planned"));
  run.assertNothingLeft();
});

Deno.test("flush: somebody else's flush on the standby costs the clients nothing", async () => {
  using run = new LabRun("flush", "--json");
  assert.equal(await run.ended(), 0, run.stderr + run.stdout);
  const [flush] = JSON.parse(run.stdout).scenarios;
  assert.deepEqual([flush.kept, flush.receipt, flush.client.lost], [true, null, 0]);
  assert.equal(flush.ownership.order, flush.primary);
});

Deno.test("an unknown scenario: the list, exit 2, nothing built", async () => {
  using run = new LabRun("flood");
  assert.equal(await run.ended(), 2);
  assert.match(run.stderr, /no scenario flood/);
  for (const name of ["planned", "power-off", "kill", "cable", "flush"]) {
    assert.match(run.stderr, new RegExp(`^  ${name} `, "m"));
  }
  for (const line of run.stderr.split("\n")) assert.ok(line.length <= 100, line);
  run.assertNothingLeft();
});

/** After the first namespace: while it is built, while daemons start, before the fault, after it. */
for (const afterMs of [0, 60, 250, 700, 1500, 3000, 3600]) {
  Deno.test(`Ctrl-C ${afterMs} ms after the first namespace: 130, nothing left`, async () => {
    using run = new LabRun("power-off");
    await run.until(() => run.namespaces().length > 0, "the first namespace");
    await sleep(afterMs);
    // As a terminal does it: the lab and every command that it waits for.
    run.signalGroup("SIGINT");
    assert.equal(await run.ended(), 130, run.stderr + run.stdout);
    run.assertNothingLeft();
  });
}

Deno.test("Ctrl-C, and again while everything is taken away", async () => {
  using run = new LabRun("power-off");
  await run.until(() => run.namespaces().length === 4, "four namespaces");
  await sleep(2000);
  // What is looked for at the end can be seen at all: the lab, its services, its watcher, two daemons.
  assert.ok(run.processes().length >= 8, run.processes().join("\n"));
  for (let i = 0; i < 4; i++) {
    run.signalGroup("SIGINT");
    await sleep(30);
  }
  assert.equal(await run.ended(), 130, run.stderr + run.stdout);
  run.assertNothingLeft();
});

Deno.test("the reader goes away (segue lab | head): the lab ends, nothing left", async () => {
  using run = new LabRun("kill");
  await run.until(() => run.stdout !== "", "the first line");
  run.closeStdout();
  assert.equal(await run.ended(), 141, run.stderr);
  run.assertNothingLeft();
});
