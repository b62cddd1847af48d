/**
 * Four histories that can be read, line by line as they were when last looked at. After a change that is meant:
 * `deno test --allow-read --allow-write tests/simulation/traces.test.ts -- --update`, and review the diff.
 */
import assert from "node:assert/strict";
import { Random } from "./random.ts";
import { SimWorld } from "./world.ts";

const MS = 1000;

/** What happens to a pair that has been quiet since its start, a being primary; times in milliseconds. */
const STORIES: Readonly<Record<string, (world: SimWorld) => void>> = {
  "planned_move": (world) => {
    world.switchover(1, 1);
    world.runUntil(1100 * MS);
    world.switchover(1, 2);
    world.runUntil(1200 * MS);
  },
  "kill": (world) => {
    world.kill(0);
    world.runUntil(1500 * MS);
    world.start(0);
    world.runUntil(2000 * MS);
  },
  "stop_and_continue": (world) => {
    world.stop(0, 14 * MS);
    world.runUntil(1200 * MS);
    world.stop(0, 300 * MS);
    world.runUntil(2000 * MS);
  },
  "call_off": (world) => {
    world.switchover(1, 1);
    world.at(world.now + 400, () => {
      world.tell(1, { kind: "eligible", group: 0, ok: false, reason: "track" });
    });
    world.runUntil(1100 * MS);
    world.tell(1, { kind: "eligible", group: 0, ok: true, reason: "" });
    world.switchover(1, 2);
    // Held and stopped: what it reads 400 ms later licenses nothing any more.
    world.at(world.now + 200, () => world.stop(1, 400 * MS));
    world.runUntil(2000 * MS);
  },
};

function play(story: (world: SimWorld) => void): string {
  const world = new SimWorld(new Random(3));
  world.at(0, () => world.start(0));
  world.at(2 * MS, () => world.start(1));
  world.runUntil(1000 * MS);
  const lostBefore = world.lost.length;
  world.log("—");
  story(world);
  const lost = world.lost.slice(lostBefore);
  const reasons = [...new Set(lost.map(({ why }) => why))].map((why) =>
    `${why} ${lost.filter((it) => it.why === why).length}`
  );
  world.log(
    `lost ${lost.length}${reasons.length > 0 ? ` (${reasons.join(", ")})` : ""}, reordered ${world.reordered()}`,
  );
  assert.deepEqual(world.violations, []);
  return `${world.trace.join("\n")}\n`;
}

for (const [name, story] of Object.entries(STORIES)) {
  Deno.test(`trace: ${name.replaceAll("_", " ")}`, () => {
    const file = new URL(`./traces/${name}.txt`, import.meta.url);
    const trace = play(story);
    if (Deno.args.includes("--update")) Deno.writeTextFileSync(file, trace);
    assert.equal(trace, Deno.readTextFileSync(file));
  });
}
