/** What a chaos run comes to: JSON for programs, some lines for people. Pure. */
import { median, type Sample } from "./leaks.ts";
import type { Claim, Intrusion } from "./owners.ts";

/** One fault, or two at a time, and what a client saw of it. */
export interface Round {
  readonly number: number;
  /** Since the run began. */
  readonly atMs: number;
  readonly faults: readonly string[];
  /** The timeline: what was done when, in ms of the run. */
  readonly said: readonly { readonly atMs: number; readonly what: string }[];
  /** Longest time between two answers to a client that asks every 2 ms, what it lost, and the longest answer of a TCP connection. */
  readonly gapMs: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly tcpMs: number;
  readonly settledMs: number;
}

export interface ChaosReport {
  readonly seed: number;
  readonly profile: string;
  readonly minutes: number;
  readonly rounds: readonly Round[];
  readonly faults: Readonly<Record<string, number>>;
  readonly switches: Readonly<Record<string, number>>;
  readonly alarms: Readonly<Record<string, number>>;
  readonly gaps: readonly { readonly upToMs: number; readonly rounds: number }[];
  readonly owners: {
    readonly claims: readonly Claim[];
    readonly intrusions: readonly Intrusion[];
    readonly framesSpoken: number;
    readonly framesMissed: number;
    /** Of those out of turn: after a flush of a node whose daemon did not act, before its guard had put the gate back. */
    readonly excused: number;
  };
  readonly writes: { readonly acknowledged: number; readonly degraded: number; readonly refused: number };
  /** Of each daemon that runs at the end: resident memory and open descriptors. */
  readonly daemons: readonly { readonly node: string; readonly residentMib: number; readonly descriptors: number }[];
  /** Of each daemon whenever the pair was well. */
  readonly samples: readonly Sample[];
  readonly violations: readonly string[];
}

const GAP_LIMITS_MS = [5, 10, 20, 50, 100, 200, 500, 1000, 5000, Infinity];

export function gapHistogram(rounds: readonly Pick<Round, "gapMs">[]): ChaosReport["gaps"] {
  return GAP_LIMITS_MS.map((upToMs, i) => {
    const above = i === 0 ? -1 : GAP_LIMITS_MS[i - 1]!;
    return { upToMs, rounds: rounds.filter(({ gapMs }) => gapMs > above && gapMs <= upToMs).length };
  });
}

export function countBy(words: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

function listed(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts).toSorted(([, x], [, y]) => y - x);
  return entries.length === 0 ? "none" : entries.map(([name, count]) => `${name} ${count}`).join(", ");
}

/** Memory and descriptors of a node's daemons, quarter by quarter. */
function grown(node: string, samples: readonly Sample[]): string {
  const size = Math.ceil(samples.length / 4) || 1;
  const quarters = [0, 1, 2, 3].map((i) => samples.slice(i * size, (i + 1) * size)).filter((it) => it.length > 0);
  return `  ${node}       ${new Set(samples.map(({ pid }) => pid)).size} daemons, median MiB ${
    quarters.map((it) => median(it.map(({ residentMib }) => residentMib))).join(", ")
  }, descriptors ${quarters.map((it) => median(it.map(({ descriptors }) => descriptors))).join(", ")}`;
}

/** For people; with the timeline where a rule was broken. */
export function summary(report: ChaosReport, again: string): string {
  const { owners, writes, violations } = report;
  const gaps = report.gaps.filter(({ rounds }) => rounds > 0).map(({ upToMs, rounds }) =>
    `${upToMs === Infinity ? "longer" : `≤ ${upToMs} ms`}: ${rounds}`
  );
  const lines = [
    `seed ${report.seed}, profile ${report.profile}, ${report.rounds.length} rounds in ${
      report.minutes.toFixed(1)
    } minutes`,
    `faults    ${listed(report.faults)}`,
    `switches  ${listed(report.switches)}`,
    `gaps      ${gaps.join(", ")}`,
    `owners    ${owners.claims.length} reigns, ${owners.framesSpoken} frames spoken as the address, ${owners.intrusions.length} out of turn (${owners.excused} of them excused), ${owners.framesMissed} not seen`,
    `writes    ${writes.acknowledged} acknowledged by both nodes, ${writes.degraded} by one, ${writes.refused} refused or in doubt`,
    `alarms    ${listed(report.alarms)}`,
    `daemons   ${
      report.daemons.map((it) => `${it.node} ${it.residentMib} MiB, ${it.descriptors} descriptors`).join("; ")
    }`,
    ...["a", "b"].map((node) => grown(node, report.samples.filter((it) => it.node === node))),
  ];
  if (violations.length === 0) return [...lines, "no rule was broken"].join("\n");
  const timeline = report.rounds.flatMap(({ said }) => said).map(({ atMs, what }) =>
    `  ${(atMs / 1000).toFixed(3)} s  ${what}`
  );
  return [
    ...lines,
    `BROKEN: ${violations.length}`,
    ...violations.map((it) => `  ${it}`),
    "timeline:",
    ...timeline,
    `again: ${again}`,
  ]
    .join("\n");
}
