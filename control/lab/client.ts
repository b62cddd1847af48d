/** The client: numbered datagrams on an absolute schedule, and one TCP connection that talks all the time. */
import { DatagramSocket } from "../../kernel_ffi/datagram.ts";
import { monotonicUs } from "../../kernel_ffi/libc.ts";
import { Poller } from "../../kernel_ffi/poll.ts";
import { enlargeReceiveBuffer } from "../../kernel_ffi/receive_buffer.ts";
import { preciseTimers } from "../../kernel_ffi/scheduling.ts";
import { sleep } from "./command.ts";
import { Recorder } from "./measurement.ts";
import { TCP_PORT, UDP_PORT } from "./services.ts";

export interface ClientOptions {
  readonly local: string;
  readonly remote: string;
  readonly intervalUs: number;
  readonly durationMs: number;
  /** Whether to tell what was seen so far while it goes on. */
  readonly progress: boolean;
}

/** Late answers are waited for this long after the last packet. */
const LINGER_US = 300_000;
const PAYLOAD_BYTES = 16;
/** Answers to what was held come at once; a client that gets no time just then must not lose them itself. */
const BUFFER_BYTES = 4 << 20;
const PROGRESS_EVERY_US = 100_000;

/**
 * Prints `started`, if asked for a `Progress` in brackets ten times a second, and at the end the measurement as one line of
 * JSON. The socket is connected: what comes from any other address than the service's is not heard.
 */
export function runUdpClient(options: ClientOptions): void {
  // No real-time priority: a client that spins at 20,000 packets a second would make the kernel throttle every such thread.
  preciseTimers();
  const socket = new DatagramSocket({
    local: { host: options.local, port: 0 },
    remote: { host: options.remote, port: UDP_PORT },
  });
  enlargeReceiveBuffer(socket.fd, BUFFER_BYTES);
  const recorder = new Recorder(Math.ceil((options.durationMs * 1000) / options.intervalUs) + 1);
  const poller = new Poller();
  poller.set(socket.fd);
  const packet = new Uint8Array(PAYLOAD_BYTES), packetView = new DataView(packet.buffer);
  const answer = new Uint8Array(64), answerView = new DataView(answer.buffer);
  const readAll = () => {
    for (let length = socket.receive(answer); length !== -1; length = socket.receive(answer)) {
      if (length >= 4) recorder.answered(answerView.getUint32(0), monotonicUs());
    }
    if (poller.failed(socket.fd)) socket.drainErrors();
  };
  console.log("started");
  const start = monotonicUs(), end = start + options.durationMs * 1000;
  let report = options.progress ? start + PROGRESS_EVERY_US : Infinity;
  for (let due = start; due < end && recorder.next < recorder.capacity;) {
    const now = monotonicUs();
    if (now < due) {
      if (now > report) {
        console.log(JSON.stringify([recorder.progress(now)]));
        report = now + PROGRESS_EVERY_US;
      }
      poller.wait(due - now);
      readAll();
      continue;
    }
    packetView.setUint32(0, recorder.next);
    recorder.sent(monotonicUs());
    socket.send(packet, packet.length);
    readAll();
    due += options.intervalUs;
    // After an own stall the schedule goes on from now: a burst would measure itself.
    if (monotonicUs() - due > 20_000) due = monotonicUs();
  }
  const until = monotonicUs() + LINGER_US;
  while (recorder.received < recorder.next && monotonicUs() < until) {
    poller.wait(until - monotonicUs());
    readAll();
  }
  console.log(JSON.stringify(recorder.finish()));
  socket.close();
}

export interface TcpMeasurement {
  readonly messages: number;
  readonly connects: number;
  /** Longest time from a message to its answer, a new connection for it included. */
  readonly longestMs: number;
}

const TCP_EVERY_MS = 20;
const TCP_TIMEOUT_MS = 1000;

/** One small message every 20 ms over one connection; a broken one is made anew and the message said again. */
export async function runTcpClient(options: ClientOptions): Promise<void> {
  const end = performance.now() + options.durationMs;
  let connection: Deno.TcpConn | null = null;
  let messages = 0, connects = 0, longestMs = 0;
  const byte = new Uint8Array(1);
  console.log("started");
  while (performance.now() < end) {
    const asked = performance.now();
    for (let answered = false; !answered && performance.now() < end;) {
      try {
        if (connection === null) {
          connection = await within(Deno.connect({ hostname: options.remote, port: TCP_PORT }), (late) => late.close());
          connection.setNoDelay(true);
          connects++;
        }
        await connection.write(byte);
        answered = await within(connection.read(byte)) === 1;
        if (!answered) throw new Error("closed");
      } catch {
        connection?.close();
        connection = null;
        await sleep(1);
      }
    }
    messages++;
    longestMs = Math.max(longestMs, performance.now() - asked);
    await sleep(TCP_EVERY_MS);
  }
  connection?.close();
  console.log(
    JSON.stringify({ messages, connects, longestMs: Math.round(longestMs * 10) / 10 } satisfies TcpMeasurement),
  );
}

async function within<T>(promise: Promise<T>, late?: (value: T) => void): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const timeout = new Promise<never>((_, reject) =>
    timer = setTimeout(() => reject(new Error("timed out")), TCP_TIMEOUT_MS)
  );
  try {
    return await Promise.race([promise, timeout]);
  } catch (error) {
    promise.then(late, () => {});
    throw error;
  } finally {
    clearTimeout(timer);
  }
}
