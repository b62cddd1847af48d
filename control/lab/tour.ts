/** One world, some scenarios in it, one after the other, and the sum at the end. Cleans up whatever happens. */
import { conduct, type Outcome } from "./conduct.ts";
import { installKeepalived, keepalivedVersion, measureKeepalived } from "./keepalived.ts";
import { keepLogs, type LabReport, reportJson, reportOk } from "./report.ts";
import type { Scenario } from "./scenarios.ts";
import { chooseScreen } from "./screen.ts";
import { type Comparisons, MEASURED_EARLIER } from "./table.ts";
import { View } from "./view.ts";
import { World } from "./world.ts";

export interface TourOptions {
  readonly json: boolean;
  readonly withKeepalived: boolean;
}

const FAMILY = "seglab";
const SIGNALS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const;
const encoder = new TextEncoder();

/** What has to be taken away when the tour ends, and what it has found so far. */
interface Run {
  readonly worlds: World[];
  readonly outcomes: Outcome[];
  beside: Comparisons;
}

/** 0: every promise was kept; 1: not; 128 + signal: interrupted. */
export async function runTour(scenarios: readonly Scenario[], options: TourOptions): Promise<number> {
  const write = (text: string) => void Deno.stdout.writeSync(encoder.encode(text));
  const view = new View(chooseScreen(write, options.json));
  const run: Run = { worlds: [], outcomes: [], beside: MEASURED_EARLIER };
  const signal = new SignalWatch();
  try {
    const played = play(scenarios, options, view, run).then(() => null, (error: unknown) => error);
    const ended = await Promise.race([played, signal.came]);
    view.doing("taking everything away …");
    for (const world of run.worlds) await world.close();
    view.clear();
    return typeof ended === "number" ? ended : conclude(run, ended, options, view, write);
  } finally {
    signal.close();
  }
}

async function play(scenarios: readonly Scenario[], options: TourOptions, view: View, run: Run): Promise<void> {
  view.line("A client, a switch and two nodes in network namespaces of this machine; two real daemons, profile fast.");
  view.doing("building …");
  const world = await World.create({ family: FAMILY, profile: "fast" });
  run.worlds.push(world);
  if (scenarios.some((scenario) => scenario.shortNeighbours)) await world.net.shortenNeighbours();
  view.doing("starting two daemons …");
  await world.startBoth();
  for (const scenario of scenarios) {
    view.begin(scenario);
    const outcome = await conduct(world, scenario, view.audience(scenario));
    run.outcomes.push(outcome);
    view.outcome(outcome);
  }
  if (options.withKeepalived) run.beside = await besideKeepalived(scenarios, view, run);
}

async function besideKeepalived(scenarios: readonly Scenario[], view: View, run: Run): Promise<Comparisons> {
  if (await keepalivedVersion() === null) {
    view.doing("installing keepalived …");
    await installKeepalived();
  }
  const version = (await keepalivedVersion())!;
  // One pair at a time: they would disturb each other's figures.
  for (const world of run.worlds) await world.close();
  const names = scenarios.map(({ name }) => name);
  return await measureKeepalived(FAMILY, version, names, (text) => view.doing(text), (world) => run.worlds.push(world));
}

function conclude(
  run: Run,
  error: unknown,
  options: TourOptions,
  view: View,
  write: (text: string) => void,
): number {
  const failure = error === null ? null : error instanceof Error ? error.message : String(error);
  let report: LabReport = { outcomes: run.outcomes, beside: run.beside, failure, logs: null };
  const ok = reportOk(report);
  if (!ok) report = { ...report, logs: keepLogs(run.worlds[0] ?? null, report) };
  if (run.outcomes.length > 0) view.table(run.outcomes, run.beside);
  view.line("");
  // What the nodes said last stands below the first line, and in the logs.
  if (failure !== null) view.line(`The lab could not go on: ${failure}`);
  for (const { scenario, problems } of run.outcomes) {
    for (const problem of problems) view.line(`Broken promise, ${scenario.title}: ${problem}`);
  }
  if (report.logs !== null) view.line(`Logs and figures are in ${report.logs}`);
  else view.line("Every promise was kept. Nothing is left behind.");
  if (options.json) write(JSON.stringify(reportJson(report)) + "\n");
  return ok ? 0 : 1;
}

/** Turns the first signal that asks for the end into an exit code. */
class SignalWatch {
  readonly came: Promise<number>;
  readonly #listeners: (readonly [Deno.Signal, () => void])[] = [];

  constructor() {
    this.came = new Promise((resolve) => {
      for (const [signal, code] of Object.entries(SIGNALS) as [keyof typeof SIGNALS, number][]) {
        const listener = () => resolve(code);
        Deno.addSignalListener(signal, listener);
        this.#listeners.push([signal, listener]);
      }
    });
  }

  close(): void {
    for (const [signal, listener] of this.#listeners) Deno.removeSignalListener(signal, listener);
  }
}
