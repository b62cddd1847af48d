/** The pair's keys on a real file system. Needs root, to give a file to somebody else. */
import assert from "node:assert/strict";
import { ConfigError, inspectKeys, KEY_BYTES, readKeys } from "../../config/key.ts";
import { addKey, fingerprintOf, generateKey, promoteKey, retireKey } from "../../config/key_change.ts";
import { runKey, runKeygen } from "../../control/api/commands/key.ts";

function readKey(path: string): Uint8Array {
  return readKeys(path)[0]!;
}

function inFolder(body: (folder: string) => void): void {
  const folder = Deno.makeTempDirSync({ prefix: "segue-key-" });
  try {
    body(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

function refused(call: () => unknown, reason: RegExp, hint: RegExp): void {
  assert.throws(call, (error) => {
    assert.ok(error instanceof ConfigError);
    assert.match(error.reason, reason);
    assert.match(error.hint, hint);
    return true;
  });
}

/** What a command printed, and how it ended. */
function ran(command: (io: { out(text: string): void; err(text: string): void }) => number) {
  let out = "", err = "";
  const code = command({ out: (text) => out += text, err: (text) => err += text });
  return { code, out, err };
}

Deno.test("a new key: 32 bytes, mode 0600, another one each time, read back as written", () =>
  inFolder((folder) => {
    const [one, two] = [`${folder}/one.key`, `${folder}/two.key`];
    generateKey(one);
    generateKey(two);
    const key = readKey(one);
    assert.equal(key.length, KEY_BYTES);
    assert.notDeepEqual(key, readKey(two));
    assert.equal(Deno.statSync(one).mode! & 0o777, 0o600);
    assert.equal(Deno.readTextFileSync(one), btoa(String.fromCharCode(...key)) + "\n");
  }));

Deno.test("a key is never overwritten", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    generateKey(path);
    const before = Deno.readFileSync(path);
    refused(() => generateKey(path), /is there already and stays as it is/, /remove it first/);
    assert.deepEqual(Deno.readFileSync(path), before);
  }));

Deno.test("a file that others may touch is refused, whatever it holds", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    generateKey(path);
    for (const mode of [0o640, 0o604, 0o620, 0o602, 0o610, 0o777]) {
      Deno.chmodSync(path, mode);
      refused(() => readKey(path), new RegExp(`has mode 0${mode.toString(8)}`), /chmod 600/);
    }
    for (const mode of [0o600, 0o400]) {
      Deno.chmodSync(path, mode);
      assert.equal(readKey(path).length, KEY_BYTES);
    }
  }));

Deno.test("a file of another user is refused; for that user root's is fine", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    generateKey(path);
    Deno.chownSync(path, 65_534, 65_534);
    refused(() => readKey(path), /belongs to user 65534/, /chown root/);
  }));

Deno.test("what is no key is refused by what is wrong with it", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    const cases: [string | Uint8Array, RegExp][] = [
      ["", /holds no key/],
      ["# only a word\n\n", /holds no key/],
      [btoa("x".repeat(31)), /holds 31 bytes/],
      [btoa("x".repeat(33)), /holds 33 bytes/],
      ["not base64 at all!", /does not hold base64/],
      [crypto.getRandomValues(new Uint8Array(32)).fill(0xff, 0, 4), /does not hold base64/],
      ["A".repeat(4096), /holds 3072 bytes/],
      ["A".repeat(100_000), /is larger than 4096 bytes/],
      [`${btoa("k".repeat(32))}\n${btoa("k".repeat(8))}\n`, /line 2 holds 8 bytes/],
    ];
    for (const [content, reason] of cases) {
      Deno.writeFileSync(path, typeof content === "string" ? new TextEncoder().encode(content) : content, {
        mode: 0o600,
      });
      refused(() => readKey(path), reason, /segue keygen/);
    }
    Deno.writeTextFileSync(path, `\n  ${btoa("k".repeat(32))}\r\n`);
    assert.deepEqual(readKey(path), new Uint8Array(32).fill("k".charCodeAt(0)));
  }));

Deno.test("no file, a folder", () =>
  inFolder((folder) => {
    refused(() => readKey(`${folder}/none`), /is not there/, /segue keygen/);
    refused(() => readKey(folder), /is not a plain file|cannot be opened/, /^|segue keygen/);
    refused(() => generateKey(`${folder}/none/pair.key`), /there is no folder/, /mkdir -p/);
  }));

Deno.test("keygen: 0 and a word about the other node; 1 and the hint", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    const made = ran((io) => runKeygen(io, path));
    assert.equal(made.code, 0);
    assert.match(made.out, /Copy it to the other node/);
    assert.ok(!made.out.includes(Deno.readTextFileSync(path).trim()), "the key itself is not printed");
    const again = ran((io) => runKeygen(io, path));
    assert.equal(again.code, 1);
    assert.match(again.err, /is there already[\s\S]*hint: /);
  }));

Deno.test("two keys: added behind, promoted, retired; mode, owner, link and what is for people stay", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`, link = `${folder}/link.key`;
    generateKey(path);
    const old = readKey(path), word = "# the pair of the house \u00fc\n";
    Deno.writeTextFileSync(path, word + Deno.readTextFileSync(path) + "\n# the end\n");
    Deno.chownSync(path, 0, 7);
    Deno.symlinkSync("pair.key", link);
    const [first, fresh] = addKey(link) as [Uint8Array, Uint8Array];
    assert.deepEqual(first, old);
    assert.notDeepEqual(fresh, old);
    assert.deepEqual(readKeys(path), [old, fresh]);
    assert.deepEqual(promoteKey(link), [fresh, old]);
    assert.deepEqual(readKeys(path), [fresh, old]);
    assert.deepEqual(retireKey(link), [fresh]);
    assert.deepEqual(readKeys(path), [fresh]);
    const { mode, gid } = Deno.statSync(path);
    assert.deepEqual([mode! & 0o777, gid], [0o600, 7]);
    assert.ok(Deno.lstatSync(link).isSymlink);
    assert.equal(Deno.readTextFileSync(path), `${btoa(String.fromCharCode(...fresh))}\n\n# the end\n`);
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name).sort(), ["link.key", "pair.key"]);
  }));

Deno.test("a step that cannot be is refused, and the file stays as it is", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    generateKey(path);
    const one = Deno.readFileSync(path);
    refused(() => promoteKey(path), /has one key, [0-9a-f]{8}, and no second/, /segue key add/);
    refused(() => retireKey(path), /has one key/, /segue key add/);
    assert.deepEqual(Deno.readFileSync(path), one);
    addKey(path);
    const two = Deno.readFileSync(path);
    refused(() => addKey(path), /has two keys already: [0-9a-f]{8}, [0-9a-f]{8}/, /promote.*retire/);
    Deno.writeTextFileSync(`${path}.new`, "");
    refused(() => promoteKey(path), /pair\.key\.new is there: another segue key/, /remove .*pair\.key\.new/);
    assert.deepEqual(Deno.readFileSync(path), two);
    assert.equal(Deno.readTextFileSync(`${path}.new`), "");
    Deno.chmodSync(path, 0o644);
    refused(() => promoteKey(path), /has mode 0644/, /chmod 600/);
  }));

Deno.test("everything that is wrong with a file's keys is told", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    const line = (char: string, length = 32) => `${btoa(char.repeat(length))}\n`;
    const problems = (text: string) => {
      Deno.writeTextFileSync(path, text, { mode: 0o600 });
      return inspectKeys(path).problems.map(({ reason }) => reason.slice(`key file ${path}`.length));
    };
    assert.deepEqual(problems(line("a") + line("b")), []);
    assert.deepEqual(problems(line("a") + line("a")), [" holds the same key twice"]);
    assert.deepEqual(problems(line("a") + line("b") + line("a")), [
      " holds 3 keys; there may be 2, the one that signs first",
      " holds the same key twice",
    ]);
    assert.deepEqual(problems(line("a", 31) + "# x\n" + line("b", 5)), [
      ", line 1 holds 31 bytes; a key has 32",
      ", line 3 holds 5 bytes; a key has 32",
    ]);
  }));

Deno.test("segue key: fingerprints and the next step, never a key; for programs too", () =>
  inFolder((folder) => {
    const path = `${folder}/pair.key`;
    generateKey(path);
    const old = fingerprintOf(readKey(path));
    const added = ran((io) => runKey(io, "add", path, false));
    const [, fresh] = readKeys(path).map(fingerprintOf);
    assert.equal(added.code, 0);
    assert.match(added.out, new RegExp(`signs with ${old}, also accepts ${fresh}\nnext: copy this file`));
    for (const text of Deno.readTextFileSync(path).trim().split("\n")) assert.ok(!added.out.includes(text));
    const shown = ran((io) => runKey(io, "show", path, true));
    assert.deepEqual(JSON.parse(shown.out), { file: path, signs: old, second: fresh });
    assert.match(
      ran((io) => runKey(io, "promote", path, false)).out,
      new RegExp(`signs with ${fresh}, also .* ${old}`),
    );
    const retired = ran((io) => runKey(io, "retire", path, true));
    assert.deepEqual(JSON.parse(retired.out), { file: path, signs: fresh, second: null });
    const refusedOnce = ran((io) => runKey(io, "retire", path, false));
    assert.equal(refusedOnce.code, 1);
    assert.match(refusedOnce.err, /^segue key retire: .* has one key[\s\S]*hint: segue key add/);
  }));
