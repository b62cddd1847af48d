/**
 * `deno task upgrade [--from REF]`: the last release (the highest tag vX.Y.Z of this clone, or what --from names) and this tree as a pair, in both
 * orders, moved in each direction under traffic. Needs root and the history of the release; ends with 1 where there is none, as nothing was tried.
 */
import { parseArgs } from "node:util";
import { join } from "node:path";
import { ROOT } from "../../packaging/runtime.ts";
import { run } from "../../control/lab/command.ts";
import { present, upgrade } from "./upgrade.ts";

const { values } = parseArgs({ options: { from: { type: "string" } } });

async function lastRelease(): Promise<string | null> {
  const tags = (await run("git", "-C", ROOT, "tag", "--list", "v[0-9]*.[0-9]*.[0-9]*", "--sort=-v:refname")).split(
    "\n",
  );
  return tags[0] === undefined || tags[0] === "" ? null : tags[0];
}

const ref = values.from ?? await lastRelease();
if (ref === null) {
  console.error("upgrade: this clone has no tag vX.Y.Z: fetch the tags, or say what to upgrade from with --from REF");
  Deno.exit(1);
}
const folder = Deno.makeTempDirSync({ prefix: "segue-upgrade-" }), tree = join(folder, "tree");
await run("git", "-C", ROOT, "worktree", "add", "--detach", tree, ref);
try {
  const command = [
    Deno.execPath(),
    "run",
    "--allow-all",
    "--no-check",
    "--quiet",
    "--config",
    join(tree, "deno.json"),
    join(tree, "main.ts"),
  ];
  const name = `${ref} (${(await run("git", "-C", tree, "rev-parse", "--short", "HEAD")).trim()})`;
  await upgrade({ name, command }, present(), (move) => console.log(JSON.stringify(move)));
} finally {
  await run("git", "-C", ROOT, "worktree", "remove", "--force", tree);
  Deno.removeSync(folder, { recursive: true });
}
