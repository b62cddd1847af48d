/**
 * The pair's keys: 32 random bytes each, base64, one a line, in a file that nobody but its owner may read. The first one signs and seals,
 * both verify and open. Empty lines and lines that begin with `#` are for people.
 */
import { KEYS_MAX } from "../control/core/heartbeat.ts";
import { keyIdOf } from "../control/core/wire.ts";

export const KEY_BYTES = 32;

/** Files larger than this are no key files. */
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

/** A key file as it stands: its keys, each with the lines before it that are for people, and what follows the last one. */
export interface KeyFile {
  readonly keys: readonly { readonly key: Uint8Array<ArrayBuffer>; readonly comments: readonly string[] }[];
  readonly rest: readonly string[];
}

/**
 * The keys of a file, one or two of 32 bytes. Throws `ConfigError` for a file that is missing, is not a plain file, belongs to
 * somebody other than root or this user, may be read or written by group or others, or does not hold what it should (the first problem
 * of `inspectKeys`). Nothing is read before the mode of the very file that is open has been looked at.
 */
export function readKeys(path: string): readonly Uint8Array<ArrayBuffer>[] {
  return readKeyFile(path).keys.map(({ key }) => key);
}

/** The same with all that is for people. */
export function readKeyFile(path: string): KeyFile {
  const { file, problems } = inspectKeys(path);
  if (problems.length > 0) throw problems[0]!;
  return file;
}

/** What the file holds and everything that is wrong with that. Throws where the file itself is not as `readKeys` wants it. */
export function inspectKeys(path: string): { readonly file: KeyFile; readonly problems: readonly ConfigError[] } {
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
  const bytes = readSome(file);
  if (bytes.length > KEY_FILE_MAX) {
    throw new ConfigError(`key file ${path} is larger than ${KEY_FILE_MAX} bytes`, `make a new one: segue keygen FILE`);
  }
  // A character for each byte: what is for people is written back as it was, in whatever it is encoded.
  return parseKeys(String.fromCharCode(...bytes), path);
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
  const buffer = new Uint8Array(KEY_FILE_MAX + 1);
  let length = 0;
  while (length < buffer.length) {
    const count = file.readSync(buffer.subarray(length));
    if (count === null) break;
    length += count;
  }
  return buffer.subarray(0, length);
}

/** @param text a character for each byte  @param path for the messages only */
export function parseKeys(
  text: string,
  path: string,
): { readonly file: KeyFile; readonly problems: readonly ConfigError[] } {
  const keys: KeyFile["keys"][number][] = [], problems: ConfigError[] = [];
  let comments: string[] = [];
  for (const [index, raw] of text.trimEnd().split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) {
      comments.push(line);
      continue;
    }
    const read = decodeKey(line, `key file ${path}, line ${index + 1}`);
    if (read instanceof ConfigError) problems.push(read);
    else keys.push({ key: read, comments });
    comments = [];
  }
  if (problems.length === 0) problems.push(...setProblems(keys.map(({ key }) => key), path));
  return { file: { keys, rest: comments }, problems };
}

function decodeKey(line: string, where: string): Uint8Array<ArrayBuffer> | ConfigError {
  const hint = "make a new one: segue keygen FILE, then copy it to both nodes";
  let key: Uint8Array<ArrayBuffer>;
  try {
    key = Uint8Array.from(atob(line), (char) => char.charCodeAt(0));
  } catch {
    return new ConfigError(`${where} does not hold base64`, hint);
  }
  if (key.length === KEY_BYTES) return key;
  return new ConfigError(`${where} holds ${key.length} bytes; a key has ${KEY_BYTES}`, hint);
}

function setProblems(keys: readonly Uint8Array[], path: string): ConfigError[] {
  const problems: ConfigError[] = [];
  if (keys.length === 0) {
    problems.push(
      new ConfigError(`key file ${path} holds no key`, `make one: remove the file, then segue keygen ${path}`),
    );
  }
  if (keys.length > KEYS_MAX) {
    const reason = `key file ${path} holds ${keys.length} keys; there may be ${KEYS_MAX}, the one that signs first`;
    problems.push(new ConfigError(reason, "take the lines of keys that are no longer used away"));
  }
  if (new Set(keys.map(keyIdOf)).size < keys.length) {
    problems.push(new ConfigError(`key file ${path} holds the same key twice`, "take one of the two lines away"));
  }
  return problems;
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
