/** Many TCP connections that talk all the time: what a stall looks like to them. */
import { encodeSockaddr, parseIp } from "../../kernel_ffi/address.ts";
import { EAGAIN } from "../../kernel_ffi/errno.ts";
import { closeFd, errno, libc, monotonicUs, must, setIntOption } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { preciseTimers } from "../../kernel_ffi/scheduling.ts";
import { MSG_DONTWAIT, MSG_NOSIGNAL, SOCK_CLOEXEC, SOCK_STREAM } from "../../kernel_ffi/socket_constants.ts";
import { SLICE_US, type Timeline } from "./measurement.ts";
import { IPPROTO_TCP, TCP_NODELAY, TCP_PORT } from "./services.ts";

export interface CrowdOptions {
  readonly remote: string;
  readonly connections: number;
  /** Between an answer and the next message of a connection. */
  readonly everyMs: number;
  readonly durationMs: number;
}

export interface CrowdMeasurement {
  readonly connections: number;
  /** Connections that ended before their time. */
  readonly broken: number;
  readonly messages: number;
  /** Longest wait for an answer of each connection: at the median, at p99 and of all. */
  readonly stallP50Ms: number;
  readonly stallP99Ms: number;
  readonly stallMaxMs: number;
  /** Wall clock, milliseconds, of the timeline's beginning; waits by when the message left. */
  readonly startedAt: number;
  readonly timeline: Timeline;
}

/** What is not answered for this long is not answered at all: well above TCP's retransmission timer, which begins at 200 ms. */
const PATIENCE_US = 5_000_000;

/** So often it is looked who is due: a wait for one of hundreds at a time would cost more than their messages. */
const TICK_US = 500;
const NEVER = -1;

/** One connection of the crowd. Microseconds of the monotonic clock. */
interface Talker {
  readonly fd: number;
  /** When the next message is due. */
  dueUs: number;
  /** When the open one left, `NEVER` if none is open. */
  askedUs: number;
  stallUs: number;
}

/**
 * Prints `started` when all are connected, and at the end the measurement as one line of JSON. By ppoll on plain sockets: with hundreds of connections
 * a runtime's event loop would measure itself.
 */
export function runCrowd(options: CrowdOptions): void {
  preciseTimers();
  const fds = Array.from({ length: options.connections }, () => connect(options.remote));
  const crowd = new Crowd(options, fds);
  console.log("started");
  console.log(JSON.stringify(crowd.talk()));
}

function connect(remote: string): number {
  const to = encodeSockaddr(parseIp(remote)!, TCP_PORT);
  const fd = must(libc().socket(to[0]!, SOCK_STREAM | SOCK_CLOEXEC, 0), "open TCP socket");
  setIntOption(fd, IPPROTO_TCP, TCP_NODELAY, 1, "TCP_NODELAY");
  must(libc().connect(fd, to, to.length), `connect to ${remote}`);
  return fd;
}

class Crowd {
  readonly #startUs = monotonicUs();
  readonly #startedAt = Date.now();
  readonly #endUs: number;
  readonly #everyUs: number;
  readonly #maxUs: number[];
  readonly #lost: number[];
  readonly #talkers: Set<Talker>;
  readonly #poller = new Poller();
  readonly #byte = new Uint8Array(1);
  readonly #stalls: number[] = [];
  readonly #connections: number;
  #broken = 0;
  #messages = 0;

  constructor(options: CrowdOptions, fds: readonly number[]) {
    this.#endUs = this.#startUs + options.durationMs * 1000;
    this.#everyUs = options.everyMs * 1000;
    this.#connections = fds.length;
    const slices = Math.ceil((options.durationMs * 1000) / SLICE_US) + 1;
    this.#maxUs = new Array<number>(slices).fill(0);
    this.#lost = new Array<number>(slices).fill(0);
    this.#talkers = new Set(fds.map((fd, i) => ({
      fd,
      dueUs: this.#startUs + (i * this.#everyUs) / fds.length,
      askedUs: NEVER,
      stallUs: 0,
    })));
    for (const fd of fds) this.#poller.set(fd);
  }

  talk(): CrowdMeasurement {
    for (let now = this.#startUs; this.#talkers.size > 0; now = monotonicUs()) {
      for (const talker of this.#talkers) this.#turn(talker, now);
      // Not to the first answer: they come all the time.
      if (this.#talkers.size > 0) this.#rest(now + TICK_US);
    }
    return this.#measurement();
  }

  /** Reads what comes until then. */
  #rest(untilUs: number): void {
    for (let leftUs = untilUs - monotonicUs(); leftUs > 0; leftUs = untilUs - monotonicUs()) {
      if (this.#poller.wait(leftUs) === 0) return;
      for (const talker of this.#talkers) if (this.#poller.revents(talker.fd) !== 0) this.#read(talker);
    }
  }

  #turn(talker: Talker, now: number): void {
    if (talker.askedUs !== NEVER) {
      if (now - talker.askedUs > PATIENCE_US) this.#break(talker);
    } else if (now >= this.#endUs) {
      this.#leave(talker);
    } else if (now >= talker.dueUs) {
      talker.askedUs = monotonicUs();
      this.#messages++;
      if (libc().send32(talker.fd, this.#byte, 1, MSG_DONTWAIT | MSG_NOSIGNAL) !== 1) this.#break(talker);
    }
  }

  #read(talker: Talker): void {
    const length = libc().recv32(talker.fd, this.#byte, 1, MSG_DONTWAIT);
    if (length < 0 && errno() === EAGAIN) return;
    if (length !== 1) return this.#break(talker);
    const now = monotonicUs(), waitedUs = now - talker.askedUs, slice = this.#sliceOf(talker);
    talker.stallUs = Math.max(talker.stallUs, waitedUs);
    this.#maxUs[slice] = Math.max(this.#maxUs[slice]!, Math.round(waitedUs));
    talker.askedUs = NEVER;
    talker.dueUs = now + this.#everyUs;
  }

  #sliceOf(talker: Talker): number {
    return Math.floor((talker.askedUs - this.#startUs) / SLICE_US);
  }

  #break(talker: Talker): void {
    this.#broken++;
    if (talker.askedUs !== NEVER) this.#lost[this.#sliceOf(talker)]!++;
    talker.stallUs = PATIENCE_US;
    this.#leave(talker);
  }

  #leave(talker: Talker): void {
    this.#stalls.push(talker.stallUs);
    this.#talkers.delete(talker);
    this.#poller.remove(talker.fd);
    closeFd(talker.fd);
  }

  #measurement(): CrowdMeasurement {
    const sorted = this.#stalls.toSorted((a, b) => a - b);
    const at = (share: number) =>
      Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]! / 100) / 10;
    return {
      connections: this.#connections,
      broken: this.#broken,
      messages: this.#messages,
      stallP50Ms: at(0.5),
      stallP99Ms: at(0.99),
      stallMaxMs: at(1),
      startedAt: this.#startedAt,
      timeline: { sliceMs: SLICE_US / 1000, maxUs: this.#maxUs, lost: this.#lost },
    };
  }
}
