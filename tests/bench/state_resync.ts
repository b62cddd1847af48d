/**
 * A large state on a real pair in network namespaces: `deno run -A tests/bench/state_resync.ts [--keys 1000000] [--rate 1000]`. Prints JSON: loading by
 * the API, memory per key, a cold start of both nodes, and the copy to a standby whose state directory was emptied while writes go on: how
 * long it took, and what the writers felt. Keys of 16 bytes, values of 32. At the end both tables are read and compared. Needs root.
 */
import { createHash } from "node:crypto";
import { parseArgs } from "node:util";
import { SOCKET_NAME } from "../../control/api/socket.ts";
import { sleep } from "../../control/lab/command.ts";
import { GROUP } from "../../control/lab/pair_file.ts";
import type { NodeName } from "../../control/lab/topology.ts";
import { World } from "../../control/lab/world.ts";
import { type Loaded, startLoad } from "./state_load.ts";

const { values: flags } = parseArgs({
  options: { keys: { type: "string", default: "1000000" }, rate: { type: "string", default: "1000" } },
});
const keys = Number(flags.keys), rate = Number(flags.rate);
const NODES: readonly NodeName[] = ["a", "b"];
/** Long enough for a slow machine; what is measured is how long it takes. */
const PATIENCE_MS = 180_000;
const SETTLE_MS = 3000;

await using world = await World.create({ family: "segtest", profile: "lan" });

function socketOf(node: NodeName): string {
  return `${world.runDir(node)}/${SOCKET_NAME}`;
}

/** Resident memory in bytes. */
function resident(node: NodeName): number {
  return Number(Deno.readTextFileSync(`/proc/${world.daemon(node).pid}/status`).match(/VmRSS:\s+(\d+)/)![1]) * 1024;
}

async function stateOf(node: NodeName) {
  return (await world.status(node))?.groups[0]?.state ?? null;
}

async function inStep(): Promise<void> {
  await world.until(
    async () => {
      const [a, b] = await Promise.all(NODES.map(stateOf));
      return a?.sync === "synced" && b?.sync === "synced" && a.lsn === b.lsn;
    },
    PATIENCE_MS,
    "both copies to be in step",
  );
}

/** Everything that was written is on both disks. */
async function onDisk(): Promise<void> {
  for (const node of NODES) {
    await world.until(
      async () => {
        const state = await stateOf(node);
        return state !== null && state.durable_lsn === state.lsn;
      },
      PATIENCE_MS,
      `the state to be on the disk of ${node}`,
    );
  }
}

/** SHA-256 over every row as a watcher gets it: key, version, epoch and value, in the order of writes. */
async function digest(node: NodeName): Promise<string> {
  using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socketOf(node) } });
  const response = await fetch(`http://localhost/v1/groups/${GROUP}/state?since=0`, { client });
  const hash = createHash("sha256");
  let tail = "";
  for await (const text of response.body!.pipeThrough(new TextDecoderStream())) {
    const events = (tail + text).split("\n\n");
    tail = events.pop()!;
    for (const event of events) {
      if (/^event: synced$/m.test(event)) return hash.digest("hex");
      // A comment keeps the connection.
      if (!event.startsWith(":")) hash.update(event);
    }
  }
  throw new Error(`bench: ${node} ended before all rows were read`);
}

async function load(primary: NodeName): Promise<Loaded> {
  const order = { socket: socketOf(primary), group: GROUP, ack: "replicated", batch: 1000, connections: 2 } as const;
  return await startLoad({ ...order, keys, once: true }).loaded;
}

/** Both daemons are started at once; milliseconds until each answers, and until one serves with both copies in step. */
async function coldStart() {
  const stopping = performance.now();
  await Promise.all(NODES.map((node) => world.daemon(node).stop(30_000)));
  const began = performance.now(), since = () => Math.round(performance.now() - began);
  for (const node of NODES) world.start(node);
  const ready = await Promise.all(NODES.map(async (node) => {
    await world.until(async () => (await world.status(node)) !== null, PATIENCE_MS, `${node} to answer`);
    return since();
  }));
  await world.settled(PATIENCE_MS);
  const served = since();
  await inStep();
  return {
    stopped_ms: Math.round(began - stopping),
    answers_ms: Object.fromEntries(NODES.map((node, i) => [node, ready[i]])),
    served_ms: served,
    in_step_ms: since(),
  };
}

/** The standby comes back with nothing while a client writes; what the writers felt before, meanwhile and after. */
async function resync(primary: NodeName, standby: NodeName) {
  const order = {
    socket: socketOf(primary),
    group: GROUP,
    ack: "replicated",
    batch: 1,
    connections: 64,
    keys,
    rate,
  } as const;
  const before = await startLoad({ ...order, seconds: 5 }).loaded;
  await world.daemon(standby).stop(30_000);
  Deno.removeSync(world.stateDir(standby), { recursive: true });
  const writing = startLoad(order);
  await sleep(1000);
  world.start(standby);
  const started = performance.now();
  await world.until(async () => (await stateOf(standby)) !== null, PATIENCE_MS, `${standby} to answer`);
  const answered = performance.now();
  const watches = { primary: watchAnswers(primary), standby: watchAnswers(standby) };
  await world.until(
    async () => {
      const state = await stateOf(standby);
      return state?.sync === "synced" && state.keys === keys;
    },
    PATIENCE_MS,
    "the copy to be whole",
  );
  const whole = performance.now();
  await sleep(1000);
  writing.stop();
  const meanwhile = await writing.loaded;
  await inStep();
  await onDisk();
  const durable = performance.now();
  const blocked = { primary: await watches.primary(), standby: await watches.standby() };
  return {
    main_thread_blocked_ms_max: blocked,
    answers_ms: Math.round(answered - started),
    whole_ms: Math.round(whole - started),
    durable_ms: Math.round(durable - started),
    writes_before: before,
    writes_meanwhile: meanwhile,
    writes_after: await startLoad({ ...order, seconds: 5 }).loaded,
  };
}

/** How long a daemon's main thread let others wait at most, as its answers to an idle question tell: milliseconds, when it is stopped. */
function watchAnswers(node: NodeName): () => Promise<number> {
  let longest = 0, ending = false;
  const watching = (async () => {
    using client = Deno.createHttpClient({ proxy: { transport: "unix", path: socketOf(node) } });
    while (!ending) {
      const began = performance.now();
      await (await fetch(`http://localhost/v1/groups/${GROUP}/role`, { client })).text();
      longest = Math.max(longest, performance.now() - began);
      await sleep(10);
    }
  })();
  return async () => {
    ending = true;
    await watching;
    return Math.round(longest);
  };
}

/** What takes minutes says where it is. */
function say(text: string): void {
  console.error(`${new Date().toISOString().slice(11, 23)} ${text}`);
}

await world.startBoth();
const first = (await world.primary())!;
await inStep();
await sleep(SETTLE_MS);
const empty = NODES.map(resident);
say(`loading ${keys} keys`);
const loaded = await load(first);
await onDisk();
await sleep(SETTLE_MS);
const full = NODES.map(resident);
say("cold start of both");
const cold = await coldStart();
const primary = (await world.primary())!, standby = primary === "a" ? "b" : "a";
await sleep(SETTLE_MS);
const coldMemory = NODES.map(resident);
say(`${standby} loses its state and comes back`);
const copied = await resync(primary, standby);
say("comparing");
await inStep();
const digests = await Promise.all(NODES.map(digest));
if (digests[0] !== digests[1]) throw new Error("bench: the two tables differ");
const state = (await stateOf(standby))!;
if (state.keys !== keys) throw new Error(`bench: ${state.keys} keys of ${keys}`);
const perKey = (bytes: readonly number[]) =>
  Object.fromEntries(NODES.map((node, i) => [node, Math.round((bytes[i]! - empty[i]!) / keys)]));
console.log(JSON.stringify(
  {
    bench: "state_resync",
    keys,
    load: loaded,
    memory: {
      empty_mib: empty.map((bytes) => Math.round(bytes / 2 ** 20)),
      bytes_per_key_loaded: perKey(full),
      bytes_per_key_after_cold_start: perKey(coldMemory),
    },
    cold_start: cold,
    resync: copied,
    digest: digests[0],
  },
  null,
  2,
));
