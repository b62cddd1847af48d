/** The rules of `[group.state]`, as each node tells them the other: two that differ go on, but not without a word. Pure. */

export interface StateRules {
  /** What becomes of writes that want the standby while it is away. */
  readonly whenAlone: "accept" | "refuse";
  /** How long a write waits for a standby that is in step, but slow. */
  readonly waitUs: number;
  /** Keys and values of the group. */
  readonly maxBytes: number;
}

/** By their names in the configuration, for each group. */
export function rulesText(groups: ReadonlyMap<string, StateRules>): string {
  const named = [...groups].map(([group, { whenAlone, waitUs, maxBytes }]) => [
    group,
    { when_alone: whenAlone, wait: `${waitUs / 1000} ms`, max: `${maxBytes} B` },
  ]);
  return JSON.stringify(Object.fromEntries(named));
}

/** Which of them differ, in words; null where none do. What the peer says may be anything: what cannot be read says nothing. */
export function rulesDifference(own: string, peers: string, peerName: string): string | null {
  const here = readRules(own)!, there = readRules(peers);
  const found = Object.entries(here).flatMap(([group, rules]) =>
    Object.entries(rules).flatMap(([name, value]) => {
      const its = there?.[group]?.[name] ?? value;
      return its === value
        ? []
        : [`${group}.state.${name} is ${value} here and ${String(its).slice(0, 40)} on ${peerName}`];
    })
  );
  return found.length === 0 ? null : `${found.join("; ")}: who is primary goes by its own`;
}

type Rules = Readonly<Record<string, Readonly<Record<string, unknown>> | null>>;

function readRules(text: string): Readonly<Record<string, Readonly<Record<string, unknown>>>> | null {
  try {
    const value: unknown = JSON.parse(text);
    if (value === null || typeof value !== "object") return null;
    return Object.fromEntries(Object.entries(value as Rules).map(([group, rules]) => [group, rules ?? {}]));
  } catch {
    return null;
  }
}
