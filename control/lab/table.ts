/** The table at the end of a tour: what a client saw, beside another pair that was measured likewise. Pure. */
import type { Outcome } from "./conduct.ts";

/** What a client of another failover program saw. */
export interface Comparison {
  /** Name of the scenario. */
  readonly scenario: string;
  readonly gap: string;
  readonly lost: string;
  readonly owners: string;
}

export interface Comparisons {
  /** Whose figures, and where they are from. */
  readonly title: string;
  readonly rows: readonly Comparison[];
}

/**
 * keepalived 2.2.7 with its shortest advertisement interval, 10 ms: the same topology and a client every 0.5 ms, on a virtual
 * machine with two cores. `--with-keepalived` measures it again.
 */
export const MEASURED_EARLIER: Comparisons = {
  title: "keepalived 2.2.7, 10 ms (measured earlier)",
  rows: [
    { scenario: "planned", gap: "7.6 ms", lost: "13", owners: "one" },
    { scenario: "power-off", gap: "28-41 ms", lost: "51-66", owners: "one" },
    { scenario: "kill", gap: "-", lost: "-", owners: "two, for ever" },
    { scenario: "hang", gap: "-", lost: "-", owners: "two" },
  ],
};

export function outcomeTable(outcomes: readonly Outcome[], beside: Comparisons): string[] {
  const heads = ["", "longest gap", "lost", "TCP longest", "owners"];
  const own = outcomes.map((outcome) => [
    outcome.scenario.title,
    `${outcome.udp.longestGapMs.toFixed(1)} ms`,
    `${outcome.udp.lost}`,
    tcpText(outcome),
    outcome.ownership.twoOwners ? "TWO" : "one",
  ]);
  const others = outcomes.map((outcome) => {
    const row = beside.rows.find((row) => row.scenario === outcome.scenario.name);
    return row === undefined ? ["", "", ""] : [row.gap, row.lost, row.owners];
  });
  const left = columns([heads, ...own], [false, true, true, false, false]);
  const right = columns([["gap", "lost", "owners"], ...others], [true, true, false]);
  const width = Math.max(...left.map((line) => line.length));
  const title = `${"segue".padEnd(width)} │ ${beside.title}`;
  return [title, ...left.map((line, i) => `${line.padEnd(width)} │ ${right[i]!}`.trimEnd())];
}

/** Longest wait for an answer over TCP, and how often the client had to connect anew. */
export function tcpText({ tcp }: Pick<Outcome, "tcp">): string {
  const again = tcp.connects - 1;
  const wait = `${tcp.longestMs.toFixed(0)} ms`;
  return again <= 0 ? wait : `${wait}, ${again} reconnect${again === 1 ? "" : "s"}`;
}

function columns(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ")
  );
}
