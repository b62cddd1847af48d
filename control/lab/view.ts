/** What a visitor of the lab reads: what happens now, what the client saw of it, and the sum of it all. */
import { durationText } from "../api/units.ts";
import { chart, LOST, sparkline } from "./chart.ts";
import type { Audience, Outcome } from "./conduct.ts";
import type { Progress, Timeline } from "./measurement.ts";
import { promiseText, type Scenario } from "./scenarios.ts";
import type { Screen, Style } from "./screen.ts";
import { type Comparisons, outcomeTable, tableNotes, tcpText } from "./table.ts";
import { COLUMNS_MAX, wrap } from "./text.ts";

const LIVE_COLUMNS_MAX = 40;
/** What stands beside the picture in the line that changes. */
const LIVE_TEXT_COLUMNS = 68;
const CHART_COLUMNS_MAX = 64;
/** What stands before a chart's columns. */
const CHART_MARGIN = 12;
const CHART_MS_PER_COLUMN = 2;
/** How much of the chart lies before the fault. */
const BEFORE_FAULT_MS = 30;
/** A gap that begins within this time of the fault is taken for its effect. */
const NEAR_FAULT_MS = 100;
const INDENT = "  ";
const TABLE_TITLE = "What a client sees, a datagram every 0.5 ms";
const TABLE_STORY =
  "the longest gap between two answers, and what was lost or came out of order; over TCP the longest " +
  "wait; and who spoke as the address, in order";
/** Width of what a line is about. */
const LABEL_COLUMNS = 9;

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

  /** Broken into lines that fit. */
  text(text: string, indent = INDENT.length): void {
    for (const line of wrap(text, this.#columns, indent)) this.line(line);
  }

  get #columns(): number {
    return Math.min(COLUMNS_MAX, this.#screen.columns);
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
    const columns = Math.max(1, Math.min(LIVE_COLUMNS_MAX, this.#screen.columns - LIVE_TEXT_COLUMNS));
    const show = () => this.#screen.live(liveLine(scenario, phase, seen, whole, columns));
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
    const { title, name, story } = scenario;
    const [first, ...rest] = wrap(`${title} (${name}): ${story}`, this.#columns, INDENT.length);
    this.line(first!.replace(title, this.#style.bold(title)).replace(`(${name})`, this.#style.dim(`(${name})`)));
    for (const line of rest) this.line(line);
  }

  outcome(outcome: Outcome): void {
    const { udp, faultMs } = outcome;
    const options = {
      fromMs: faultMs - BEFORE_FAULT_MS,
      columns: Math.max(1, Math.min(CHART_COLUMNS_MAX, this.#screen.columns - CHART_MARGIN)),
      msPerColumn: CHART_MS_PER_COLUMN,
      markMs: faultMs,
    };
    for (const row of chart(udp.timeline, options)) this.line(INDENT + this.#lostInRed(row));
    this.line(
      `${INDENT}${" ".repeat(8)}${
        this.#style.dim(`answer times, ${CHART_MS_PER_COLUMN} ms a column; ┴ the fault, × lost`)
      }`,
    );
    for (const line of outcomeLines(outcome)) this.text(INDENT + line, INDENT.length + LABEL_COLUMNS);
    if (outcome.problems.length === 0) {
      const kept = wrap(`${INDENT}✓ as promised: ${promiseText(outcome.scenario)}`, this.#columns, 2 * INDENT.length);
      for (const line of kept) this.line(line.replace("✓", this.#style.good("✓")));
    }
    for (const problem of outcome.problems) {
      for (const line of wrap(`${INDENT}✗ ${problem}`, this.#columns, 2 * INDENT.length)) {
        this.line(this.#style.bad(line));
      }
    }
  }

  #lostInRed(row: string): string {
    return row.replaceAll(new RegExp(`${LOST}+`, "g"), (lost) => this.#style.bad(lost));
  }

  table(outcomes: readonly Outcome[], beside: Comparisons): void {
    this.line("");
    const [first, ...rest] = wrap(`${TABLE_TITLE}: ${TABLE_STORY}`, this.#columns, 0);
    this.line(first!.replace(TABLE_TITLE, this.#style.bold(TABLE_TITLE)));
    for (const line of rest) this.line(line);
    this.line("");
    for (const line of outcomeTable(outcomes, beside, this.#columns - INDENT.length)) this.line(INDENT + line);
    for (const note of tableNotes(outcomes, beside)) {
      for (const line of wrap(INDENT + note, this.#columns, 2 * INDENT.length)) this.line(this.#style.dim(line));
    }
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
        durationText(receipt.durationUs)
      }, epoch ${receipt.fromEpoch} → ${receipt.epoch}: ${receipt.reason}`,
    );
    const { packets } = receipt;
    if (packets.held > 0) {
      lines.push(
        `         packets held: ${packets.held}, ${packets.heldByPeer} of them by way of the old node; ` +
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
  if (ownership.reigns.length > (scenario.moves ? 2 : 1)) {
    return `${ownership.order}, one after the other, never two at once`;
  }
  if (!scenario.moves) return `only ${cast.primary} ever spoke as the address`;
  const silence = ownership.silenceMs === null ? "" : `, ${ownership.silenceMs.toFixed(1)} ms of silence between them`;
  return `${cast.primary} spoke as the address, then ${cast.standby}, never both${silence}`;
}

function liveLine(
  scenario: Scenario,
  phase: string,
  seen: Progress | null,
  whole: Timeline | null,
  columns: number,
): string {
  if (seen === null || whole === null) return `${INDENT}${phase} …`;
  const picture = sparkline(whole, columns, scenario.durationMs / columns);
  return `${INDENT}${picture} ${seen.sent} sent, ${seen.missing} lost · ${phase}`;
}

function joined(first: Timeline, more: Timeline): Timeline {
  return {
    sliceMs: first.sliceMs,
    maxUs: [...first.maxUs, ...more.maxUs],
    lost: [...first.lost, ...more.lost],
  };
}
