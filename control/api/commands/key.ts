/** `segue keygen` and `segue key`: make and change the file of the pair's keys. The daemon takes a change over at its next reload. */
import { ConfigError, readKeys } from "../../../config/key.ts";
import { addKey, fingerprintOf, generateKey, promoteKey, retireKey } from "../../../config/key_change.ts";
import { complain, type Terminal } from "./terminal.ts";

export type KeyCommand = "show" | "add" | "promote" | "retire";

/** 0 done, 1 failed. */
export function runKeygen(io: Terminal, path: string): number {
  return told(io, "keygen", () => {
    generateKey(path);
    io.out(`${path}: a new pair key, mode 0600. Copy it to the other node by a safe way; both need the same.\n`);
  });
}

/** Each leaves the file's keys, and says what comes next. */
const CHANGES: Readonly<Record<KeyCommand, (path: string) => readonly Uint8Array[]>> = {
  show: readKeys,
  add: addKey,
  promote: promoteKey,
  retire: retireKey,
};

const NEXT: Readonly<Record<KeyCommand, string>> = {
  show: "",
  add: "next: copy this file to the other node, then segue reload on both; segue status says when both have it",
  promote: "next: segue reload here, then the same on the other node; segue status says when both sign with it",
  retire: "next: segue reload here, then the same on the other node",
};

/** 0 done, 1 failed; then the file is as it was. Prints fingerprints, never keys. */
export function runKey(io: Terminal, command: KeyCommand, path: string, json: boolean): number {
  return told(io, `key ${command}`, () => {
    const [signs, second = null] = CHANGES[command](path).map(fingerprintOf);
    if (json) return io.out(JSON.stringify({ file: path, signs, second }) + "\n");
    io.out(`${path}: signs with ${signs}, ${second === null ? "no second key" : `also accepts ${second}`}\n`);
    if (NEXT[command] !== "") io.out(`${NEXT[command]}\n`);
  });
}

function told(io: Terminal, command: string, act: () => void): number {
  try {
    act();
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return complain(io, command, error.reason, error.hint);
  }
}
