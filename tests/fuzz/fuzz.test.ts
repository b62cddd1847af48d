/** The short run of every target, always with the same inputs; and proof that a run can fail. Long runs: `deno task fuzz`. */
import assert from "node:assert/strict";
import { fuzz, randomOf, replayCommand } from "./run.ts";
import { showBytes, type Subject } from "./target.ts";
import { TARGETS } from "./targets.ts";
import { below, mutate } from "./mutate.ts";

const SEED = 1;

for (const target of TARGETS) {
  // Libraries and tables that a target opens stay for the life of the process.
  Deno.test({
    name: `fuzz ${target.name}: ${target.about}`,
    sanitizeResources: false,
    sanitizeOps: false,
    async fn() {
      const { failures } = await fuzz(target, { seed: SEED, inputs: target.shortInputs });
      const told = failures.map(({ input, error, shown }) =>
        `${error}\n${shown}\nagain: ${replayCommand(target.name, SEED, input)}`
      );
      assert.deepEqual(told, []);
    },
  });
}

/** A target that is wrong about some inputs. */
function planted(play: Subject["play"], inputMsMax = 5000) {
  let shown = "";
  const subject: Subject = {
    play(random) {
      shown = String(Math.floor(random.next() * 1000));
      return play(random);
    },
    describe: () => shown,
  };
  return { name: "planted", about: "a reader with a bug", shortInputs: 0, inputMsMax, open: () => subject };
}

Deno.test("a throw is found, with its input, and the same input alone throws again", async () => {
  const target = planted((random) => {
    if (below(random, 300) === 7) throw new RangeError("out of bounds");
  });
  const { failures } = await fuzz(target, { seed: 5, inputs: 2000 });
  assert.ok(failures.length > 0);
  const { input, shown } = failures[0]!;
  const again = await fuzz(target, { seed: 5, inputs: 1, first: input });
  assert.deepEqual(again.failures.map((it) => [it.input, it.shown]), [[input, shown]]);
  assert.match(again.failures[0]!.error, /out of bounds/);
  assert.deepEqual((await fuzz(target, { seed: 5, inputs: 1, first: input + 1 })).failures, []);
});

Deno.test("an input that takes too long is found", async () => {
  const target = planted((random) => {
    const endMs = performance.now() + (below(random, 20) === 3 ? 250 : 0);
    while (performance.now() < endMs);
  }, 200);
  const { failures } = await fuzz(target, { seed: 5, inputs: 60 });
  assert.match(failures[0]?.error ?? "", /took [0-9]+ ms, more than 200/);
});

Deno.test("memory that grows is found", async () => {
  const kept: Uint8Array[] = [];
  const { failures, inputs } = await fuzz(planted(() => void kept.push(new Uint8Array(1 << 20).fill(1))), {
    seed: 5,
    inputs: 20_000,
  });
  assert.match(failures[0]?.error ?? "", /memory grew by [0-9]+ MiB/);
  assert.ok(inputs < 20_000);
});

Deno.test("an input that never ends ends the process, which says which one it was", async () => {
  const script = `
    import { fuzz } from ${JSON.stringify(new URL("./run.ts", import.meta.url).href)};
    const subject = { play: () => { for (;;); }, describe: () => "" };
    await fuzz({ name: "endless", about: "", shortInputs: 0, inputMsMax: 100, open: () => subject }, { seed: 9, inputs: 1, first: 4 });`;
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["eval", "--no-check", script],
    stdin: "null",
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  assert.equal(code, 128 + 9);
  assert.match(new TextDecoder().decode(stderr), /input 4 hangs: .*--target endless --seed 9 --first 4 --inputs 1/);
});

Deno.test("the same seed and number make the same input, others another one", () => {
  const samples = [Uint8Array.from({ length: 100 }, (_, i) => i), new Uint8Array(40)];
  const made = (seed: number, input: number) => showBytes(mutate(randomOf(seed, input), samples, 500));
  assert.equal(made(1, 2), made(1, 2));
  const all = new Set(Array.from({ length: 500 }, (_, input) => made(1, input)));
  assert.ok(all.size > 450, `${all.size} different inputs of 500`);
});
