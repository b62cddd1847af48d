/** What the tests of the real pair share. */
import assert from "node:assert/strict";
import type { Measurement } from "../../control/lab/measurement.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { reignText } from "../../control/lab/watcher.ts";
import { World, type WorldOptions } from "../../control/lab/world.ts";

export { sleep } from "../../control/lab/command.ts";

/** A running pair, profile `fast` unless told otherwise; gone when the test is over, however it ends. */
export async function withPair(
  body: (world: World, primary: NodeName, standby: NodeName) => Promise<void>,
  options: Partial<WorldOptions> = {},
): Promise<void> {
  await using world = await World.create({ family: "segtest", profile: "fast", ...options });
  try {
    await world.startBoth();
    const primary = (await world.primary())!;
    await body(world, primary, other(primary));
  } catch (error) {
    console.log(world.logs());
    throw error;
  }
}

export function other(name: NodeName): NodeName {
  return name === "a" ? "b" : "a";
}

/** Nothing lost, doubled or out of order. */
export function assertPerfect(m: Measurement): void {
  const { lost, duplicates, reordered } = m;
  assert.deepEqual({ lost, duplicates, reordered }, { lost: 0, duplicates: 0, reordered: 0 });
}

/** Exactly these nodes spoke as the addresses, one after the other: nobody spoke in another's reign. */
export async function assertReigns(world: World, expected: string): Promise<void> {
  // The watcher tells what it has heard twenty times a second.
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.equal(reignText(world.reigns), expected);
}

/** Well above what is measured on a quiet machine, well below what a broken failover takes. */
export const GAP_MS_MAX = 150;
