/**
 * A client that costs little, for the benches of the state API: a process of its own, raw HTTP/1.1 over the daemon's Unix socket by FFI,
 * one request under way on each connection. Told by JSON in its argument what to do, prints JSON (`Loaded`). It ends when its time is over,
 * when it has written all keys, or when its standard input ends.
 */
import { AF_UNIX } from "../../kernel_ffi/address.ts";
import { libc, monotonicUs, must } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { encodeSockaddrUn } from "../../kernel_ffi/systemd.ts";

export interface Load {
  readonly socket: string;
  readonly group: string;
  readonly ack: "local" | "replicated" | "durable";
  readonly connections: number;
  /** Updates in a request: 1 is a PUT, more a batch of lines. */
  readonly batch: number;
  /** The keys that are written: all of them once and in turn with `once`, else at random. */
  readonly keys: number;
  readonly once?: boolean;
  readonly seconds?: number;
  /** Requests a second, evenly, whether or not earlier ones are answered; without it, each connection asks again when it is answered. */
  readonly rate?: number;
}

/** Latency counts from when a request was due, so that one that had to wait for a connection shows it. Microseconds. */
export interface Loaded {
  readonly requests: number;
  readonly seconds: number;
  readonly updates_per_s: number;
  readonly p50_us: number;
  readonly p99_us: number;
  readonly max_us: number;
  /** Longest time without any answer. */
  readonly gap_us: number;
  /** Answers that say `degraded`. */
  readonly degraded: number;
  /** Requests that were asked again, as a switch or a lapse of the lease was under way. */
  readonly again: number;
}

const SOCK_STREAM = 1;
const STDIN = 0;
const KEY_DIGITS = 15, VALUE_DIGITS = 16;
const ANSWER_MAX = 64 * 1024;

/** Keys in an order that is not theirs. */
function keyNumber(n: number): number {
  return n * 2_654_435_761 % 1_000_000_007;
}

/** A request as bytes, whose keys and values are written over: making a thousand lines of JSON would be the client's main work. */
class Template {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly #first: number;
  readonly #stride: number;
  readonly #valueAt: number;
  readonly #count: number;

  constructor({ group, ack, batch }: Load) {
    const zeros = "0".repeat(KEY_DIGITS), value = "0".repeat(VALUE_DIGITS) + "-".repeat(32 - VALUE_DIGITS);
    const path = `/v1/groups/${group}/state`, host = "host: segue\r\n";
    const line = `{"op":"put","key":"k${zeros}","value":"${value}"}\n`;
    const head = batch === 1
      ? `PUT ${path}/k${zeros}?ack=${ack} HTTP/1.1\r\n${host}content-length: ${value.length}\r\n\r\n`
      : `POST ${path}?ack=${ack} HTTP/1.1\r\n${host}content-type: application/x-ndjson\r\n` +
        `content-length: ${line.length * batch}\r\n\r\n`;
    const text = head + (batch === 1 ? value : line.repeat(batch));
    this.bytes = new TextEncoder().encode(text);
    this.#first = text.indexOf(`k${zeros}`) + 1;
    this.#valueAt = text.indexOf(value) - this.#first;
    this.#stride = line.length;
    this.#count = batch;
  }

  fill(nextKey: () => number, value: number): void {
    for (let i = 0, at = this.#first; i < this.#count; i++, at += this.#stride) {
      this.#digits(at, KEY_DIGITS, nextKey());
      this.#digits(at + this.#valueAt, VALUE_DIGITS, value + i);
    }
  }

  #digits(at: number, count: number, number: number): void {
    for (let i = at + count - 1; i >= at; i--) {
      const rest = Math.floor(number / 10);
      this.bytes[i] = 48 + number - rest * 10;
      number = rest;
    }
  }
}

class Connection {
  readonly fd: number;
  readonly #buffer = new Uint8Array(ANSWER_MAX);
  #request = new Uint8Array(0);
  #filled = 0;
  /** When the request under way was due; NaN: none is. */
  dueUs = NaN;

  constructor(path: string) {
    const address = encodeSockaddrUn(path);
    this.fd = must(libc().socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(libc().connect(this.fd, address, address.length), `connect to ${path}`);
  }

  /** Keeps a copy, to be asked again. */
  ask(request: Uint8Array<ArrayBuffer>, dueUs: number): void {
    this.dueUs = dueUs;
    this.#request = request.slice();
    this.#send(request);
  }

  #send(request: Uint8Array<ArrayBuffer>): void {
    const sent = must(libc().send32(this.fd, request, request.length, 0), "send");
    if (sent !== request.length) throw new Error(`load: ${sent} of ${request.length} bytes were sent`);
  }

  again(): void {
    this.#send(this.#request);
  }

  /** The answer, if the whole of it is there; throws for any but 200 and 503. */
  answer(): string | null {
    const got = must(libc().recv32(this.fd, this.#buffer.subarray(this.#filled), ANSWER_MAX - this.#filled, 0), "recv");
    if (got === 0) throw new Error("load: the daemon has closed the connection");
    this.#filled += got;
    const text = new TextDecoder().decode(this.#buffer.subarray(0, this.#filled));
    const end = text.indexOf("\r\n\r\n");
    if (end < 0) return null;
    const length = Number(/content-length: *([0-9]+)/i.exec(text)?.[1] ?? NaN);
    if (!/^HTTP\/1\.1 (200|503) /.test(text) || Number.isNaN(length)) throw new Error(`load: the answer was ${text}`);
    if (this.#filled < end + 4 + length) return null;
    this.#filled = 0;
    return text;
  }
}

function run(load: Load): Loaded {
  const template = new Template(load), poller = new Poller();
  const free = Array.from({ length: load.connections }, () => new Connection(load.socket));
  const byFd = new Map(free.map((connection) => [connection.fd, connection]));
  for (const { fd } of free) poller.set(fd);
  poller.set(STDIN);
  const latencies: number[] = [];
  const most = load.once ? load.keys / load.batch : Infinity;
  let random = 1, key = 0, degraded = 0, again = 0, gapUs = 0;
  const nextKey = load.once ? () => keyNumber(key++) : () => {
    random = Math.imul(random, 1_664_525) + 1_013_904_223 >>> 0;
    return keyNumber(random % load.keys);
  };
  const startUs = monotonicUs(), endUs = load.seconds === undefined ? Infinity : startUs + load.seconds * 1e6;
  const intervalUs = load.rate === undefined ? 0 : 1e6 / load.rate;
  let asked = 0, nowUs = startUs, lastUs = startUs, ending = false;
  for (;;) {
    ending ||= nowUs >= endUs || asked >= most;
    if (ending && free.length === load.connections) break;
    let waitUs = 1e6;
    while (!ending && free.length > 0 && asked < most) {
      const dueUs = intervalUs === 0 ? nowUs : startUs + asked * intervalUs;
      if (dueUs > nowUs) {
        waitUs = dueUs - nowUs;
        break;
      }
      template.fill(nextKey, asked * load.batch);
      free.pop()!.ask(template.bytes, dueUs);
      asked++;
    }
    if (poller.wait(waitUs) === 0) {
      nowUs = monotonicUs();
      continue;
    }
    for (const [fd, connection] of byFd) {
      if (!poller.readable(fd)) continue;
      const answer = connection.answer();
      if (answer === null) continue;
      nowUs = monotonicUs();
      if (answer.startsWith("HTTP/1.1 503 ")) {
        again++;
        connection.again();
        continue;
      }
      latencies.push(nowUs - connection.dueUs);
      gapUs = Math.max(gapUs, nowUs - lastUs);
      lastUs = nowUs;
      if (!answer.includes('"degraded":false')) degraded++;
      free.push(connection);
    }
    // It never says anything: its end is what makes it readable.
    if (poller.revents(STDIN) !== 0) ending = true;
  }
  const seconds = (lastUs - startUs) / 1e6;
  latencies.sort((x, y) => x - y);
  const at = (share: number) =>
    Math.round(latencies[Math.min(latencies.length - 1, Math.floor(latencies.length * share))]!);
  return {
    requests: latencies.length,
    seconds,
    updates_per_s: Math.round(latencies.length * load.batch / seconds),
    p50_us: at(0.5),
    p99_us: at(0.99),
    max_us: at(1),
    gap_us: Math.round(gapUs),
    degraded,
    again,
  };
}

/** Starts such a client. `stop` ends it before its time. */
export function startLoad(
  load: Load,
): { readonly pid: number; readonly stop: () => void; readonly loaded: Promise<Loaded> } {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename!, JSON.stringify(load)],
    stdin: "piped",
    stdout: "piped",
  }).spawn();
  const loaded = child.output().then(({ success, stdout }) => {
    if (!success) throw new Error("the load's client has failed");
    return JSON.parse(new TextDecoder().decode(stdout)) as Loaded;
  });
  // Whoever waits for something else first, and that fails, tells of that.
  loaded.catch(() => {});
  return { pid: child.pid, stop: () => void child.stdin.close().catch(() => {}), loaded };
}

if (import.meta.main) console.log(JSON.stringify(run(JSON.parse(Deno.args[0]!) as Load)));
