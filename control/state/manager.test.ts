import assert from "node:assert/strict";
import { StateManager } from "./manager.ts";
import type { Clock } from "./clock.ts";

const STILL: Clock = {
  nowUs: () => 0,
  wall: () => "",
  after: () => () => {},
  soon: (act) => act(),
  behind: (act) => act(),
};

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** A manager whose copy knows of the reign with epoch 4, and which reigns the switch thread was told of. */
async function knowing() {
  const told: number[] = [];
  const manager = await StateManager.open(
    {
      groups: [{ name: "web", rules: { whenAlone: "accept", waitUs: 1000, maxBytes: 1000 } }],
      peerName: "b",
      digest: new Uint8Array(8),
      startWaitMs: 300,
      disk: { append: () => 1 },
      event: () => {},
      alarm: () => {},
      eligible: () => {},
      compared: () => {},
      reignKnown: (_group, epoch) => void told.push(epoch),
      managed: () => {},
      clock: STILL,
    },
    () => Promise.resolve({ floor: 0, lsn: 3, copying: false, reigns: [{ epoch: 4, firstLsn: 1 }], chunks: nothing() }),
  );
  manager.start();
  return { manager, told, replica: manager.groups.get("web")!.replica };
}

Deno.test("the switch thread is told of the last reign that a copy knows of, once", async () => {
  const { manager, told } = await knowing();
  manager.start();
  assert.deepEqual(told, [4]);
});

Deno.test("a copy does not begin a reign below one that it knows of: the switch thread comes back with a higher epoch", async () => {
  const { manager, told, replica } = await knowing();
  manager.role("web", "primary", 3);
  assert.deepEqual([replica.serving, replica.history.reigns.length], [false, 1]);
  manager.role("web", "primary", 5);
  assert.deepEqual([replica.serving, replica.epoch, told], [true, 5, [4, 5]]);
});
