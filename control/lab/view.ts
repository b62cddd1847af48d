/** What a visitor of the lab reads: what happens now, what the client saw of it, and the sum of it all. */
import { durationText } from "../api/units.ts";
import { chart, sparkline } from "./chart.ts";
import type { Audience, Outcome } from "./conduct.ts";
import type { Progress, Timeline } from "./measurement.ts";
import type { Scenario } from "./scenarios.ts";
import type { Screen, Style } from "./screen.ts";
import { type Comparisons, outcomeTable, tcpText } from "./table.ts";

const LIVE_COLUMNS = 40;
const CHART_COLUMNS_MAX = 64;
/** What stands before a chart's columns. */
const CHART_MARGIN = 12;
const CHART_MS_PER_COLUMN = 2;
/** How much of the chart lies before the fault. */
const BEFORE_FAULT_MS = 30;
/** A gap that begins within this time of the fault is taken for its effect. */
const NEAR_FAULT_MS = 100;
const INDENT = "  ";

export class View {
  readonly #screen: Screen;

  constructor(screen: Screen) {
    this.#screen = screen;
  }

  get #style(): Style {
    return this.#screen.style;
  }

  line(text: string): void {
    this.#screen.line(text);
  }

  /** What is being done at the moment, where lines can change. */
  doing(text: string): void {
    this.#screen.live(this.#style.dim(text));
  }

  clear(): void {
    this.#screen.clear();
  }

  /** Follows one scenario while it is played. */
  audience(scenario: Scenario): Audience {
    let phase = "", seen: Progress | null = null, whole: Timeline | null = null;
    const show = () => this.#screen.live(liveLine(scenario, phase, seen, whole));
    return {
      phase(text) {
        phase = text;
        show();
      },
      progress(progress) {
        seen = progress;
        whole = whole === null ? progress.fresh : joined(whole, progress.fresh);
        show();
      },
    };
  }

  begin(scenario: Scenario): void {
    this.line("");
    this.line(`${this.#style.bold(scenario.title)} ${this.#style.dim(`(${scenario.name})`)}: ${scenario.story}`);
  }

  outcome(outcome: Outcome): void {
    const { udp, faultMs } = outcome;
    const options = {
      fromMs: faultMs - BEFORE_FAULT_MS,
      columns: Math.max(1, Math.min(CHART_COLUMNS_MAX, this.#screen.columns - CHART_MARGIN)),
      msPerColumn: CHART_MS_PER_COLUMN,
      markMs: faultMs,
    };
    for (const row of chart(udp.timeline, options)) this.line(INDENT + row);
    this.line(
      `${INDENT}${" ".repeat(8)}${
        this.#style.dim(`answer times, ${CHART_MS_PER_COLUMN} ms a column; ┴ the fault, × lost`)
      }`,
    );
    for (const line of outcomeLines(outcome)) this.line(INDENT + line);
    if (outcome.problems.length === 0) this.line(`${INDENT}${this.#style.good("✓")} as promised`);
    for (const problem of outcome.problems) this.line(`${INDENT}${this.#style.bad(`✗ ${problem}`)}`);
  }

  table(outcomes: readonly Outcome[], beside: Comparisons): void {
    this.line("");
    this.line(this.#style.bold("What a client sees, a datagram every 0.5 ms"));
    for (const line of outcomeTable(outcomes, beside)) this.line(INDENT + line);
  }
}

/** Pure. */
export function outcomeLines(outcome: Outcome): string[] {
  const { udp, udp6, ownership, receipt } = outcome;
  const answers = `answers ${durationText(udp.rttP50Us)} at the median, ${durationText(udp.rttP99Us)} at p99`;
  const lines = [
    `client   ${udp.lost} of ${udp.sent} lost, longest gap ${gapText(outcome)}, ` +
    `${udp.reordered} out of order, ${udp.duplicates} doubled; ${answers}`,
    `         IPv6: ${udp6.lost} of ${udp6.sent} lost; TCP, a message every 20 ms: longest answer ${tcpText(outcome)}`,
    `switch   ${ownershipText(outcome)}`,
  ];
  if (receipt !== null) {
    lines.push(
      `node ${receipt.node}   ${receipt.kind} in ${
        durationText(receipt.duration_us)
      }, epoch ${receipt.from_epoch} → ${receipt.epoch}: ${receipt.reason}`,
    );
    const { packets } = receipt;
    if (packets.held > 0) {
      lines.push(
        `         ${packets.held} packets held, ${packets.held_by_peer} of them by way of the old node; ` +
          `${packets.released} released in order`,
      );
    }
  }
  if (ownership.missed > 0) lines.push(`         the watcher missed ${ownership.missed} frames`);
  return lines;
}

/** A gap far from the fault is the machine's, and said to be elsewhere. */
function gapText({ udp, faultMs }: Outcome): string {
  const afterMs = udp.gapAtMs - faultMs;
  const gap = `${udp.longestGapMs.toFixed(1)} ms`;
  if (Math.abs(afterMs) < NEAR_FAULT_MS) return gap;
  return `${gap} (${durationText(Math.abs(afterMs) * 1000)} ${afterMs < 0 ? "before" : "after"} the fault)`;
}

function ownershipText({ ownership, cast, scenario }: Outcome): string {
  if (ownership.twoOwners) return `two owners: ${ownership.order}`;
  if (!scenario.moves) return `only ${cast.primary} ever spoke as the address`;
  const silence = ownership.silenceMs === null ? "" : `, ${ownership.silenceMs.toFixed(1)} ms of silence between them`;
  return `${cast.primary} spoke as the address, then ${cast.standby}, never both${silence}`;
}

function liveLine(scenario: Scenario, phase: string, seen: Progress | null, whole: Timeline | null): string {
  if (seen === null || whole === null) return `${INDENT}${phase} …`;
  const picture = sparkline(whole, LIVE_COLUMNS, scenario.durationMs / LIVE_COLUMNS);
  return `${INDENT}${picture} ${seen.sent} sent, ${seen.missing} lost · ${phase}`;
}

function joined(first: Timeline, more: Timeline): Timeline {
  return {
    sliceMs: first.sliceMs,
    maxUs: [...first.maxUs, ...more.maxUs],
    lost: [...first.lost, ...more.lost],
  };
}
