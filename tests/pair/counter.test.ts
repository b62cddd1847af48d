/** The counter of docs/services.md on a real pair: whatever happens to its nodes, each acknowledged increment is counted once. */
import assert from "node:assert/strict";
import { proveCounter } from "./counter/proof.ts";
import { type CounterLanguage, counterTable } from "./counter/service.ts";
import { CounterHistory, type Look } from "./counter/history.ts";
import { withPair } from "./pair.ts";

const SHORT = { moves: 4, kills: 4, crossed: 2, clients: 4, patienceMs: 250, progress: () => {} };

async function prove(language: CounterLanguage, seed: number, withServices: boolean): Promise<void> {
  await withPair(async (world) => {
    const proof = await proveCounter(world, { ...SHORT, seed, withServices });
    assert.deepEqual(proof.wrong, []);
    assert.equal(proof.counted, proof.acknowledged);
    // There were connections to mend: otherwise nothing has happened to the clients.
    assert.ok(Object.values(proof.mended).some((times) => times > 0));
    assert.ok(proof.acknowledged > 50 && proof.askedTwice > 0);
    console.log(`${language}: ${proof.acknowledged} increments, attempts that a retry mended:`, proof.mended);
  }, { group: counterTable(language) });
}

Deno.test("counter in Python: 4 moves, 4 kills of daemon and services, 2 moves with a kill; nothing lost, nothing counted twice", () =>
  prove("py", 1, true));

Deno.test("counter in Deno: the same, but the killed daemon's services live on", () => prove("ts", 2, false));

Deno.test("the proof itself: looks that overlap are put together, and each kind of mistake is found", () => {
  const look = (epoch: number, count: number, ...answers: [string, number][]): Look => ({ epoch, count, answers });
  const verdict = (looks: Look[], ...told: [string, number][]) => {
    const history = new CounterHistory();
    for (const one of looks) history.add(one);
    return history.verdict(told.map(([id, count]) => ({ id, count })));
  };
  const two = [look(1, 2, ["a", 1], ["b", 2]), look(1, 3, ["b", 2], ["c", 3])];
  assert.deepEqual(verdict(two, ["a", 1], ["b", 2], ["c", 3]), []);
  assert.deepEqual(verdict(two, ["a", 1], ["b", 2]), ["c was counted as 3, and no client has its answer"]);
  assert.deepEqual(verdict(two, ["a", 1], ["b", 3], ["c", 3]), ["b was acknowledged as 3 and stands as 2"]);
  assert.deepEqual(verdict([look(1, 3, ["a", 1], ["c", 3])], ["a", 1], ["c", 3]), ["nobody saw who was counted as 2"]);
  // A tail that nobody was told of may be lost with its node; an acknowledged one may not.
  const fallen = [look(1, 2, ["a", 1], ["b", 2]), look(2, 2, ["a", 1], ["c", 2]), look(1, 2, ["a", 1], ["b", 2])];
  assert.deepEqual(verdict(fallen, ["a", 1], ["c", 2]), []);
  assert.deepEqual(verdict(fallen, ["a", 1], ["b", 2], ["c", 2]), ["b was acknowledged as 2 and is not in the count"]);
  const twice = look(1, 2, ["a", 1]);
  assert.deepEqual(verdict([twice, look(1, 2, ["a", 2])], ["a", 2]), ["a was counted twice, as 1 and as 2"]);
});
