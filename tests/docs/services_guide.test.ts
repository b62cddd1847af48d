/** The guide to services: what it shows can be used as it stands. */
import assert from "node:assert/strict";
import { formatProblems, loadConfig } from "../../config/load.ts";
import { PAIR } from "../services/pair_file.ts";

const guide = Deno.readTextFileSync(new URL("../../docs/services.md", import.meta.url));

Deno.test("each table of the guide loads, without a warning", () => {
  const tables = [...guide.matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, text]) => text!);
  assert.ok(tables.length >= 4);
  for (const table of tables) {
    const loaded = loadConfig(PAIR + table);
    assert.ok("config" in loaded, "problems" in loaded ? formatProblems("guide", loaded.problems) : "");
    assert.deepEqual(loaded.warnings, []);
    assert.equal(loaded.config.groups[0]!.services.length, 1);
  }
});

Deno.test("the files that the guide names are there, and the Python one is Python", async () => {
  const files = [...guide.matchAll(/\]\((examples\/[^)]+)\)/g)].map(([, path]) => path!);
  assert.deepEqual(files, ["examples/counter.py", "examples/counter.ts"]);
  for (const path of files) assert.ok(Deno.statSync(new URL(`../../docs/${path}`, import.meta.url)).isFile);
  const { code, stderr } = await new Deno.Command("python3", {
    args: [
      "-c",
      "import ast, sys; ast.parse(open(sys.argv[1]).read())",
      new URL("../../docs/examples/counter.py", import.meta.url).pathname,
    ],
  }).output();
  assert.equal(code, 0, new TextDecoder().decode(stderr));
});
