/** Times in the configuration: a number and a unit, always. A bare number would be read as seconds by one reader and milliseconds by the next. */

const UNIT_US: Readonly<Record<string, bigint>> = { us: 1n, "µs": 1n, ms: 1_000n, s: 1_000_000n, m: 60_000_000n };

/** Longest time that a configuration can ask for: one day. */
export const DURATION_MAX_US = 86_400e6;

/**
 * Microseconds of `2ms`, `500us`, `1.5s`, `1m`; a sentence about the error for anything else.
 * A fraction must come out at whole microseconds.
 */
export function parseDuration(text: string): number | string {
  const parts = /^([0-9]+)(?:\.([0-9]+))?\s*(us|µs|ms|s|m)?$/.exec(text.trim());
  if (!parts) return `${JSON.stringify(text)} is not a time such as "2ms", "500us", "1.5s" or "1m"`;
  const [, whole = "0", fraction = "", unit] = parts;
  if (unit === undefined) return `${JSON.stringify(text)} has no unit: us, ms, s or m`;
  // Whole numbers all the way: a double product such as 16414.760266 × 1e6 is off in its last digits.
  const scale = 10n ** BigInt(fraction.length);
  const scaled = BigInt(whole + fraction) * UNIT_US[unit]!;
  if (scaled > BigInt(DURATION_MAX_US) * scale) return `${JSON.stringify(text)} is longer than a day`;
  if (scaled % scale !== 0n) return `${JSON.stringify(text)} is finer than a microsecond`;
  return Number(scaled / scale);
}

/** The shortest exact text of a time: 2000 → `2ms`, 1500 → `1.5ms`, 250 → `250us`, 3_000_000 → `3s`, 60_000_000 → `1m`. */
export function formatDuration(us: number): string {
  if (us >= 60e6 && us % 60e6 === 0) return `${us / 60e6}m`;
  if (us >= 1e6) return `${us / 1e6}s`;
  if (us >= 1e3) return `${us / 1e3}ms`;
  return `${us}us`;
}
