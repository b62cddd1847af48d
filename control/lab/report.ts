/** The result of a lab run for programs, and what is kept of a run that broke a promise. Names in snake_case. */
import { receiptJson } from "../api/json.ts";
import { VERSION } from "../core/version.ts";
import type { Outcome } from "./conduct.ts";
import type { Measurement } from "./measurement.ts";
import { promiseText } from "./scenarios.ts";
import type { Comparisons } from "./table.ts";
import { NODES } from "./topology.ts";
import type { World } from "./world.ts";

export interface LabReport {
  readonly outcomes: readonly Outcome[];
  readonly beside: Comparisons;
  /** Why it ended early, null if it did not. */
  readonly failure: string | null;
  /** Folder with the nodes' logs, null where nothing was kept. */
  readonly logs: string | null;
}

export function reportOk({ outcomes, failure }: Pick<LabReport, "outcomes" | "failure">): boolean {
  return failure === null && outcomes.every(({ problems }) => problems.length === 0);
}

/** One object. Pure. */
export function reportJson(report: LabReport): Record<string, unknown> {
  return {
    ok: reportOk(report),
    version: VERSION,
    profile: "fast",
    scenarios: report.outcomes.map(outcomeJson),
    compared_with: report.beside,
    failure: report.failure,
    logs: report.logs,
  };
}

function outcomeJson(outcome: Outcome): Record<string, unknown> {
  const { scenario, cast, udp, udp6, tcp, ownership } = outcome;
  return {
    name: scenario.name,
    title: scenario.title,
    promise: promiseText(scenario),
    kept: outcome.problems.length === 0,
    problems: outcome.problems,
    primary: cast.primary,
    standby: cast.standby,
    fault_ms: outcome.faultMs,
    client: {
      ...measurementJson(udp),
      timeline: { slice_ms: udp.timeline.sliceMs, max_us: udp.timeline.maxUs, lost: udp.timeline.lost },
    },
    client_ipv6: measurementJson(udp6),
    client_tcp: { messages: tcp.messages, connections: tcp.connects, longest_ms: tcp.longestMs },
    ownership: {
      order: ownership.order,
      two_owners: ownership.twoOwners,
      silence_ms: ownership.silenceMs,
      missed: ownership.missed,
      intrusions: ownership.intrusions.map(({ node, atUs, frames }) => ({ node, at_us: atUs, frames })),
      reigns: ownership.reigns.map(({ node, firstUs, lastUs, frames }) => ({
        node,
        first_us: firstUs,
        last_us: lastUs,
        frames,
      })),
    },
    owners: outcome.owners,
    receipt: outcome.receipt === null ? null : receiptJson(outcome.receipt),
  };
}

function measurementJson(seen: Measurement): Record<string, number> {
  return {
    sent: seen.sent,
    lost: seen.lost,
    reordered: seen.reordered,
    duplicates: seen.duplicates,
    longest_gap_ms: seen.longestGapMs,
    gap_at_ms: seen.gapAtMs,
    rtt_p50_us: seen.rttP50Us,
    rtt_p99_us: seen.rttP99Us,
    rtt_max_us: seen.rttMaxUs,
    started_us: seen.startedUs,
  };
}

/** Writes what helps to understand a broken promise into a folder of its own, and returns its path. */
export function keepLogs(world: World | null, report: LabReport): string {
  const folder = Deno.makeTempDirSync({ prefix: "segue-lab-logs-" });
  if (world !== null) {
    for (const name of NODES) {
      Deno.writeTextFileSync(`${folder}/node-${name}.log`, world.linesOf(name).join("\n") + "\n");
    }
  }
  Deno.writeTextFileSync(`${folder}/report.json`, JSON.stringify(reportJson({ ...report, logs: folder }), null, 2));
  return folder;
}
