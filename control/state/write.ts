/** What a client may ask to be written, and whether it may be. */
import { KEY_BYTES_MAX, keyBytes, VALUE_BYTES_MAX } from "../core/state/row.ts";
import type { GroupTable } from "../core/state/table.ts";
import { StateProblem } from "./problem.ts";
import type { AckLevel } from "./waits.ts";

/** One key of a request. */
export interface WriteOp {
  readonly key: string;
  /** Null deletes it. */
  readonly value: Uint8Array | null;
  /** The version that the key must have: that of its last write; 0: it must not exist. Undefined: any. */
  readonly ifVersion?: number;
}

/** Operations of one request are done together or not at all. */
export interface WriteRequest {
  readonly ops: readonly WriteOp[];
  readonly ack: AckLevel;
}

export interface WriteResult {
  /** LSN of the last operation; the n-th from the end has this minus n. It is the key's version. */
  readonly lsn: number;
  readonly epoch: number;
  readonly ack: AckLevel;
  /** The standby was away: what was asked for holds on this node alone. */
  readonly degraded: boolean;
}

export const OPS_MAX = 10_000;
/** All keys and values of one request. */
export const REQUEST_BYTES_MAX = VALUE_BYTES_MAX + 64 * 1024;

/** Throws `StateProblem` with the first operation that cannot be. @param room bytes that the group's table may still grow by */
export function checkWrite(table: GroupTable, ops: readonly WriteOp[], room: number): void {
  if (ops.length > OPS_MAX) {
    throw new StateProblem("too-large", `${ops.length} operations in one request`, `at most ${OPS_MAX}`);
  }
  let bytes = 0;
  for (const [index, { key, value }] of ops.entries()) {
    if (keyBytes(key) === null) {
      const text = key === "" ? "an empty key" : `a key that begins with ${JSON.stringify(key.slice(0, 40))}`;
      throw new StateProblem("bad-key", text, `a key is 1 to ${KEY_BYTES_MAX} bytes of UTF-8 text`, {
        line: index + 1,
      });
    }
    if ((value?.length ?? 0) > VALUE_BYTES_MAX) {
      const text = `the value of ${JSON.stringify(key.slice(0, 40))} has ${value!.length} bytes`;
      throw new StateProblem("too-large", text, `at most ${VALUE_BYTES_MAX}`, { line: index + 1 });
    }
    bytes += key.length + (value?.length ?? 0);
  }
  if (bytes > REQUEST_BYTES_MAX) {
    throw new StateProblem("too-large", `a request with ${bytes} bytes`, `at most ${REQUEST_BYTES_MAX}`);
  }
  if (bytes > room) {
    throw new StateProblem(
      "full",
      `${bytes} bytes more than the group may keep`,
      "delete keys, or raise state.max_bytes",
    );
  }
  checkVersions(table, ops);
}

/** An operation sees those before it in the same request. */
function checkVersions(table: GroupTable, ops: readonly WriteOp[]): void {
  const earlier = new Set<string>();
  for (const [index, { key, ifVersion }] of ops.entries()) {
    if (ifVersion !== undefined) {
      if (earlier.has(key)) {
        const text = `${JSON.stringify(key)} stands twice, the second time with a condition`;
        throw new StateProblem("version", text, "its version is not known before the request is done", {
          line: index + 1,
        });
      }
      const now = versionOf(table, key);
      if (now !== ifVersion) {
        const wanted = ifVersion === 0 ? "not to exist" : `to have version ${ifVersion}`;
        const found = now === 0 ? "does not exist" : `has version ${now}`;
        throw new StateProblem(
          "version",
          `${JSON.stringify(key)} was ${wanted}, but ${found}`,
          "read it again and decide anew",
          { line: index + 1, version: now },
        );
      }
    }
    earlier.add(key);
  }
}

/** Version of a key for clients: a key that was deleted has none. */
export function versionOf(table: GroupTable, key: string): number {
  const row = table.get(key);
  return row === null || row.value === null ? 0 : row.lsn;
}
