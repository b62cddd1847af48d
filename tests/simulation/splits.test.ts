/** A pair with an arbiter: never two owners, however everything between the nodes falls apart; and the bugs that this finds. */
import assert from "node:assert/strict";
import { leased } from "../../control/core/group.ts";
import { takesAfterUs, takesFromStartUs } from "../../control/core/entitled.ts";
import type { NodeState } from "../../control/core/node.ts";
import type { NodeIndex } from "./network.ts";
import { cutOff, decidedUs, join, playSplits, splitWorld } from "./splits.ts";
import type { Hooks, SimWorld } from "./world.ts";

const SEEDS = 300;

Deno.test(`${SEEDS} histories of split pairs with an arbiter break no rule`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    const { violations, trace } = await playSplits(seed);
    assert.deepEqual(violations, [], `seed ${seed}\n${trace.slice(-40).join("\n")}`);
  }
});

async function healthy(seed: number, hooks: Hooks = {}): Promise<SimWorld> {
  const world = splitWorld(seed, hooks);
  world.start(0);
  world.start(1);
  await world.run(takesFromStartUs(world.limits, world.settings.arbiterUs!));
  assert.ok(world.isCalm(), world.trace.join("\n"));
  return world;
}

const speaking = (world: SimWorld) => world.nodes.filter((node) => node.speaks(world.now)).map(({ index }) => index);

Deno.test("a split of everything: the one that the arbiter hears serves, and it alone; none if it hears none", async () => {
  for (let seed = 1; seed <= 40; seed++) {
    const world = await healthy(seed), reach = [[true, true], [true, false], [false, true], [false, false]][seed % 4]!;
    const [before] = world.primaries();
    reach.forEach((ok, index) => world.etcd.reach[index] = ok);
    cutOff(world, 0, true);
    await world.run(decidedUs(world));
    const context = `seed ${seed}\n${world.trace.join("\n")}`;
    const expected = reach[0] && reach[1] ? [before] : [0, 1].filter((index) => reach[index]);
    assert.deepEqual([world.referee.violations, speaking(world)], [[], expected], context);
    // For as long as it lasts.
    await world.run(12_000_000);
    assert.deepEqual([world.referee.violations, speaking(world)], [[], expected], context);
    join(world);
    await world.run(3_000_000);
    assert.deepEqual([world.referee.violations, speaking(world).length], [[], 1], context);
  }
});

Deno.test("a power-off: the other one serves as soon as the bound is over, not a lease of the arbiter later", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = await healthy(seed), [primary] = world.primaries(), heir = 1 - primary! as NodeIndex;
    world.powerOff(primary!);
    const boundUs = takesAfterUs(world.limits, world.settings.arbiterUs!);
    await world.run(boundUs - 2 * world.limits.heartbeatUs - 1000);
    assert.deepEqual(speaking(world), []);
    await world.run(4 * world.limits.probeUs + 60_000);
    assert.deepEqual(speaking(world), [heir], `seed ${seed}\n${world.trace.join("\n")}`);
  }
});

Deno.test("kill -9: as fast as without an arbiter, and without its word; and it goes on while the kernel there says so", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = await healthy(seed), [primary] = world.primaries(), { limits } = world;
    world.etcd.reach.fill(false);
    world.kill(primary!);
    await world.run(limits.deadAfterUs + 2 * limits.leaseUs + 4 * limits.probeUs + 60_000);
    assert.deepEqual(speaking(world), [1 - primary!], `seed ${seed}\n${world.trace.join("\n")}`);
    await world.run(10_000_000);
    assert.deepEqual(speaking(world), [1 - primary!], `seed ${seed}\n${world.trace.join("\n")}`);
  }
});

Deno.test("an arbiter that is gone moves nothing while the nodes hear each other", async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const world = await healthy(seed), before = world.primaries();
    world.etcd.stopped = true;
    await world.run(30_000_000);
    assert.deepEqual([world.primaries(), speaking(world)], [before, before]);
  }
});

/** The standby's daemon is gone, its kernel says so, and then everything falls apart while a new one starts. */
async function restartInSplit(seed: number, hooks: Hooks): Promise<SimWorld> {
  const world = await healthy(seed, hooks), [primary] = world.primaries(), other = 1 - primary! as NodeIndex;
  world.etcd.reach[primary!] = false;
  world.kill(other);
  await world.run(1_500_000);
  cutOff(world, primary!, true);
  world.start(other);
  await world.run(decidedUs(world) + takesFromStartUs(world.limits, world.settings.arbiterUs!));
  return world;
}

Deno.test("a daemon that starts in a split waits until what its kernel has said of the former one is worth nothing", async () => {
  for (let seed = 1; seed <= 20; seed++) {
    const world = await restartInSplit(seed, {}), context = `seed ${seed}\n${world.trace.join("\n")}`;
    assert.deepEqual([world.referee.violations, speaking(world).length], [[], 1], context);
  }
});

Deno.test("planted: a new run does not wait, found at the first try", async () => {
  const hooks = onArbiter((arbiter) => Object.defineProperty(arbiter, "startedUs", { value: -Infinity }));
  const { referee } = await restartInSplit(1, hooks);
  assert.match(referee.violations.join(), /two owners/);
});

// ---- planted bugs

function onArbiter(change: (arbiter: NonNullable<NodeState["arbiter"]>, core: NodeState) => void): Hooks {
  return { core: (core) => change(core.arbiter!, core) };
}

const BUGS: readonly { readonly name: string; readonly seeds: number; readonly hooks: Hooks }[] = [
  {
    name: "the survivor does not wait the bound",
    seeds: 100,
    hooks: onArbiter((arbiter, core) => {
      const { answerUs } = arbiter;
      const get = () => core.groups.some(leased) ? answerUs : -core.limits.deadAfterUs;
      Object.defineProperty(arbiter, "answerUs", { get });
    }),
  },
  {
    name: "the primary goes on without the key",
    seeds: 100,
    hooks: onArbiter((arbiter, core) =>
      Object.defineProperty(arbiter, "answeredUs", { get: () => core.nowUs, set() {} })
    ),
  },
  {
    name: "a peer that is heard counts as one that hears",
    seeds: 300,
    hooks: onArbiter((arbiter, core) =>
      Object.defineProperty(arbiter, "answeredUs", { get: () => core.heardUs, set() {} })
    ),
  },
  {
    name: "the key is given to whoever asks",
    seeds: 100,
    hooks: { etcd: (etcd) => Object.defineProperty(etcd, "claim", { value: () => ({ kind: "ours" }) }) },
  },
  {
    name: "the key is held for ever once it was held",
    seeds: 300,
    hooks: onArbiter((arbiter) => {
      let held = -Infinity;
      Object.defineProperty(arbiter, "heldUntilUs", {
        get: () => held,
        set: (us: number) => held = us === -Infinity && !arbiter.wanted ? us : us === -Infinity ? held : Infinity,
      });
    }),
  },
];

for (const { name, seeds, hooks } of BUGS) {
  Deno.test(`planted: ${name}, found within ${seeds} seeds`, async () => {
    for (let seed = 1; seed <= seeds; seed++) {
      const { violations } = await playSplits(seed, hooks);
      if (violations.some((violation) => violation.includes("two owners"))) return;
    }
    assert.fail(`no history of ${seeds} has two owners`);
  });
}
