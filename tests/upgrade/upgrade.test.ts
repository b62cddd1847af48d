/** The upgrade task where there is a release, and where there is none: in clones of this repository, the only place where tags may be made. */
import assert from "node:assert/strict";
import { run } from "../../control/lab/command.ts";
import { ROOT } from "../../packaging/runtime.ts";
import type { Move } from "./upgrade.ts";

async function withClone(body: (clone: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "segue-clone-" });
  try {
    await run("git", "clone", "--quiet", "--no-tags", ROOT, `${folder}/clone`);
    await body(`${folder}/clone`);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function upgradeIn(clone: string): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "upgrade"],
    cwd: clone,
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

Deno.test("the last of several releases and this version: both orders, each way, and then both are new", async () => {
  await withClone(async (clone) => {
    const git = (...args: string[]) => run("git", "-C", clone, ...args);
    const [head, before] = (await git("rev-list", "--first-parent", "--max-count=2", "HEAD")).split("\n");
    // By number, not by text or age; and a tag of another kind is none.
    for (const [tag, commit] of [["v0.9.0", head], ["v0.10.0", before], ["nightly", head]]) {
      await git("tag", tag!, commit!);
    }
    const { code, out, err } = await upgradeIn(clone);
    assert.equal(code, 0, err);
    const moves = out.trim().split("\n").map((line) => JSON.parse(line) as Move);
    assert.equal(moves.length, 6);
    for (const first of ["a", "b"]) {
      const own = moves.filter(({ pair }) => pair.startsWith(`${first} is v0.10.0 (`));
      assert.deepEqual(new Set(own.map(({ from }) => from)), new Set(["a", "b"]), "each way");
      assert.ok(moves.some(({ pair }) => pair.startsWith(`both are this version, ${first} was v0.10.0`)));
    }
    // The release's tree is gone, and git knows.
    assert.equal((await git("worktree", "list")).trim().split("\n").length, 1);
  });
});

Deno.test("without a release nothing was tried: that is no success", async () => {
  await withClone(async (clone) => {
    const { code, err } = await upgradeIn(clone);
    assert.equal(code, 1);
    assert.match(err, /no tag vX\.Y\.Z.*--from REF/);
  });
});
