/**
 * Service interfaces that are no network card: what stands beneath them is not gated, and must be as mute. A bridge, and a macvlan; this kernel has
 * neither VLAN nor bond.
 */
import assert from "node:assert/strict";
import type { Measurement } from "../../control/lab/measurement.ts";
import type { ServiceDevice } from "../../control/lab/topology.ts";
import type { World } from "../../control/lab/world.ts";
import { assertPerfect, assertReigns, sleep, withPair } from "./pair.ts";

/** Longer than a service of a busy machine gets no time. */
const LAG_MS = 100;
const WIRES = { announce: 'wire = "announce"', shared: `wire = "shared"\nshared = { lag = "${LAG_MS}ms" }` } as const;

async function under(world: World, fault: () => Promise<unknown>): Promise<Measurement[]> {
  const clients = [await world.udp({ durationMs: 1500, intervalUs: 1000 })];
  clients.push(await world.udp({ durationMs: 1500, intervalUs: 1000, v6: true }));
  await sleep(400);
  await fault();
  return await Promise.all(clients.map((it) => it.result()));
}

const WORKING: readonly (readonly [ServiceDevice, keyof typeof WIRES])[] = [
  ["bridge", "announce"],
  ["bridge", "shared"],
  ["macvlan passthru", "announce"],
  ["macvlan passthru", "shared"],
  ["macvlan private", "announce"],
];

for (const [device, wire] of WORKING) {
  Deno.test(`a ${device} as service interface, ${wire}: a planned move loses nothing, a power-off what it may`, () =>
    withPair(async (world, primary, standby) => {
      for (const seen of await under(world, () => world.switchover(standby))) assertPerfect(seen);
      for (const { lost, reordered } of await under(world, () => world.powerOff(standby))) {
        assert.equal(reordered, 0);
        assert.ok(wire === "shared" ? lost === 0 : lost > 0 && lost < 300, `${lost} lost`);
      }
      if (wire === "shared") assert.equal((await world.status(primary))!.groups[0]!.wire!.in_force, "shared");
      await assertReigns(world, `${primary} ${standby} ${primary}`);
    }, { device, group: WIRES[wire] }));
}

Deno.test("a macvlan that shares its card hears no virtual MAC: the pair says so and is on the other wire soon", () =>
  withPair(async (world, primary, standby) => {
    const inForce = async () => (await world.status(primary))!.groups[0]!.wire!.in_force;
    await world.until(async () => await inForce() === "announce", 15_000, "the pair to fall back");
    const alarms = (await world.status(primary))!.alarms.map(({ kind }) => kind);
    assert.ok(alarms.includes("wire web"), `${alarms}`);
    for (const seen of await under(world, () => world.switchover(standby))) assertPerfect(seen);
    await assertReigns(world, `${primary} ${standby}`);
  }, { device: "macvlan private", group: WIRES.shared }));
