/** A few seconds of the histories that `deno task sim` plays for hours, and proof that the arbiter can say no. */
import assert from "node:assert/strict";
import { Random } from "./random.ts";
import { type Outcome, playFaults, playMoves, playSlowTakes, playStrangers } from "./scenario.ts";
import { SimWorld } from "./world.ts";

const MS = 1000;

function assertClean(outcome: Outcome): void {
  assert.deepEqual(outcome.violations, [], `seed ${outcome.seed}\n${outcome.trace.join("\n")}`);
}

Deno.test("60 histories of planned moves: nothing lost, doubled or reordered", () => {
  for (let seed = 1; seed <= 60; seed++) assertClean(playMoves(seed));
});

Deno.test("60 histories of faults: never two owners, and one serves in the end", () => {
  for (let seed = 1; seed <= 60; seed++) assertClean(playFaults(seed));
});

Deno.test("the same with services that have to be waited for", () => {
  for (let seed = 1; seed <= 40; seed++) {
    assertClean(playMoves(seed, 10, 0));
    assertClean(playFaults(seed, 12, 0.2));
  }
});

Deno.test("60 histories of moves whose take comes late: asked anew, done, nothing lost, never two owners", () => {
  let anew = 0;
  for (let seed = 1; seed <= 30; seed++) {
    for (const services of [null, 0] as const) {
      const outcome = playSlowTakes(seed, services);
      assertClean(outcome);
      anew += outcome.trace.filter((line) => line.includes("primary → preparing (takeRefused)")).length;
    }
  }
  // Of 600 takes.
  assert.ok(anew > 50, `${anew} licences ran out`);
});

Deno.test("60 histories of faults in which takes come late, or much too late: never two owners, and one serves in the end", () => {
  for (let seed = 1; seed <= 30; seed++) {
    assertClean(playFaults(seed, 12, null, 0.3));
    assertClean(playFaults(seed, 12, 0.2, 0.3));
  }
});

Deno.test("300 histories of two that do not hear each other and start together: never two owners", () => {
  for (let seed = 1; seed <= 300; seed++) assertClean(playStrangers(seed));
});

/** Each once broke a rule. */
const ONCE_BROKEN: readonly [number, (seed: number) => Outcome, string][] = [
  [200, playFaults, "a daemon that came back within the lease of its earlier run"],
  [245, playMoves, "a move asked of a node in a false suspicion"],
  [1194, playMoves, "the same, on the other node"],
];

for (const [seed, play, what] of ONCE_BROKEN) {
  Deno.test(`seed ${seed}: ${what}`, () => assertClean(play(seed)));
}

Deno.test("one seed, one history", () => {
  for (const play of [playMoves, playFaults]) {
    assert.deepEqual(play(7), play(7));
    assert.notDeepEqual(play(7).trace, play(8).trace);
  }
});

/** A pair in which a serves and b waits. */
function pair(): SimWorld {
  const world = new SimWorld(new Random(1));
  world.at(0, () => world.start(0));
  world.at(0, () => world.start(1));
  world.runUntil(1000 * MS);
  assert.deepEqual(world.primaries(), [0]);
  return world;
}

Deno.test("sabotage: if answers to probes got lost, a stopped primary would be two owners, and the arbiter says so", () => {
  const honest = pair();
  honest.stop(0, 14 * MS);
  honest.runUntil(1500 * MS);
  assert.deepEqual(honest.violations, []);
  const sabotaged = pair();
  sabotaged.probesAnswered = false;
  sabotaged.stop(0, 14 * MS);
  sabotaged.runUntil(1500 * MS);
  assert.match(sabotaged.violations[0] ?? "none", /^two owners/);
});

Deno.test("sabotage: a lease that never ended would keep the standby away from a dead daemon's address", () => {
  const honest = pair();
  honest.kill(0);
  honest.runUntil(1500 * MS);
  assert.deepEqual([honest.primaries(), honest.violations], [[1], []]);
  const sabotaged = pair();
  sabotaged.nodes[0].kernel.leaseUntil = Infinity;
  sabotaged.kill(0);
  sabotaged.runUntil(1500 * MS);
  assert.deepEqual([sabotaged.primaries(), sabotaged.violations], [[], []]);
});

Deno.test("sabotage: a take without a licence is refused, and two leases at once are seen", () => {
  const world = pair();
  assert.equal(world.nodes[1].kernel.mark(world.now, "take"), false);
  world.nodes[1].kernel.mark(world.now, "arm");
  assert.equal(world.nodes[1].kernel.mark(world.now, "take"), true);
  world.runUntil(1001 * MS);
  assert.match(world.violations[0] ?? "none", /^two owners/);
});

Deno.test("sabotage: a packet that is lost in a move is seen", () => {
  const world = pair();
  world.switchover(1, 1);
  world.at(world.now + 300, () => world.nodes[1].kernel.queue(false));
  world.runUntil(1100 * MS);
  assert.ok(world.lost.some(({ why }) => why === "dropped by b"));
});
