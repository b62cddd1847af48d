/**
 * A counter service on a real pair, incremented by several clients without pause while the group is moved and its primary killed; and what
 * became of every increment.
 */
import { ApiClient } from "../../../control/api/client.ts";
import type { ReceiptJson, StatusJson } from "../../../control/api/json.ts";
import { SOCKET_NAME } from "../../../control/api/socket.ts";
import { LabProcess } from "../../../control/lab/process.ts";
import { type NodeName, NODES, SERVICE_V4 } from "../../../control/lab/topology.ts";
import type { World } from "../../../control/lab/world.ts";
import { libc } from "../../../kernel_ffi/libc.ts";
import { Random } from "../../simulation/random.ts";
import { other, sleep } from "../pair.ts";
import type { CounterClientReport, Request } from "./client.ts";
import { CounterHistory } from "./history.ts";
import { Observer } from "./observer.ts";
import { type Spread, spreadOf } from "./spread.ts";

export const COUNTER_PORT = 8080;

export interface ProofOptions {
  readonly moves: number;
  readonly kills: number;
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
  /** Longest that a client waited for an answer around each move and each kill, and in a quiet second before. */
  readonly stallMs: { readonly quiet: number; readonly move: Spread; readonly kill: Spread };
  /** From the first step until the group was served again, services and all, as the receipts say. */
  readonly receiptMs: { readonly move: Spread; readonly kill: Spread };
  /** From a kill until both nodes are ready for the next one. */
  readonly readyMs: Spread;
  readonly looks: number;
  readonly rewritten: number;
}

interface Fault {
  readonly kind: "move" | "kill";
  readonly at: number;
  readonly over: number;
  readonly receiptMs: number;
}

const SIGKILL = 9;
const START_MS = 1000;
const READY_MS = 30_000;
/** Between a pair that is ready and the next thing that happens to it. */
const CALM_MS = [50, 250] as const;

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
  const faults: Fault[] = [], readyMs: number[] = [];
  try {
    await client.line((line) => line === "started", 20_000);
    const began = Date.now();
    await sleep(START_MS);
    const calm = () => sleep(random.between(...CALM_MS));
    for (let n = 1; n <= o.moves; n++) {
      const at = Date.now();
      const receiptMs = await move(world);
      faults.push({ kind: "move", at, over: Date.now(), receiptMs });
      if (n % 10 === 0) o.progress(`${n} moves, count ${history.count}`);
      await ready(world);
      await calm();
    }
    for (let n = 1; n <= o.kills; n++) {
      const at = Date.now();
      const killed = await killPrimary(world, o.withServices);
      const receiptMs = await takenOver(world, other(killed));
      faults.push({ kind: "kill", at, over: Date.now(), receiptMs });
      world.start(killed);
      await ready(world);
      readyMs.push(Date.now() - at);
      if (n % 10 === 0) o.progress(`${n} kills, count ${history.count}`);
      await calm();
    }
    client.signal("SIGTERM");
    const last = await client.line((line) => line.startsWith("{"), READY_MS);
    await observer.stop();
    const report = JSON.parse(last) as CounterClientReport;
    const requests = Deno.readTextFileSync(file).trim().split("\n").map((line) => JSON.parse(line) as Request);
    return judge({ history, report, requests, faults, readyMs, seconds: (Date.now() - began) / 1000 });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : error}\n${client.lines.slice(-5).join("\n")}`);
  } finally {
    await observer.stop();
    await client.kill();
  }
}

/** Resolves with its time in milliseconds. */
async function move(world: World): Promise<number> {
  const from = (await world.primary())!;
  const receipt = await world.switchover(from, other(from));
  if (receipt.outcome !== "done") throw new Error(`move from ${from}: ${receipt.outcome}: ${receipt.reason}`);
  return receipt.duration_us / 1000;
}

async function killPrimary(world: World, withServices: boolean): Promise<NodeName> {
  const primary = (await world.primary())!;
  const { services } = (await statusOf(world, primary)).groups[0]!;
  world.daemon(primary).signal("SIGKILL");
  // Each leads a session of its own.
  if (withServices) { for (const { pid } of services) if (pid !== undefined) libc().kill(-pid, SIGKILL); }
  await world.daemon(primary).ended;
  return primary;
}

/** Like `World.status`, but says why there is none. */
async function statusOf(world: World, node: NodeName): Promise<StatusJson> {
  const client = new ApiClient(`${world.runDir(node)}/${SOCKET_NAME}`);
  try {
    return await client.status();
  } finally {
    client.close();
  }
}

/** Until the failover's receipt is there; resolves with its time in milliseconds. */
async function takenOver(world: World, node: NodeName): Promise<number> {
  let receipt: ReceiptJson | null | undefined;
  await world.until(
    async () => {
      const group = (await world.status(node))?.groups[0];
      receipt = group?.last_switch;
      return group?.role === "primary" && receipt?.epoch === group.epoch && receipt.outcome === "done";
    },
    READY_MS,
    `${node} to take over`,
  );
  return receipt!.duration_us / 1000;
}

/** One serves, the other one could take over: in step, and with a healthy service. */
async function ready(world: World): Promise<void> {
  let lacking = "";
  await world.until(
    async () => {
      lacking = await lack(world);
      return lacking === "";
    },
    READY_MS,
    () => `the pair to be ready: ${lacking}`,
  );
}

async function lack(world: World): Promise<string> {
  const all = await Promise.all(NODES.map((node) => world.status(node)));
  const groups = all.map((it) => it?.groups[0]);
  if (groups.map((group) => group?.role).toSorted().join() !== "primary,standby") {
    return `roles are ${groups.map((group) => group?.role)}`;
  }
  for (const [i, group] of groups.entries()) {
    const node = NODES[i]!;
    if (!group!.eligible) return `${node} is not eligible: ${group!.eligible_reason}`;
    const ill = group!.services.find(({ healthy }) => healthy !== true);
    if (ill !== undefined) return `service ${ill.name} of ${node} is ${ill.state}`;
    if (group!.state.lsn > 0 && group!.state.sync !== "synced") return `state of ${node} is ${group!.state.sync}`;
  }
  return "";
}

interface Seen {
  readonly history: CounterHistory;
  readonly report: CounterClientReport;
  readonly requests: readonly Request[];
  readonly faults: readonly Fault[];
  readonly readyMs: readonly number[];
  readonly seconds: number;
}

function judge({ history, report, requests, faults, readyMs, seconds }: Seen): Proof {
  const wrong = history.verdict(requests);
  for (const id of report.unanswered) wrong.push(`${id} never got an answer, however often it was asked`);
  for (const text of report.answeredOtherwise) wrong.push(`asked again, answered otherwise: ${text}`);
  if (requests.length !== report.acknowledged) wrong.push("the clients' file is not whole");
  const waits = requests.map(({ askedAt, answeredAt }) => answeredAt - askedAt);
  const first = faults[0]?.at ?? Infinity;
  const spread = (kind: Fault["kind"], of: (fault: Fault) => number) =>
    spreadOf(faults.filter((it) => it.kind === kind).map(of));
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
      move: spread("move", longest),
      kill: spread("kill", longest),
    },
    receiptMs: { move: spread("move", (it) => it.receiptMs), kill: spread("kill", (it) => it.receiptMs) },
    readyMs: spreadOf(readyMs),
    looks: history.looks,
    rewritten: history.rewritten,
  };
}
