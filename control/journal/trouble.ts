/** A disk that refuses: what to say of it, and when to try it again. */
import { dirname } from "node:path";
import { failureKind, failureText } from "./failure.ts";
import { writeObstacle } from "./files.ts";

const RETRY_FIRST_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** What keeps a file from being written, and when to try again. */
export interface Trouble {
  readonly text: string;
  readonly waitMs: number;
  /** By `performance.now()`. */
  readonly retryAt: number;
}

/** The trouble after another failure: the waits double, up to a minute. */
export function nextTrouble(before: Trouble | null, what: string, path: string, error: unknown): Trouble {
  const waitMs = Math.min(RETRY_MAX_MS, before === null ? RETRY_FIRST_MS : before.waitMs * 2);
  const obstacle = failureKind(error) === "other" ? writeObstacle(dirname(path)) : null;
  const text = `cannot ${what} ${path}: ${failureText(error)}${obstacle === null ? "" : ` (${obstacle})`}`;
  return { text, waitMs, retryAt: performance.now() + waitMs };
}

/** Milliseconds until the disk is tried again; 0 if nothing keeps one from it. */
export function retryInMs(trouble: Trouble | null): number {
  return trouble === null ? 0 : Math.max(0, trouble.retryAt - performance.now());
}
