/** Sizes in the configuration: a number and a unit, in powers of 1024 (IEC 80000-13). */

const UNITS: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/** Bytes of `64KiB`, `1GiB`; a sentence about the error for anything else. */
export function parseSize(text: string): number | string {
  const parts = /^([0-9]{1,15})\s*(B|KiB|MiB|GiB)?$/.exec(text.trim());
  if (!parts) return `${JSON.stringify(text)} is not a size such as "64KiB", "512MiB" or "1GiB"`;
  const [, number = "", unit] = parts;
  if (unit === undefined) return `${JSON.stringify(text)} has no unit: B, KiB, MiB or GiB`;
  const bytes = Number(number) * UNITS[unit]!;
  return bytes <= Number.MAX_SAFE_INTEGER ? bytes : `${JSON.stringify(text)} is larger than any memory`;
}

/** The shortest exact text of a size: 65536 → `64KiB`. */
export function formatSize(bytes: number): string {
  for (const [unit, factor] of Object.entries(UNITS).toReversed()) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${unit}`;
  }
  return `${bytes}B`;
}
