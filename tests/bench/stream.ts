/**
 * The peer stream against TCP, between two processes in two network namespaces over a veth: `deno run -A tests/bench/stream.ts [--runs 5]
 * [--requests 5000] [--lossy-requests 2000] [--only latency|throughput]`. Prints JSON. One request at a time, 100 bytes, answered by 8; by TCP with
 * TCP_NODELAY and by the stream in turn; without loss, and with 1 % of the packets lost in each direction. Then what the stream
 * carries at most. Needs root, ip and nft. Keep the machine quiet meanwhile.
 */
import { parseArgs } from "node:util";
import { sleep } from "../../control/lab/command.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { PeerStream } from "../../control/stream/peer_stream.ts";
import { run } from "../netns/namespace.ts";

const { values: flags, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "5" },
    requests: { type: "string", default: "5000" },
    "lossy-requests": { type: "string", default: "2000" },
    only: { type: "string" },
    unpinned: { type: "boolean", default: false },
  },
});
const HOSTS = ["10.79.0.1", "10.79.0.2"] as const;
const STREAM_PORT = 4790;
const TCP_PORT = 4795;
const RECORD_BYTES = 100;
const ANSWER_BYTES = 8;
/** First byte of a message that wants an answer. */
const ANSWER_ME = 1;
const key = new Uint8Array(32).fill(7);

function percentile(sorted: readonly number[], share: number): number {
  return Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]!);
}

function median(numbers: readonly number[]): number {
  return numbers.toSorted((x, y) => x - y)[Math.floor(numbers.length / 2)]!;
}

interface Ends {
  readonly stream: PeerStream;
  /** What the next message calls. */
  heard: (bytes: Uint8Array) => void;
}

async function openStream(self: 0 | 1): Promise<Ends> {
  const met = Promise.withResolvers<void>();
  const ends: { stream: PeerStream | null; heard: (bytes: Uint8Array) => void } = { stream: null, heard: () => {} };
  ends.stream = new PeerStream({
    pair: "bench",
    self,
    paths: [{
      local: { host: HOSTS[self], port: STREAM_PORT },
      remote: { host: HOSTS[1 - self as 0 | 1], port: STREAM_PORT },
    }],
    keys: [key],
    onUp: () => met.resolve(),
    onDown: (reason) => console.error(`node ${self}: down, ${reason}`),
    onMessage: (_, bytes) => ends.heard(bytes),
    onFailure: (error) => {
      throw error;
    },
  });
  if (self === 0) await met.promise;
  return ends as Ends;
}

// ---- the answering process

async function serve(): Promise<void> {
  const ends = await openStream(1);
  const answer = new Uint8Array(ANSWER_BYTES);
  ends.heard = (bytes) => {
    if (bytes[0] === ANSWER_ME) ends.stream.send(0, answer);
  };
  const listener = Deno.listen({ hostname: HOSTS[1], port: TCP_PORT });
  console.log("ready");
  for await (const conn of listener) {
    conn.setNoDelay(true);
    answerTcp(conn);
  }
}

async function answerTcp(conn: Deno.TcpConn): Promise<void> {
  const buffer = new Uint8Array(4096), answer = new Uint8Array(ANSWER_BYTES);
  let due = 0;
  for (;;) {
    const count = await conn.read(buffer);
    if (count === null) return conn.close();
    for (due += count; due >= RECORD_BYTES; due -= RECORD_BYTES) await conn.write(answer);
  }
}

// ---- the asking process

/** Microseconds of each request. */
async function askStream(ends: Ends, requests: number): Promise<number[]> {
  const record = new Uint8Array(RECORD_BYTES).fill(ANSWER_ME);
  const times: number[] = [];
  for (let i = 0; i < requests; i++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    ends.heard = () => resolve();
    const start = monotonicUs();
    if (!ends.stream.send(0, record)) throw new Error("the stream is down");
    await promise;
    times.push(monotonicUs() - start);
  }
  return times;
}

async function askTcp(conn: Deno.TcpConn, requests: number): Promise<number[]> {
  const record = new Uint8Array(RECORD_BYTES), buffer = new Uint8Array(4096);
  const times: number[] = [];
  for (let i = 0; i < requests; i++) {
    const start = monotonicUs();
    await conn.write(record);
    for (let got = 0; got < ANSWER_BYTES;) got += (await conn.read(buffer)) ?? Infinity;
    times.push(monotonicUs() - start);
  }
  return times;
}

async function latency(runs: number, requests: number) {
  const ends = await openStream(0);
  const conn = await Deno.connect({ hostname: HOSTS[1], port: TCP_PORT });
  conn.setNoDelay(true);
  const seen: Record<"stream" | "tcp", { p50: number; p99: number }[]> = { stream: [], tcp: [] };
  await askStream(ends, requests / 5);
  await askTcp(conn, requests / 5);
  for (let i = 0; i < runs; i++) {
    for (const kind of ["tcp", "stream"] as const) {
      const times = kind === "tcp" ? await askTcp(conn, requests) : await askStream(ends, requests);
      times.sort((x, y) => x - y);
      seen[kind].push({ p50: percentile(times, 0.5), p99: percentile(times, 0.99) });
    }
  }
  const result = (kind: "stream" | "tcp") => ({
    p50_us: median(seen[kind].map(({ p50 }) => p50)),
    p99_us: median(seen[kind].map(({ p99 }) => p99)),
    runs: seen[kind],
  });
  const stats = ends.stream.stats();
  ends.stream.close();
  conn.close();
  return { tcp: result("tcp"), stream: result("stream"), stats };
}

/** Messages and megabytes in a second, until the peer has acknowledged all. */
async function flood(ends: Ends, channel: 0 | 1, bytes: number, count: number, batch: number) {
  const message = new Uint8Array(bytes);
  const last = new Uint8Array(bytes).fill(ANSWER_ME);
  const answered = Promise.withResolvers<void>();
  ends.heard = () => answered.resolve();
  const start = monotonicUs();
  for (let sent = 0; sent < count;) {
    for (let i = 0; i < batch && sent < count; i++, sent++) {
      while (!ends.stream.send(channel, sent === count - 1 ? last : message)) await sleep(1);
    }
    while (ends.stream.buffered[channel] > 4 * 1024 * 1024) await sleep(0);
    await Promise.resolve();
  }
  await answered.promise;
  const seconds = (monotonicUs() - start) / 1e6;
  return { per_second: Math.round(count / seconds), mb_per_second: Math.round(count * bytes / seconds / 1e5) / 10 };
}

async function throughput(runs: number) {
  const ends = await openStream(0);
  const small = [], large = [];
  await flood(ends, 0, RECORD_BYTES, 20_000, 100);
  for (let i = 0; i < runs; i++) {
    small.push(await flood(ends, 0, RECORD_BYTES, 200_000, 100));
    large.push(await flood(ends, 1, 1024 * 1024, 200, 1));
  }
  const stats = ends.stream.stats();
  ends.stream.close();
  return {
    small_messages_per_second: median(small.map((it) => it.per_second)),
    megabytes_per_second: median(large.map((it) => it.mb_per_second)),
    small,
    large,
    stats,
  };
}

// ---- the parent

const names = [`segbench${Deno.pid}-a`, `segbench${Deno.pid}-b`] as const;

function child(node: 0 | 1, ...args: string[]): Deno.ChildProcess {
  // Two nodes do not share a core, and do not wake each other by sharing one.
  const script = flags.unpinned ? [] : ["taskset", "--cpu-list", `${node}`];
  script.push(Deno.execPath(), "run", "-A", "--no-check", import.meta.filename!, ...args);
  return new Deno.Command("ip", { args: ["netns", "exec", names[node], ...script], stdout: "piped" }).spawn();
}

async function ask(...args: string[]) {
  const output = await child(0, ...args).output();
  if (!output.success) throw new Error(`${args[0]} failed`);
  return JSON.parse(new TextDecoder().decode(output.stdout));
}

function setLoss(on: boolean): void {
  for (const name of names) {
    const rules = on
      ? "add table inet loss; add chain inet loss in { type filter hook input priority 0; }; " +
        "add rule inet loss in numgen random mod 100 < 1 drop"
      : "delete table inet loss";
    run("ip", "netns", "exec", name, "nft", rules);
  }
}

async function bench(): Promise<void> {
  const server = await startServer();
  try {
    const only = flags.only;
    const result: Record<string, unknown> = { bench: "stream" };
    if (only !== "throughput") {
      result["latency"] = await ask("latency", flags.runs, flags.requests);
      setLoss(true);
      result["latency_1_percent_loss"] = await ask("latency", flags.runs, flags["lossy-requests"]);
      setLoss(false);
    }
    if (only !== "latency") result["throughput"] = await ask("throughput", flags.runs);
    console.log(JSON.stringify(result, null, 2));
  } finally {
    server.kill("SIGKILL");
    await server.status;
    await server.stdout.cancel();
  }
}

async function startServer(): Promise<Deno.ChildProcess> {
  const server = child(1, "serve");
  const reader = server.stdout.getReader();
  await reader.read();
  reader.releaseLock();
  return server;
}

async function inNamespaces(body: () => Promise<void>): Promise<void> {
  try {
    for (const name of names) run("ip", "netns", "add", name);
    const [a, b] = names;
    run("ip", "link", "add", "veth0", "netns", a, "type", "veth", "peer", "name", "veth0", "netns", b);
    for (const [node, name] of names.entries()) {
      run("ip", "-n", name, "link", "set", "lo", "up");
      run("ip", "-n", name, "addr", "add", `${HOSTS[node]}/30`, "dev", "veth0");
      run("ip", "-n", name, "link", "set", "veth0", "up");
    }
    await body();
  } finally {
    for (const name of names) run("ip", "netns", "del", name);
  }
}

const [part, runs = "5", requests = "5000"] = positionals;
if (part === "serve") await serve();
else if (part === "latency") console.log(JSON.stringify(await latency(Number(runs), Number(requests))));
else if (part === "throughput") console.log(JSON.stringify(await throughput(Number(runs))));
else await inNamespaces(bench);
