/** The pair key: 32 random bytes, base64, in a file that nobody but its owner may read. */
import { dirname } from "node:path";

export const KEY_BYTES = 32;

/** Files larger than this are not keys; reading stops there. */
const KEY_FILE_MAX = 4096;

/** What is wrong with something that the configuration names, and what to do about it. */
export class ConfigError extends Error {
  readonly reason: string;
  readonly hint: string;

  constructor(reason: string, hint: string) {
    super(hint === "" ? reason : `${reason} (${hint})`);
    this.name = "ConfigError";
    this.reason = reason;
    this.hint = hint;
  }
}

/**
 * The key's 32 bytes. Throws `ConfigError` for a file that is missing, is not a plain file, belongs to somebody other
 * than root or this user, may be read or written by group or others, or holds no key. Nothing is read before the mode
 * of the very file that is open has been looked at.
 */
export function readKey(path: string): Uint8Array<ArrayBuffer> {
  using file = openKey(path);
  const info = file.statSync();
  if (!info.isFile) throw new ConfigError(`key file ${path} is not a plain file`, `make one: segue keygen ${path}`);
  const mode = (info.mode ?? 0o777) & 0o777;
  if (info.uid !== 0 && info.uid !== Deno.uid()) {
    throw new ConfigError(`key file ${path} belongs to user ${info.uid}`, `chown root ${path}`);
  }
  if ((mode & 0o077) !== 0) {
    const text = mode.toString(8).padStart(4, "0");
    throw new ConfigError(`key file ${path} has mode ${text}: others can read or change it`, `chmod 600 ${path}`);
  }
  return decodeKey(readSome(file), path);
}

function openKey(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { read: true });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new ConfigError(`key file ${path} is not there`, `segue keygen ${path}, then copy it to the other node`);
    }
    if (error instanceof Deno.errors.PermissionDenied) {
      throw new ConfigError(`key file ${path} may not be read by this user`, "segue runs as root");
    }
    throw new ConfigError(`key file ${path} cannot be opened: ${messageOf(error)}`, "");
  }
}

function readSome(file: Deno.FsFile): Uint8Array {
  const buffer = new Uint8Array(KEY_FILE_MAX);
  let length = 0;
  while (length < buffer.length) {
    const count = file.readSync(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

/** @param path for the message only */
function decodeKey(bytes: Uint8Array, path: string): Uint8Array<ArrayBuffer> {
  const hint = `make a new one: segue keygen FILE, then copy it to both nodes`;
  // Latin-1: bytes that are not base64 stay visible as such, and nothing is decoded twice.
  const text = new TextDecoder("latin1").decode(bytes).trim();
  let key: Uint8Array<ArrayBuffer>;
  try {
    key = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
  } catch {
    throw new ConfigError(`key file ${path} does not hold base64`, hint);
  }
  if (key.length !== KEY_BYTES) {
    throw new ConfigError(`key file ${path} holds ${key.length} bytes; a key has ${KEY_BYTES}`, hint);
  }
  return key;
}

/**
 * Writes a new random key, mode 0600, and waits until it is on the disk. Throws `ConfigError` where a file is there
 * already (a key that is overwritten parts the pair) or where it cannot be written; then nothing is left behind.
 */
export function generateKey(path: string): void {
  using file = createKey(path);
  try {
    const key = crypto.getRandomValues(new Uint8Array(KEY_BYTES));
    const text = new TextEncoder().encode(btoa(String.fromCharCode(...key)) + "\n");
    for (let at = 0; at < text.length;) at += file.writeSync(text.subarray(at));
    file.syncSync();
    syncFolder(dirname(path));
  } catch (error) {
    Deno.removeSync(path);
    throw new ConfigError(`key file ${path} cannot be written: ${messageOf(error)}`, "");
  }
}

function createKey(path: string): Deno.FsFile {
  try {
    return Deno.openSync(path, { write: true, createNew: true, mode: 0o600 });
  } catch (error) {
    if (error instanceof Deno.errors.AlreadyExists) {
      throw new ConfigError(
        `${path} is there already and stays as it is`,
        "remove it first if both nodes get the new key",
      );
    }
    if (error instanceof Deno.errors.NotFound) {
      throw new ConfigError(`there is no folder ${dirname(path)}`, `mkdir -p ${dirname(path)}`);
    }
    throw new ConfigError(`key file ${path} cannot be made: ${messageOf(error)}`, "");
  }
}

/** The name of a new file lasts only once its folder is on the disk too (fsync(2)). */
function syncFolder(path: string): void {
  using folder = Deno.openSync(path, { read: true });
  folder.syncSync();
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** `segue keygen FILE`: 0 done, 1 failed. */
export function runKeygen(path: string): number {
  try {
    generateKey(path);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(`segue keygen: ${error.reason}`);
    if (error.hint !== "") console.error(`    hint: ${error.hint}`);
    return 1;
  }
  console.log(`${path}: a new pair key, mode 0600. Copy it to the other node by a safe way; both need the same.`);
  return 0;
}
