/** What the launcher refuses: folders that others may have planted, and damaged files. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { decodeArchive, TRAILER_LENGTH } from "../../packaging/archive.ts";
import { freshFolder, inMounts, packProgram, program, reportOf, run, unpackedFolders } from "./harness.ts";

await packProgram();

const STRANGER = 12345;

/** Folder of the libraries as a run sees it that is offered `cache` first, on a machine whose /var/cache is empty. */
async function folderUsed(cache: string): Promise<string> {
  const { environment } = reportOf(await run(inMounts("", program()), { SEGUE_CACHE: cache }));
  return environment.SEGUE_LIB_DIR ?? "memory";
}

Deno.test("a folder of its own is used", async () => {
  const cache = freshFolder("own");
  assert.equal((await folderUsed(cache)).startsWith(cache), true);
});

Deno.test("a folder that others can write is passed over", async () => {
  for (const mode of [0o777, 0o775, 0o1777]) {
    const cache = freshFolder("open", mode);
    assert.match(await folderUsed(cache), /^\/var\/cache\/segue\//);
    assert.deepEqual(unpackedFolders(cache), []);
  }
});

Deno.test("a folder of another user is passed over", async () => {
  const cache = freshFolder("stranger");
  Deno.chownSync(cache, STRANGER, STRANGER);
  assert.match(await folderUsed(cache), /^\/var\/cache\/segue\//);
});

Deno.test("a folder in a folder that others can write is passed over, unless that is sticky", async () => {
  for (const [mode, expected] of [[0o777, false], [0o1777, true]] as const) {
    const cache = join(freshFolder("parent", mode), "cache");
    assert.equal((await folderUsed(cache)).startsWith(cache), expected);
  }
});

Deno.test("another user's link is not followed", async () => {
  const target = freshFolder("target");
  const link = join(freshFolder("sticky", 0o1777), "cache");
  Deno.symlinkSync(target, link);
  await new Deno.Command("chown", { args: ["-h", `${STRANGER}`, link] }).output();
  assert.match(await folderUsed(link), /^\/var\/cache\/segue\//);
});

Deno.test("unpacked files that another user planted are replaced", async () => {
  const cache = freshFolder("planted");
  const folder = await folderUsed(cache);
  const bundle = join(folder, "app.js");
  const text = Deno.readTextFileSync(bundle);
  Deno.writeTextFileSync(bundle, "/* planted */".padEnd(text.length)); // the same length
  Deno.chownSync(bundle, STRANGER, STRANGER);
  assert.equal(await folderUsed(cache), folder);
  assert.equal(Deno.readTextFileSync(bundle), text);
  assert.equal(Deno.statSync(bundle).uid, 0);
});

Deno.test("an ordinary user without a home gets a private folder, and uses root's where there is one", async () => {
  const asNobody = ["/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
  const mounts = "mkdir -m 1777 /var/cache/tmp; mount --bind /var/cache/tmp /tmp";
  const copy = `cp ${program()} /var/cache/probe; ${mounts}`;
  const report = reportOf(await run(inMounts(copy, ...asNobody, "/var/cache/probe")));
  assert.match(report.environment.SEGUE_LIB_DIR ?? "", /^\/tmp\/segue-65534\//);
  const rootFirst = reportOf(
    await run(inMounts(`${copy}; /var/cache/probe >/dev/null`, ...asNobody, "/var/cache/probe")),
  );
  assert.match(rootFirst.environment.SEGUE_LIB_DIR ?? "", /^\/var\/cache\/segue\//);
});

/** A copy of the program with some bytes changed. */
function damaged(change: (bytes: Uint8Array) => Uint8Array): string {
  const path = join(freshFolder("damaged"), "segue");
  Deno.writeFileSync(path, change(Deno.readFileSync(program())), { mode: 0o755 });
  return path;
}

Deno.test("a changed, shortened or lengthened file is not run", async () => {
  const archive = decodeArchive(Deno.readFileSync(program()));
  assert.notEqual(archive, null);
  const flip = (at: (bytes: Uint8Array) => number) => (bytes: Uint8Array) => {
    const index = at(bytes);
    bytes[index] = bytes[index]! ^ 1;
    return bytes;
  };
  const cases: Record<string, (bytes: Uint8Array) => Uint8Array> = {
    "first byte of the manifest": flip(() => archive!.manifestOffset + 2),
    "a byte of the bundle": flip(() => archive!.payloadOffset + 100),
    "a byte of the runtime": flip((bytes) => bytes.length - TRAILER_LENGTH - 1000),
    "a byte of the hash": flip((bytes) => bytes.length - 20),
    "the magic": flip((bytes) => bytes.length - TRAILER_LENGTH),
    "cut short": (bytes) => bytes.slice(0, bytes.length - 1000),
    "with an appendix": (bytes) => {
      const longer = new Uint8Array(bytes.length + 1000);
      longer.set(bytes);
      return longer;
    },
  };
  for (const [what, change] of Object.entries(cases)) {
    const env = { SEGUE_CACHE: freshFolder("victim") };
    const result = await run([damaged(change)], env);
    assert.equal(result.code, 1, what);
    assert.match(result.stderr, /^segue: this file is damaged, install it again: /, what);
    assert.equal(result.stdout, "", what);
    assert.deepEqual(unpackedFolders(env.SEGUE_CACHE), [], what);
  }
});
