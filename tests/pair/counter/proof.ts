/**
 * A counter service on a real pair, incremented by several clients without pause while the group is moved and its primary killed; and what
 * became of every increment.
 */
import { LabProcess } from "../../../control/lab/process.ts";
import { NODES, SERVICE_V4 } from "../../../control/lab/topology.ts";
import type { World } from "../../../control/lab/world.ts";
import { Random } from "../../simulation/random.ts";
import { other, sleep } from "../pair.ts";
import type { CounterClientReport, Request } from "./client.ts";
import { kill, move, moveAndKill, ready, serves, takenOver } from "./faults.ts";
import { CounterHistory } from "./history.ts";
import { Observer } from "./observer.ts";
import { type Spread, spreadOf } from "./spread.ts";

export const COUNTER_PORT = 8080;

export interface ProofOptions {
  readonly moves: number;
  readonly kills: number;
  /** Moves in whose midst one of the nodes is killed. */
  readonly crossed: number;
  readonly clients: number;
  readonly seed: number;
  /** How long a client waits for an answer before it asks again. */
  readonly patienceMs: number;
  /** A kill ends the daemon and all that it has started, as a power cut would; otherwise the daemon's own processes alone. */
  readonly withServices: boolean;
  readonly progress: (line: string) => void;
}

export interface Proof {
  /** Nothing, or what is wrong. */
  readonly wrong: readonly string[];
  readonly acknowledged: number;
  readonly perSecond: number;
  readonly counted: number;
  /** Attempts that a plain retry of the same id had to mend, by what they met. */
  readonly mended: Readonly<Record<string, number>>;
  readonly attemptsMost: number;
  readonly askedTwice: number;
  /** Longest that a client waited for an answer around each of them, and in a quiet second before. */
  readonly stallMs: { readonly quiet: number; readonly move: Spread; readonly kill: Spread; readonly crossed: Spread };
  /** From the first step until the group was served again, services and all, as the receipts say. */
  readonly receiptMs: { readonly move: Spread; readonly kill: Spread };
  /** From a kill until both nodes are ready for the next one. */
  readonly readyMs: Spread;
  readonly looks: number;
  readonly rewritten: number;
}

interface Fault {
  readonly kind: "move" | "kill" | "crossed";
  readonly at: number;
  readonly over: number;
}

const START_MS = 1000;
/** In milliseconds: by the receipts, and from a kill until both are ready again. */
interface Times {
  readonly move: number[];
  readonly kill: number[];
  readonly ready: number[];
}

const LAST_ANSWERS_MS = 30_000;
/** Between a pair that is ready and the next thing that happens to it. */
const CALM_MS = [50, 250] as const;
/** A move takes some tens of milliseconds with its services. */
const MIDST_MS = [0, 60] as const;

/** `service` and state of the group, as a client of the pair sees them while all is well. */
export async function proveCounter(world: World, o: ProofOptions): Promise<Proof> {
  const random = new Random(o.seed);
  const file = `${world.folder}/requests`;
  await ready(world);
  const history = new CounterHistory();
  const observer = new Observer(world, history);
  const client = new LabProcess(
    "counter clients",
    world.net.client,
    [
      ...[Deno.execPath(), "run", "--allow-all", "--no-check", new URL("client.ts", import.meta.url).pathname],
      JSON.stringify({ host: SERVICE_V4, port: COUNTER_PORT, clients: o.clients, patienceMs: o.patienceMs, file }),
    ],
    {},
  );
  const faults: Fault[] = [], times: Times = { move: [], kill: [], ready: [] };
  try {
    await client.line((line) => line === "started", 20_000);
    const began = Date.now();
    await sleep(START_MS);
    const calm = () => sleep(random.between(...CALM_MS));
    for (let n = 1; n <= o.moves; n++) {
      const at = Date.now();
      times.move.push(await move(world));
      faults.push({ kind: "move", at, over: Date.now() });
      if (n % 10 === 0) o.progress(`${n} moves, count ${history.count}`);
      await ready(world);
      await calm();
    }
    for (let n = 1; n <= o.kills; n++) {
      const at = Date.now();
      const killed = (await world.primary())!;
      await kill(world, killed, o.withServices);
      times.kill.push(await takenOver(world, other(killed)));
      faults.push({ kind: "kill", at, over: Date.now() });
      world.start(killed);
      await ready(world);
      times.ready.push(Date.now() - at);
      if (n % 10 === 0) o.progress(`${n} kills, count ${history.count}`);
      await calm();
    }
    for (let n = 1; n <= o.crossed; n++) {
      const at = Date.now();
      const victim = random.pick(NODES);
      await moveAndKill(world, victim, random.between(...MIDST_MS));
      await serves(world, other(victim));
      faults.push({ kind: "crossed", at, over: Date.now() });
      world.start(victim);
      await ready(world);
      if (n % 10 === 0) o.progress(`${n} moves with a kill, count ${history.count}`);
      await calm();
    }
    client.signal("SIGTERM");
    const last = await client.line((line) => line.startsWith("{"), LAST_ANSWERS_MS);
    await observer.stop();
    const report = JSON.parse(last) as CounterClientReport;
    const requests = Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line) as Request);
    return judge({ history, report, requests, faults, times, seconds: (Date.now() - began) / 1000 });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${client.lines.slice(-5).join("\n")}`);
  } finally {
    await observer.stop();
    await client.kill();
  }
}

interface Seen {
  readonly history: CounterHistory;
  readonly report: CounterClientReport;
  readonly requests: readonly Request[];
  readonly faults: readonly Fault[];
  readonly times: Times;
  readonly seconds: number;
}

function judge({ history, report, requests, faults, times, seconds }: Seen): Proof {
  const wrong = history.verdict(requests);
  for (const id of report.unanswered) wrong.push(`${id} never got an answer, however often it was asked`);
  for (const text of report.answeredOtherwise) wrong.push(`asked again, answered otherwise: ${text}`);
  if (requests.length !== report.acknowledged) wrong.push("the clients' file is not whole");
  const waits = requests.map(({ askedAt, answeredAt }) => answeredAt - askedAt);
  const first = faults[0]?.at ?? Infinity;
  const stalls = (kind: Fault["kind"]) => spreadOf(faults.filter((it) => it.kind === kind).map(longest));
  /** Of the requests that were under way while it happened, or began before it was over. */
  function longest({ at, over }: Fault): number {
    return requests.reduce(
      (most, { askedAt, answeredAt }) =>
        answeredAt >= at && askedAt <= over ? Math.max(most, answeredAt - askedAt) : most,
      0,
    );
  }
  return {
    wrong,
    acknowledged: requests.length,
    perSecond: Math.round(requests.length / seconds),
    counted: history.count,
    mended: report.failures,
    attemptsMost: requests.reduce((most, { attempts }) => Math.max(most, attempts), 0),
    askedTwice: report.askedTwice,
    stallMs: {
      quiet: Math.round(requests.reduce((most, it, i) => it.answeredAt < first ? Math.max(most, waits[i]!) : most, 0)),
      move: stalls("move"),
      kill: stalls("kill"),
      crossed: stalls("crossed"),
    },
    receiptMs: { move: spreadOf(times.move), kill: spreadOf(times.kill) },
    readyMs: spreadOf(times.ready),
    looks: history.looks,
    rewritten: history.rewritten,
  };
}
