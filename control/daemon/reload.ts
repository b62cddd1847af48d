/** What differs between two configurations, as keys. Pure. */

/** Dotted keys of every value that is not the same in both. */
export function changedKeys(old: unknown, next: unknown, path = ""): string[] {
  if (isTree(old) && isTree(next)) {
    const names = new Set([...Object.keys(old), ...Object.keys(next)]);
    return [...names].flatMap((name) => changedKeys(old[name], next[name], path === "" ? name : `${path}.${name}`));
  }
  return old === next ? [] : [path];
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
