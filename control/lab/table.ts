/** The table at the end of a tour: what a client saw, beside another pair that was measured likewise. Pure. */
import type { Outcome } from "./conduct.ts";

/** Room for the order of two owners. */
const ORDER_MAX = 3;

/** What a client of another failover program saw. */
export interface Comparison {
  /** Name of the scenario. */
  readonly scenario: string;
  readonly gap: string;
  readonly lost: string;
  readonly owners: string;
  /** Taken from what was measured earlier, where the rest was measured now. */
  readonly earlier?: boolean;
}

export interface Comparisons {
  /** Whose figures, and where they are from. */
  readonly title: string;
  readonly rows: readonly Comparison[];
}

/**
 * keepalived 2.2.7 with its shortest advertisement interval, 10 ms: the same topology and a client every 0.5 ms.
 * `--with-keepalived` measures it again.
 */
export const MEASURED_EARLIER: Comparisons = {
  title: "keepalived 2.2.7, measured earlier",
  rows: [
    { scenario: "planned", gap: "7.6 ms", lost: "13", owners: "one" },
    { scenario: "power-off", gap: "28-35 ms", lost: "51-66", owners: "one" },
    { scenario: "kill", gap: "-", lost: "-", owners: "two, for ever" },
    { scenario: "hang", gap: "-", lost: "-", owners: "two" },
  ],
};

/** What was measured now, and for the other scenarios what was measured earlier, marked as such. */
export function beside(title: string, now: readonly Comparison[]): Comparisons {
  const rest = MEASURED_EARLIER.rows.filter(({ scenario }) => !now.some((row) => row.scenario === scenario));
  return { title, rows: [...now, ...rest.map((row) => ({ ...row, earlier: true }))] };
}

/** No line is longer than 98 columns, nor than `room` where the two tables fit one below the other. */
export function outcomeTable(outcomes: readonly Outcome[], beside: Comparisons, room = Infinity): string[] {
  const heads = ["", "gap", "lost", "reordered", "TCP longest", "who spoke"];
  const own = outcomes.map((outcome) => [
    outcome.scenario.name,
    `${outcome.udp.longestGapMs.toFixed(1)} ms`,
    `${outcome.udp.lost}`,
    `${outcome.udp.reordered}`,
    tcpCell(outcome),
    spokeText(outcome),
  ]);
  const others = outcomes.map((outcome) => {
    const row = beside.rows.find((row) => row.scenario === outcome.scenario.name);
    return row === undefined ? ["", "", ""] : [row.gap, row.lost, row.owners + (row.earlier === true ? " *" : "")];
  });
  const left = columns([heads, ...own], [false, true, true, true, false, false]);
  const right = columns([["gap", "lost", "owners"], ...others], [true, true, false]);
  const width = Math.max(...left.map((line) => line.length));
  const title = `${"segue".padEnd(width)} │ ${beside.title}`;
  const both = [title, ...left.map((line, i) => `${line.padEnd(width)} │ ${right[i]!}`.trimEnd())];
  if (both.every((line) => line.length <= room)) return both;
  const names = columns([[""], ...outcomes.map(({ scenario }) => [scenario.name])], [false]);
  const below = right.map((line, i) => `${names[i]!}  ${line}`.trimEnd()).filter((_, i) =>
    i === 0 || others[i - 1]![0] !== ""
  );
  return ["segue", ...left.map((line) => line.trimEnd()), "", beside.title, ...below];
}

/** What stands below the table. */
export function tableNotes(outcomes: readonly Outcome[], beside: Comparisons): string[] {
  const shown = beside.rows.filter(({ scenario }) => outcomes.some((outcome) => outcome.scenario.name === scenario));
  const notes = [];
  if (outcomes.some(({ tcp }) => tcp.connects > 1)) {
    notes.push("+1: a connection ends with the kernel that holds it, and the client connected once more");
  }
  if (beside === MEASURED_EARLIER && shown.length > 0) {
    notes.push("keepalived: 10 ms adverts, its least; measured on a 2-core virtual machine; -: not measured");
  }
  if (shown.some((row) => row.earlier === true)) {
    notes.push("* measured earlier: keepalived 2.2.7 on a 2-core virtual machine; --with-keepalived measures it");
  }
  return notes;
}

/** Two owners in capitals; after them who was heard, as far as it fits. */
function spokeText({ ownership }: Outcome): string {
  if (!ownership.twoOwners) return ownership.order.replaceAll(" ", ", ");
  const order = ownership.order.replaceAll(" ", "");
  return `TWO: ${order.length > ORDER_MAX ? `${order.slice(0, ORDER_MAX)}…` : order}`;
}

/** Longest wait for an answer over TCP, and how often the client had to connect anew. */
export function tcpText({ tcp }: Pick<Outcome, "tcp">): string {
  const again = tcp.connects - 1;
  const wait = `${tcp.longestMs.toFixed(0)} ms`;
  return again <= 0 ? wait : `${wait}, ${again} reconnect${again === 1 ? "" : "s"}`;
}

/** The same in fewer letters. */
function tcpCell({ tcp }: Outcome): string {
  const wait = `${tcp.longestMs.toFixed(0)} ms`;
  return tcp.connects > 1 ? `${wait} +${tcp.connects - 1}` : wait;
}

function columns(rows: readonly (readonly string[])[], right: readonly boolean[]): string[] {
  const widths = right.map((_, i) => Math.max(...rows.map((row) => row[i]!.length)));
  return rows.map((row) =>
    row.map((cell, i) => right[i] ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)).join("  ")
  );
}
