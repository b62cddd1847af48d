/**
 * Every scenario file comes out as it was when somebody last looked at it. After a change that is meant:
 * `deno test --allow-read --allow-write tests/simulation/scenarios.test.ts -- --update`, and review the diff.
 */
import assert from "node:assert/strict";
import { playScenario } from "./scenario_file.ts";

const folder = new URL("../scenarios/", import.meta.url);
const names = [...Deno.readDirSync(folder)].map(({ name }) => name).filter((name) => name.endsWith(".txt")).sort();

for (const name of names) {
  Deno.test(`scenario: ${name.slice(0, -4).replaceAll("_", " ")}`, async () => {
    const file = new URL(name, folder), text = Deno.readTextFileSync(file);
    const played = await playScenario(text);
    if (Deno.args.includes("--update")) Deno.writeTextFileSync(file, played);
    else assert.equal(played, text);
  });
}

Deno.test("a scenario that cannot be read says why", async () => {
  await assert.rejects(playScenario("0 start c\n"), /c is no node/);
  await assert.rejects(playScenario("0 dance a\n"), /dance is nothing that can happen/);
  await assert.rejects(playScenario("soon start a\n"), /soon is no number/);
});
