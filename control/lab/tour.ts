/** One world, some scenarios in it, one after the other, and the sum at the end. Cleans up whatever happens. */
import { conduct, type Outcome } from "./conduct.ts";
import { sleep } from "./command.ts";
import { Interrupt } from "./interrupt.ts";
import { canMeasure, MEASURED_BY_ITSELF, measureKeepalived } from "./keepalived.ts";
import { fetchKeepalived, installedKeepalived } from "./keepalived_program.ts";
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
/** Ctrl-C ends a command that the lab waits for as well as the lab: which of the two is heard first does not matter. */
const SIGNAL_MS = 100;

/** What has to be taken away when the tour ends, and what it has found so far. */
interface Run {
  /** Also those that are only half made. */
  readonly worlds: Promise<World>[];
  readonly outcomes: Outcome[];
  beside: Comparisons;
  /** Nothing may be built any more. */
  over: boolean;
}

/** 0: every promise was kept; 1: not; 128 + signal: interrupted. */
export async function runTour(scenarios: readonly Scenario[], options: TourOptions): Promise<number> {
  const interrupt = new Interrupt();
  const write = (text: string) => interrupt.write(Deno.stdout, text);
  const view = new View(chooseScreen(write, (text) => interrupt.write(Deno.stderr, text), options.json));
  const run: Run = { worlds: [], outcomes: [], beside: MEASURED_EARLIER, over: false };
  try {
    const played = play(scenarios, options, view, run).then(() => null, (error: unknown) => error);
    let ended = await Promise.race([played, interrupt.came]);
    if (ended !== null) ended = await Promise.race([interrupt.came, sleep(SIGNAL_MS).then(() => ended)]);
    run.over = true;
    view.doing("taking everything away …");
    const first = await closeAll(run);
    view.clear();
    return typeof ended === "number" ? ended : conclude(run, first, ended, options, view, write);
  } finally {
    interrupt.close();
  }
}

function build(run: Run): Promise<World> {
  if (run.over) throw new Error("the lab is over");
  const world = World.create({ family: FAMILY, profile: "fast" });
  run.worlds.push(world);
  return world;
}

/** Returns the first world, whose daemons have something to say. One that could not be built has taken itself away. */
async function closeAll(run: Run): Promise<World | null> {
  const worlds = await Promise.all(run.worlds.map((world) => world.catch(() => null)));
  for (const world of worlds) await world?.close();
  return worlds[0] ?? null;
}

async function play(scenarios: readonly Scenario[], options: TourOptions, view: View, run: Run): Promise<void> {
  view.text("A client, a switch and two nodes in network namespaces; two real daemons, profile fast.");
  view.doing("building …");
  const world = await build(run);
  if (scenarios.some((scenario) => scenario.shortNeighbours)) await world.net.shortenNeighbours();
  view.doing("starting two daemons …");
  await world.startBoth();
  for (const scenario of scenarios) {
    view.begin(scenario);
    const outcome = await conduct(world, scenario, view.audience(scenario));
    run.outcomes.push(outcome);
    view.outcome(outcome);
  }
  try {
    await besideKeepalived(scenarios, options, view, run);
  } catch (error) {
    // Nobody asked for it: its troubles are not the lab's.
    if (options.withKeepalived || run.over) throw error;
    view.line("");
    view.line(`keepalived could not be measured: ${error instanceof Error ? error.message.split("\n")[0] : error}`);
  }
}

/** Without being asked, only where it is installed, and only what does not take long. */
async function besideKeepalived(
  scenarios: readonly Scenario[],
  options: TourOptions,
  view: View,
  run: Run,
): Promise<void> {
  const names = scenarios.map(({ name }) => name)
    .filter((name) => options.withKeepalived ? canMeasure(name) : MEASURED_BY_ITSELF.includes(name));
  if (names.length === 0) return;
  const installed = await installedKeepalived();
  if (installed === null && !options.withKeepalived) return;
  // One pair at a time: they would disturb each other's figures.
  await closeAll(run);
  view.doing("building a pair for keepalived …");
  const world = await build(run);
  if (installed === null) view.doing("fetching keepalived …");
  const program = installed ?? await fetchKeepalived(`${world.folder}/keepalived`);
  run.beside = await measureKeepalived(world, program, names, (text) => view.doing(text));
}

function conclude(
  run: Run,
  world: World | null,
  error: unknown,
  options: TourOptions,
  view: View,
  write: (text: string) => void,
): number {
  const failure = error === null ? null : error instanceof Error ? error.message : String(error);
  let report: LabReport = { outcomes: run.outcomes, beside: run.beside, failure, logs: null };
  const ok = reportOk(report);
  if (!ok) report = { ...report, logs: keepLogs(world, report) };
  if (run.outcomes.length > 0) view.table(run.outcomes, run.beside);
  view.line("");
  // What the nodes said last stands below the first line, and in the logs.
  if (failure !== null) view.line(`The lab could not go on: ${failure}`);
  for (const { scenario, problems } of run.outcomes) {
    for (const problem of problems) view.text(`Broken promise, ${scenario.title}: ${problem}`);
  }
  if (report.logs !== null) view.line(`Logs and figures are in ${report.logs}`);
  else view.line("Every promise was kept. Nothing is left behind.");
  if (options.json) write(JSON.stringify(reportJson(report)) + "\n");
  return ok ? 0 : 1;
}
