/** The pair key on a real file system. Needs root, to give a file to somebody else. */
import assert from "node:assert/strict";
import { ConfigError, generateKey, KEY_BYTES, readKey, runKeygen } from "../../config/key.ts";

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

function quietly<T>(body: () => T): { result: T; out: string; err: string } {
  const { log, error } = console;
  let out = "", err = "";
  console.log = (text: string) => out += text + "\n";
  console.error = (text: string) => err += text + "\n";
  try {
    return {
      result: body(),
      get out() {
        return out;
      },
      get err() {
        return err;
      },
    };
  } finally {
    [console.log, console.error] = [log, error];
  }
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
      ["", /holds 0 bytes; a key has 32/],
      [btoa("x".repeat(31)), /holds 31 bytes/],
      [btoa("x".repeat(33)), /holds 33 bytes/],
      ["not base64 at all!", /does not hold base64/],
      [crypto.getRandomValues(new Uint8Array(32)).fill(0xff, 0, 4), /does not hold base64/],
      ["A".repeat(100_000), /holds 3072 bytes/],
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
    const made = quietly(() => runKeygen(path));
    assert.equal(made.result, 0);
    assert.match(made.out, /Copy it to the other node/);
    assert.ok(!made.out.includes(Deno.readTextFileSync(path).trim()), "the key itself is not printed");
    const again = quietly(() => runKeygen(path));
    assert.equal(again.result, 1);
    assert.match(again.err, /is there already[\s\S]*hint: /);
  }));
