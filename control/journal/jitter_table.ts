/** Counted delays on the disk: a row a minute for a day, then a row an hour for a month. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { type Jitter, type JitterRow, mergeJitter } from "../core/jitter.ts";

/** Version of the schema that has the table. */
export const JITTER_SINCE = 2;
const MINUTE_S = 60;
const HOUR_S = 3600;
export const MINUTES_KEPT_S = 24 * HOUR_S;
export const HOURS_KEPT_S = 30 * 24 * HOUR_S;

export class JitterTable {
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#get = db.prepare("SELECT at, seconds, body FROM jitter WHERE at = ?");
    this.#put = db.prepare("INSERT OR REPLACE INTO jitter (at, seconds, body) VALUES (?, ?, ?)");
  }

  /** Adds a span to the minute in which it began. */
  add(row: JitterRow): void {
    this.#merge(Math.floor(row.at / MINUTE_S) * MINUTE_S, [row]);
  }

  select(sinceS: number): JitterRow[] {
    return selectJitter(this.#db, sinceS);
  }

  /** Makes the oldest hour that is due one row, and deletes what is too old; true if there may be more to do. */
  fold(nowS: number): boolean {
    this.#db.prepare("DELETE FROM jitter WHERE at < ?").run(nowS - HOURS_KEPT_S);
    const limit = Math.floor((nowS - MINUTES_KEPT_S) / HOUR_S) * HOUR_S;
    const oldest = this.#db.prepare(`SELECT MIN(at) AS at FROM jitter WHERE at < ? AND at % ${HOUR_S} <> 0`).get(limit)
      ?.at;
    if (typeof oldest !== "number") return false;
    const hour = Math.floor(oldest / HOUR_S) * HOUR_S;
    const rows = rowsOf(
      this.#db.prepare("SELECT at, seconds, body FROM jitter WHERE at > ? AND at < ? ORDER BY at").all(
        hour,
        hour + HOUR_S,
      ),
    );
    this.#db.prepare("DELETE FROM jitter WHERE at > ? AND at < ?").run(hour, hour + HOUR_S);
    this.#merge(hour, rows);
    return true;
  }

  #merge(at: number, added: readonly JitterRow[]): void {
    const rows = [...rowsOf(this.#get.all(at)), ...added];
    const seconds = rows.reduce((sum, row) => sum + row.seconds, 0);
    this.#put.run(at, Math.round(seconds), JSON.stringify(mergeJitter(rows)));
  }
}

/** Rows whose span has not ended before `sinceS`, oldest first. */
export function selectJitter(db: DatabaseSync, sinceS: number): JitterRow[] {
  return rowsOf(db.prepare("SELECT at, seconds, body FROM jitter WHERE at + seconds > ? ORDER BY at").all(sinceS));
}

/** A row that cannot be read is left out. */
function rowsOf(rows: readonly Record<string, unknown>[]): JitterRow[] {
  return rows.flatMap(({ at, seconds, body }) => {
    try {
      // Written by this program, guarded by the database's own checks.
      return [{ ...JSON.parse(String(body)) as Jitter, at: Number(at), seconds: Number(seconds) }];
    } catch {
      return [];
    }
  });
}
