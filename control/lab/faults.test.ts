import assert from "node:assert/strict";
import { Faults, type FaultyWorld } from "./faults.ts";
import type { NodeName } from "./topology.ts";

/** Remembers what was done; the owner is whom the test says. */
class FakeWorld {
  readonly done: string[] = [];
  owner: NodeName = "a";
  broken = "";

  get reigns() {
    return [{ node: this.owner, firstUs: 0, lastUs: 1, frames: 1 }];
  }

  #do(text: string): Promise<never> {
    this.done.push(text);
    return (this.broken === "" ? Promise.resolve() : Promise.reject(new Error(this.broken))) as Promise<never>;
  }

  switchover = (on: NodeName) => this.#do(`move to ${on}`);
  powerOff = (name: NodeName) => this.#do(`off ${name}`);
  powerOn = (name: NodeName) => this.#do(`on ${name}`);
  cable = (up: boolean) => this.#do(`cable ${up}`);
  lan = (name: NodeName, up: boolean) => this.#do(`lan ${name} ${up}`);
  start = (name: NodeName) => void this.done.push(`start ${name}`) as never;
  daemon = (name: NodeName) => ({ signal: (signal: string) => void this.done.push(`${signal} ${name}`) }) as never;
}

async function pressed(world: FakeWorld, keys: string, faults = new Faults(world as FaultyWorld)) {
  const told: string[] = [];
  for (const key of keys) await faults.press(key, (text) => told.push(text));
  return { told, labels: faults.keys.map(({ key, label }) => `${key} ${label}`) };
}

Deno.test("each key breaks something of the owner's, and then mends it", async () => {
  const world = new FakeWorld();
  const { told, labels } = await pressed(world, "122334455661");
  assert.deepEqual(world.done, [
    "move to b",
    "off a",
    "on a",
    "SIGKILL a",
    "start a",
    "SIGSTOP a",
    "SIGCONT a",
    "cable false",
    "cable true",
    "lan a false",
    "lan a true",
    "move to b",
  ]);
  assert.equal(told[1], "power off a");
  assert.deepEqual(labels, [
    "1 move a → b",
    "2 power off a",
    "3 kill -9 a",
    "4 stop a",
    "5 cut cable",
    "6 LAN off a",
  ]);
});

Deno.test("what is broken is what is mended, whoever owns the address by then", async () => {
  const world = new FakeWorld(), faults = new Faults(world as FaultyWorld);
  await pressed(world, "2", faults);
  world.owner = "b";
  assert.equal((await pressed(world, "", faults)).labels[1], "2 power on a");
  assert.deepEqual((await pressed(world, "1", faults)).told, ["move b → a: not possible now"]);
  await pressed(world, "452", faults);
  assert.deepEqual(world.done, ["off a", "SIGSTOP b", "on a", "cable false"]);
});

Deno.test("what fails is told", async () => {
  const world = new FakeWorld();
  world.broken = "called off";
  assert.deepEqual((await pressed(world, "1")).told, ["move a → b", "move a → b: called off"]);
});
