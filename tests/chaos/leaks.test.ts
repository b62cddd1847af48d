import assert from "node:assert/strict";
import { withWorld } from "../pair/pair.ts";
import { judgeSamples, Leaks, leftOf, type Sample } from "./leaks.ts";

function samples(count: number, of: (i: number) => Partial<Sample>): Sample[] {
  const still: Sample = { node: "a", pid: 7, atMs: 0, residentMib: 120, descriptors: 66, threads: 9 };
  return Array.from({ length: count }, (_, i) => ({ ...still, atMs: 1000 * i, ...of(i) }));
}

Deno.test("memory that grows from quarter to quarter is told, and what only goes up and down is not", () => {
  assert.deepEqual(judgeSamples(samples(200, (i) => ({ residentMib: 120 + i % 40 }))), []);
  assert.match(judgeSamples(samples(200, (i) => ({ residentMib: 100 + i / 4 })))[0]!, /^a grows: 118\.\d+ MiB in/);
  assert.deepEqual(judgeSamples(samples(30, (i) => ({ residentMib: 100 + 5 * i }))), [], "a start");
});

Deno.test("descriptors that are not given back are told, with the moment", () => {
  assert.deepEqual(judgeSamples(samples(50, (i) => ({ descriptors: 66 + i % 8 }))), []);
  assert.deepEqual(judgeSamples(samples(50, (i) => ({ node: "b", descriptors: 66 + i }))), [
    "9.0 s: b has 75 descriptors, and began with 66",
  ]);
});

Deno.test("what daemons leave is seen while they run, and nothing after an orderly stop, nor of a world that is gone", async () => {
  let prefix = "", folder = "";
  await withWorld(async (world) => {
    prefix = world.net.prefix, folder = world.folder;
    await world.startBoth();
    const leaks = new Leaks(world);
    assert.deepEqual(await leaks.look(0), []);
    Deno.writeTextFileSync(`${world.runDir("a")}/forgotten`, "");
    assert.match((await leaks.look(1)).join(), /^files of the nodes are .*forgotten/);
    Deno.removeSync(`${world.runDir("a")}/forgotten`);
    const found = (await leaks.afterStop()).join("\n");
    for (const what of ["rules", "addresses", "queues", "packet sockets"]) {
      assert.match(found, new RegExp(`a has ${what}`));
    }
    assert.ok(leftOf(prefix, folder).some((it) => it.startsWith("namespace ")));
    assert.ok(leftOf(prefix, folder).some((it) => it.startsWith("process ")));
    await Promise.all((["a", "b"] as const).map((node) => world.daemon(node).stop()));
    assert.deepEqual(await leaks.afterStop(), []);
  });
  assert.deepEqual(leftOf(prefix, folder), []);
});
