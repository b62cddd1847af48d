/**
 * Key files that are made and changed. A change is written beside the file and put in its place when it is on the disk: who reads sees
 * the old keys or the new ones, whole.
 */
import { dirname } from "node:path";
import { KEYS_MAX } from "../control/core/heartbeat.ts";
import { fingerprint, keyIdOf } from "../control/core/wire.ts";
import { ConfigError, KEY_BYTES, type KeyFile, messageOf, readKeyFile } from "./key.ts";

type OneKey = KeyFile["keys"][number];

export function fingerprintOf(key: Uint8Array): string {
  return fingerprint(keyIdOf(key));
}

/**
 * Writes a new random key, mode 0600, and waits until it is on the disk. Throws `ConfigError` where a file is there
 * already (a key that is overwritten parts the pair) or where it cannot be written; then nothing is left behind.
 */
export function generateKey(path: string): void {
  writeNew(path, keyText(newKey()), `key file ${path}`, {
    reason: `${path} is there already and stays as it is`,
    hint: "a new key beside it: segue key add; a file anew, for both nodes: remove it first",
  });
}

/** Puts a new random key behind the one that signs. Returns both. Throws `ConfigError` where there are two already. */
export function addKey(path: string): readonly Uint8Array[] {
  return change(path, (keys) => {
    if (keys.length < KEYS_MAX) return [...keys, { key: newKey(), comments: [] }];
    throw new ConfigError(
      `${path} has two keys already: ${namesOf(keys)}`,
      "end the rotation that was begun: segue key promote, or segue key retire",
    );
  });
}

/** Puts the second key first: it signs from the next reload on. Returns both. */
export function promoteKey(path: string): readonly Uint8Array[] {
  return change(path, (keys) => [...second(path, keys), keys[0]!]);
}

/** Takes the second key away. Returns the one that stays. */
export function retireKey(path: string): readonly Uint8Array[] {
  return change(path, (keys) => {
    second(path, keys);
    return [keys[0]!];
  });
}

function second(path: string, keys: readonly OneKey[]): [OneKey] {
  const [, other] = keys;
  if (other !== undefined) return [other];
  throw new ConfigError(`${path} has one key, ${namesOf(keys)}, and no second`, "segue key add makes one");
}

function namesOf(keys: readonly OneKey[]): string {
  return keys.map(({ key }) => fingerprintOf(key)).join(", ");
}

/** A link stays one: what it leads to is changed. The file's owner stays too. */
function change(path: string, edit: (keys: readonly OneKey[]) => readonly OneKey[]): readonly Uint8Array[] {
  const { keys, rest } = readKeyFile(path);
  const next = edit(keys);
  const text = next.map(({ key, comments }) => [...comments, ""].join("\n") + keyText(key)).join("");
  const target = Deno.realPathSync(path), beside = `${target}.new`;
  writeNew(beside, rest.length === 0 ? text : `${text}${rest.join("\n")}\n`, `key file ${beside}`, {
    reason: `${beside} is there: another segue key is at work, or one was interrupted`,
    hint: `if none is at work, remove ${beside}; ${path} is as it was`,
  });
  try {
    const { uid, gid } = Deno.statSync(target), made = Deno.statSync(beside);
    if (uid !== made.uid || gid !== made.gid) Deno.chownSync(beside, uid, gid);
    Deno.renameSync(beside, target);
    syncFolder(dirname(target));
  } catch (error) {
    tryRemove(beside);
    throw new ConfigError(`key file ${path} cannot be replaced: ${messageOf(error)}`, "");
  }
  return next.map(({ key }) => key);
}

function newKey(): Uint8Array<ArrayBuffer> {
  return crypto.getRandomValues(new Uint8Array(KEY_BYTES));
}

function keyText(key: Uint8Array): string {
  return btoa(String.fromCharCode(...key)) + "\n";
}

/** @param taken what to say where the file is there */
function writeNew(path: string, text: string, what: string, taken: { reason: string; hint: string }): void {
  using file = create(path, what, taken);
  try {
    const bytes = Uint8Array.from(text, (char) => char.charCodeAt(0));
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
    syncFolder(dirname(path));
  } catch (error) {
    Deno.removeSync(path);
    throw new ConfigError(`${what} cannot be written: ${messageOf(error)}`, "");
  }
}

function create(path: string, what: string, taken: { reason: string; hint: string }): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) throw new ConfigError(taken.reason, taken.hint);
    if (error instanceof Deno.errors.NotFound) {
      throw new ConfigError(`there is no folder ${dirname(path)}`, `mkdir -p ${dirname(path)}`);
    }
    throw new ConfigError(`${what} cannot be made: ${messageOf(error)}`, "");
  }
}

function tryRemove(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** The name of a new file lasts only once its folder is on the disk too (fsync(2)). */
function syncFolder(path: string): void {
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}
