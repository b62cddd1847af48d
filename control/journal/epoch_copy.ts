/**
 * The second copy of the epochs: a small text file beside the database.
 *
 * ```
 * segue epochs 1
 * 3000 proven "web"
 * 1000 unproven "db"
 * others proven
 * crc32 1c291ca3
 * ```
 *
 * It is on the disk before a reservation is committed, let alone told to anyone: what it says is never below what was
 * used, so a damaged database costs the history but not the epochs. Encoding and decoding are pure.
 */
import { crc32 } from "node:zlib";
import { dirname } from "node:path";
import { EPOCH_MAX } from "../core/limits.ts";
import { syncFolder } from "./files.ts";

/** What is known of one group: no epoch above `reservedUpTo` was ever used here, unless `unproven`. */
export interface EpochMark {
  readonly reservedUpTo: number;
  readonly unproven: boolean;
}

export interface EpochMarks {
  readonly groups: ReadonlyMap<string, EpochMark>;
  /** For groups that are not listed: whether an earlier list was lost, so that their absence proves nothing. */
  readonly othersUnproven: boolean;
}

const TITLE = "segue epochs 1";

export function encodeEpochMarks(marks: EpochMarks): string {
  const lines = [TITLE];
  for (const [group, mark] of marks.groups) {
    lines.push(`${mark.reservedUpTo} ${proof(mark.unproven)} ${JSON.stringify(group)}`);
  }
  lines.push(`others ${proof(marks.othersUnproven)}`);
  const body = lines.join("\n") + "\n";
  return `${body}crc32 ${checksum(body)}\n`;
}

/** Null for anything that is not exactly what `encodeEpochMarks` writes. */
export function decodeEpochMarks(text: string): EpochMarks | null {
  const parts = /^(segue epochs 1\n(?:[^\n]*\n)*)crc32 ([0-9a-f]{8})\n$/.exec(text);
  if (!parts || checksum(parts[1]!) !== parts[2]) return null;
  const lines = parts[1]!.split("\n").slice(1, -1);
  const others = /^others (proven|unproven)$/.exec(lines.pop() ?? "");
  if (!others) return null;
  const groups = new Map<string, EpochMark>();
  for (const line of lines) {
    const found = /^([0-9]{1,10}) (proven|unproven) ("[^\n]*")$/.exec(line);
    const reservedUpTo = Number(found?.[1]);
    const group = found ? parseText(found[3]!) : null;
    if (!found || group === null || reservedUpTo > EPOCH_MAX) return null;
    groups.set(group, { reservedUpTo, unproven: found[2] === "unproven" });
  }
  return { groups, othersUnproven: others[1] === "unproven" };
}

/** The copy on the disk; null if there is none or it cannot be trusted. */
export function readEpochCopy(path: string): EpochMarks | null {
  try {
    return decodeEpochMarks(Deno.readTextFileSync(path));
  } catch {
    return null;
  }
}

/** Replaces the copy; it is on the disk when this returns. Throws what the file system throws. */
export function writeEpochCopy(path: string, marks: EpochMarks): void {
  const next = `${path}.new`;
  const file = Deno.openSync(next, { write: true, create: true, truncate: true, mode: 0o600 });
  try {
    const bytes = new TextEncoder().encode(encodeEpochMarks(marks));
    for (let at = 0; at < bytes.length;) at += file.writeSync(bytes.subarray(at));
    file.syncSync();
  } finally {
    file.close();
  }
  Deno.renameSync(next, path);
  syncFolder(dirname(path));
}

function proof(unproven: boolean): string {
  return unproven ? "unproven" : "proven";
}

function checksum(text: string): string {
  return crc32(text).toString(16).padStart(8, "0");
}

function parseText(json: string): string | null {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "string" ? value : null;
  } catch {
    return null;
  }
}
