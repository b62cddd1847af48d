import assert from "node:assert/strict";
import { type Outcome, type Progress, Waits } from "./waits.ts";

const FOLLOWED = (received: number, durable: number, own = 0): Progress => ({
  durable: own,
  peer: { received, durable },
});

/** What has become of each wait, by name. */
function watch(entries: Record<string, Promise<Outcome>>): Record<string, string> {
  const seen: Record<string, string> = {};
  for (const [name, promise] of Object.entries(entries)) {
    promise.then(
      ({ degraded }) => seen[name] = degraded ? "alone" : "safe",
      (reason) => seen[name] = `no: ${reason}`,
    );
  }
  return seen;
}

const turn = () => new Promise<void>((resolve) => queueMicrotask(resolve)).then(() => {});

Deno.test("replicated: when the standby's memory has it; durable: when both disks have", async () => {
  const waits = new Waits();
  const seen = watch({
    one: waits.add(1, "replicated", 100),
    two: waits.add(2, "replicated", 100),
    disk: waits.add(2, "durable", 100),
  });
  waits.settle(FOLLOWED(1, 0), 0);
  await turn();
  assert.deepEqual(seen, { one: "safe" });
  waits.settle(FOLLOWED(2, 2, 1), 0);
  await turn();
  assert.deepEqual(seen, { one: "safe", two: "safe" }, "its own disk has not");
  waits.settle(FOLLOWED(2, 1, 2), 0);
  await turn();
  assert.deepEqual(seen, { one: "safe", two: "safe" }, "the standby's disk has not");
  waits.settle(FOLLOWED(2, 2, 2), 0);
  await turn();
  assert.deepEqual(seen, { one: "safe", two: "safe", disk: "safe" });
  assert.equal(waits.size, 0);
});

Deno.test("a standby that is away is not waited for, one that is coming is for a while, the own disk always", async () => {
  const waits = new Waits();
  const seen = watch({
    soon: waits.add(1, "replicated", 50),
    later: waits.add(2, "replicated", 200),
    disk: waits.add(2, "durable", 50),
  });
  waits.settle({ durable: 0, peer: "coming" }, 0);
  await turn();
  assert.deepEqual(seen, {});
  assert.deepEqual([waits.nextUs(0), waits.nextUs(60)], [50, Infinity], "the disk will be waited for");
  waits.settle({ durable: 1, peer: "coming" }, 60);
  await turn();
  assert.deepEqual(seen, { soon: "alone" });
  waits.settle({ durable: 2, peer: null }, 61);
  await turn();
  assert.deepEqual(seen, { soon: "alone", later: "alone", disk: "alone" });
});

Deno.test("who has lost the role does not know what became of a write; a disk that refuses concerns the durable ones", async () => {
  const waits = new Waits();
  const seen = watch({ memory: waits.add(1, "replicated", 50), disk: waits.add(1, "durable", 50) });
  waits.abandon("disk");
  await turn();
  assert.deepEqual(seen, { disk: "no: disk" });
  assert.equal(waits.wantsDisk, false);
  waits.abandon("role");
  await turn();
  assert.deepEqual(seen, { disk: "no: disk", memory: "no: role" });
});
