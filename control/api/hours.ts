/** How far back a question goes. Pure. */

/** The journal keeps delays for a month. */
export const HOURS_MAX = 720;

/** A whole number of hours within that, or null. */
export function parseHours(text: string): number | null {
  const hours = /^[0-9]{1,3}$/.test(text) ? Number(text) : 0;
  return hours >= 1 && hours <= HOURS_MAX ? hours : null;
}
