/**
 * A history by seed: a pair starts, things happen to it, all is mended, and it is asked for what a healthy pair owes: that it settles, that a
 * switchover loses nothing, that it goes on when one node is lost. Then again.
 */
import { PROFILES } from "../../config/profiles.ts";
import type { CoreTiming } from "../../control/core/limits.ts";
import type { AckLevel } from "../../control/state/waits.ts";
import { type Fault, faults } from "./faults.ts";
import { moreFaults } from "./more_faults.ts";
import type { NodeIndex } from "./network.ts";
import type { SimNode } from "./node.ts";
import { Random } from "./random.ts";
import { replicaOf } from "./referee.ts";
import { judgeSpan } from "./traffic.ts";
import { type Hooks, type Settings, SimWorld } from "./world.ts";

export interface Outcome {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly trace: readonly string[];
  /** What was played, in the world's time. */
  readonly simulatedUs: number;
  /** Moments with two owners that two nodes alone cannot know better. */
  readonly excused: number;
}

const MS = 1000;
/** What a fence command that works takes at most, with what is around it. */
const FENCE_US = 80 * MS;
/** Most seeds play the default profile. */
const TIMINGS: readonly CoreTiming[] = [
  PROFILES.lan,
  PROFILES.lan,
  PROFILES.lan,
  PROFILES.lan,
  PROFILES.lan,
  PROFILES.fast,
  PROFILES.wan,
  PROFILES.wan,
];

export function settingsOf(seed: number, hooks: Hooks = {}): Settings {
  const random = new Random(seed ^ 0x5e9e);
  return {
    timing: random.pick(TIMINGS),
    servicesFail: random.pick([null, null, 0, 0.2]),
    bytes: random.chance(0.05),
    rough: true,
    hooks,
    // Most pairs have neither; no seed plays another history for it.
    ...random.pick<Partial<Settings>>([{}, {}, {}, {}, { gateway: true }, { gateway: true }, { fencing: true }]),
  };
}

/** @param onTrace called with each line of the trace */
export async function play(
  seed: number,
  hooks: Hooks = {},
  onTrace: (line: string) => void = () => {},
): Promise<Outcome> {
  const world = new SimWorld(seed, settingsOf(seed, hooks));
  world.onTrace = onTrace;
  await new History(world).play();
  const { referee, trace, now } = world;
  return { seed, violations: referee.violations, trace, simulatedUs: now, excused: referee.excused };
}

class History {
  readonly #world: SimWorld;
  readonly #random: Random;
  readonly #faults: readonly Fault[];
  #command = 0;

  constructor(world: SimWorld) {
    this.#world = world;
    this.#random = world.random;
    this.#faults = [...faults, ...moreFaults(world.settings)];
  }

  async play(): Promise<void> {
    const world = this.#world, random = this.#random;
    const first = random.pick([0, 1] as const);
    world.start(first);
    world.at(random.int(0, 300 * MS), () => world.powerOn(1 - first as NodeIndex));
    await this.#settle("after the start");
    for (let act = 0; act < 2 && this.#goesOn; act++) {
      await this.#trouble(random.int(3, 6));
      await this.#mend();
      for (let i = 0; i < 2 && this.#goesOn; i++) await this.#owed();
    }
    if (this.#goesOn) {
      // What waits for the disk gets there, also one that was full a moment ago.
      await world.run(1_200 * MS);
      if (world.isCalm()) world.referee.requireSettled();
    }
  }

  get #goesOn(): boolean {
    return this.#world.referee.violations.length === 0;
  }

  get #boundUs(): number {
    const { limits, settings } = this.#world;
    return 4_000 * MS + 2 * limits.startWaitUs + 20 * limits.deadAfterUs +
      (settings.servicesFail === null ? 0 : 3_000 * MS);
  }

  /** Within a bound one node serves and the other one could. */
  async #settle(when: string): Promise<void> {
    const world = this.#world, endUs = world.now + this.#boundUs;
    while (world.now < endUs && this.#goesOn) {
      await world.run(20 * MS);
      if (world.isCalm()) return;
      // Somebody switches on what a node that found its peer standing still had switched off.
      if (world.settings.fencing) { for (const { index, powered } of world.nodes) if (!powered) world.powerOn(index); }
    }
    if (!this.#goesOn) return;
    const roles = world.nodes.map(standing).join(", ");
    world.referee.violate(`${when}: not settled after ${this.#boundUs / MS} ms: ${roles}`);
  }

  // ---- faults

  async #trouble(count: number): Promise<void> {
    const world = this.#world, random = this.#random;
    for (let i = 0; i < count && this.#goesOn; i++) {
      this.#write(random.int(0, 3));
      random.pick(this.#faults)(world, random, () => ++this.#command);
      const us = random.chance(0.5) ? random.int(1 * MS, 60 * MS) : random.int(60 * MS, 1500 * MS);
      await world.run(Math.round(world.scale * us));
      this.#write(random.int(0, 2));
    }
  }

  #write(count: number): void {
    const random = this.#random;
    for (let i = 0; i < count; i++) {
      const level: AckLevel = random.pick(["local", "replicated", "replicated", "durable"]);
      this.#world.write(random.pick(["a", "b", "c", "d", "e"]), level);
    }
  }

  async #mend(): Promise<void> {
    const world = this.#world;
    // A port that flaps, or a power that returns, within one lease is a second fault on top of the first.
    await world.run(2 * world.limits.leaseUs);
    world.log("all faults end");
    world.mendings++;
    world.network.heal();
    world.setSplit(false);
    world.gateway.up = true;
    world.power.state = "works";
    for (const node of world.nodes) {
      node.disk.full = false;
      node.disk.slowUs = 2 * MS;
      world.setCarrier(node.index, true);
      if (node.switchThread !== null) node.switchThread.stopBeforeStepUs = null;
      if (node.ending) world.kill(node.index);
      if (!node.powered) world.powerOn(node.index);
      else world.start(node.index);
      world.track(node.index, true);
    }
    await this.#settle("after mending");
  }

  // ---- what a healthy pair owes

  async #owed(): Promise<void> {
    const world = this.#world;
    if (!world.isCalm()) await this.#settle("before it was asked");
    if (!this.#goesOn) return;
    if (this.#random.chance(0.5)) await this.#move();
    else {
      await this.#loss();
      if (this.#goesOn) await this.#mend();
    }
  }

  /** A planned move: nothing is lost, doubled or reordered, no write stays behind, and the other node serves. */
  async #move(): Promise<void> {
    const world = this.#world, random = this.#random;
    const [before] = world.primaries();
    this.#write(3);
    await world.run(random.int(0, 20 * MS));
    const span = world.traffic.begin(random.pick([100, 200, 500]));
    await world.run(random.int(0, 3 * MS));
    const id = ++this.#command, asked = random.pick([0, 1] as const);
    world.switchover(asked, id);
    const endUs = world.now + 800 * MS;
    const answer = () => world.results.find((result) => result.id === id);
    while (world.now < endUs && answer() === undefined && this.#goesOn) await world.run(5 * MS);
    await world.run(10 * MS);
    world.traffic.calm();
    await world.run(10 * MS + 2 * world.limits.heartbeatUs);
    world.traffic.end();
    if (!this.#goesOn) return;
    const result = answer();
    if (result === undefined) return world.referee.violate(`command ${id} was never answered`);
    const problem = judgeSpan(span);
    if (problem !== null) world.referee.violate(`a planned move (${result.ok ? "done" : result.error}): ${problem}`);
    if (!result.ok) return;
    const [after] = world.primaries();
    if (after === before || world.primaries().length !== 1) {
      world.referee.violate(`a move that was done: primaries ${world.primaries().join()}, before ${before}`);
    }
  }

  /** One node is lost: the other one serves within the time that its limits allow. */
  async #loss(): Promise<void> {
    const world = this.#world, random = this.#random, { limits } = world;
    const [primary] = world.primaries(), heir = world.nodes[1 - primary!]!;
    this.#write(2);
    await world.run(random.int(0, 20 * MS));
    const long = 20 * limits.leaseUs;
    const how = random.pick(["power", "kill", "stop", "port", "freeze"] as const);
    if (!world.isCalm()) return;
    if (how === "power") world.powerOff(primary!);
    else if (how === "kill") world.kill(primary!);
    else if (how === "stop") world.stop(primary!, long);
    else if (how === "freeze") world.freeze(primary!, long, false);
    else world.setCarrier(primary!, false);
    const boundUs = limits.deadAfterUs + limits.leaseUs + 4 * limits.probeUs + 2 * limits.answeredProbeUs + 60 * MS +
      (world.settings.fencing ? FENCE_US : 0);
    for (let left = boundUs; left > 0 && this.#goesOn && !heir.speaks(world.now); left -= 5 * MS) {
      await world.run(5 * MS);
      // Somebody sends again what he has recorded.
      world.replay();
    }
    if (!this.#goesOn || heir.speaks(world.now)) return;
    world.referee.violate(`${heir.name} does not serve ${boundUs / MS} ms after ${how} took its peer away`);
  }
}

/** Where a node stands, for people. */
function standing(node: SimNode): string {
  const { name, switchThread } = node;
  if (switchThread === null) return `${name} is off`;
  const { role, eligible, eligibleReason, phase } = switchThread.group, replica = replicaOf(node);
  const copy = replica === null
    ? "not read"
    : replica.followed
    ? "followed"
    : replica.following
    ? "following"
    : "alone";
  return `${name} is ${role}${phase === "none" ? "" : ` (${phase})`}${
    eligible ? "" : `, not eligible: ${eligibleReason}`
  }, its copy ${copy}`;
}
